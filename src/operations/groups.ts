/** The groups of operations. `latchkey --help` and the OpenAPI document describe them. */
export const OPERATION_GROUPS = {
  accounts: { title: 'Accounts', about: 'Every organization of this server.' },
  users: { title: 'Users', about: 'Users of an account, their roles and their sign-in.' },
  sites: {
    title: 'Sites',
    about: 'Clinics, offices and hospitals. Keys of some types belong to one.',
  },
  developers: {
    title: 'Developers',
    about: 'Developers of programs that offices use, and their keys.',
  },
  'ip-allowlist': {
    title: 'IP allowlist',
    about: 'The networks from which the keys of an account work.',
  },
  sources: { title: 'Sources', about: 'Systems that send messages.' },
  destinations: {
    title: 'Destinations',
    about: 'Systems that receive messages, once they are verified.',
  },
  subscriptions: {
    title: 'Subscriptions',
    about: 'Sources, the destinations they send to, and the queues between them.',
  },
  keys: { title: 'Keys', about: 'Keys of every type.' },
  sunset: { title: 'Sunsets', about: 'Plans to retire the keys that OAuth replaces.' },
  imports: { title: 'Imports', about: 'Imports of keys from other systems.' },
  messages: { title: 'Messages', about: 'Accepted messages and their deliveries.' },
  audit: { title: 'Audit', about: 'The tamper-evident audit.' },
  requests: { title: 'Requests', about: 'Explanations of requests.' },
  dashboard: {
    title: 'Dashboard',
    about: 'Traffic, key counts, and resources that need attention.',
  },
  me: { title: 'You', about: 'Your own profile and API tokens.' },
} as const
