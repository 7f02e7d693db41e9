import type { Command } from 'commander'

interface Group {
  readonly description: string
  /** Imported only when the group is named: the others cost nothing at start. */
  readonly load: () => Promise<{ define(group: Command): void }>
}

/** Everything that the command line can do, in the order of `latchkey --help`. */
export const GROUPS: Readonly<Record<string, Group>> = {
  serve: { description: 'run the server', load: () => import('./serve.ts') },
  demo: { description: 'see it work, with made-up vendors', load: () => import('./demo.ts') },
  accounts: { description: 'organizations', load: () => import('./accounts.ts') },
  users: { description: 'the people of accounts', load: () => import('./users.ts') },
  sources: { description: 'where messages come from', load: () => import('./sources.ts') },
  keys: { description: 'the API keys of vendors', load: () => import('./keys.ts') },
  destinations: {
    description: 'where messages go',
    load: () => import('./destinations.ts'),
  },
  subscriptions: {
    description: 'which source may send to which destination',
    load: () => import('./subscriptions.ts'),
  },
  messages: { description: 'what was accepted', load: () => import('./messages.ts') },
  keyring: { description: "the server's own keys", load: () => import('./keyring.ts') },
  explain: {
    description: 'what was decided about a request, and why',
    load: () => import('./explain-request.ts'),
  },
  audit: { description: 'who did what to whom', load: () => import('./audit.ts') },
  backup: { description: 'copy the database to a file', load: () => import('./backup.ts') },
  restore: { description: 'put a backup in its place', load: () => import('./restore.ts') },
  copy: { description: 'move to another database', load: () => import('./copy.ts') },
  migrate: {
    description: 'bring an older database up to date',
    load: () => import('./migrate.ts'),
  },
  doctor: {
    description: 'find what is wrong with this installation',
    load: () => import('./doctor.ts'),
  },
}

/** The group that a command line names, `help <group>` too. What may stand before it takes no value. */
export function namedGroup(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'))
  return first === 'help' ? second : first
}
