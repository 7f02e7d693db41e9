/** The groups of operations. `latchkey --help` and the OpenAPI document describe them. */
export const OPERATION_GROUPS = {
  accounts: { title: 'Accounts', about: 'Organizations.' },
  users: { title: 'Users', about: 'Users of an account, and their sign-in.' },
  sites: { title: 'Sites', about: 'Sites of an account: what imaging keys open, and offices.' },
  developers: { title: 'Developers', about: 'Developers of programs that offices use.' },
  'ip-allowlist': {
    title: 'IP allowlist',
    about: 'The networks from which the keys of an account work.',
  },
  sources: { title: 'Sources', about: 'Senders of messages.' },
  destinations: {
    title: 'Destinations',
    about: 'Receivers of messages, once they are verified.',
  },
  subscriptions: {
    title: 'Subscriptions',
    about: 'Connections from a source to a destination, and their queues.',
  },
  keys: { title: 'Keys', about: 'Keys of every type.' },
  messages: { title: 'Messages', about: 'Accepted messages and their deliveries.' },
  audit: { title: 'Audit', about: 'The tamper-evident audit.' },
  requests: { title: 'Requests', about: 'Explanations of requests.' },
  dashboard: {
    title: 'Dashboard',
    about: 'Traffic, key counts, and resources that need attention.',
  },
  me: { title: 'You', about: 'Your own profile and API tokens.' },
} as const
