import type { Command } from 'commander'
import { toStoredId } from '../../domain/id.ts'

interface CommandGroup {
  readonly description: string
  /** Imports the group's commands only when it is named, so that the others cost nothing at start. */
  readonly load: () => Promise<{ defineCommands(group: Command): void }>
}

/** The groups in the order of `latchkey --help`, under its headings. */
const GROUPS_BY_HEADING: Readonly<Record<string, Readonly<Record<string, CommandGroup>>>> = {
  'Run it:': {
    serve: { description: 'run the server', load: () => import('./serve.ts') },
    console: {
      description: 'the way into the console, for its first operator',
      load: () => import('./console.ts'),
    },
    demo: { description: 'see it work, with made-up vendors', load: () => import('./demo.ts') },
    doctor: {
      description: 'find what is wrong with this installation',
      load: () => import('./doctor.ts'),
    },
  },
  'Who holds keys, and what for:': {
    accounts: { description: 'organizations', load: () => import('./accounts.ts') },
    users: { description: 'the people of accounts', load: () => import('./users.ts') },
    sources: {
      description: 'where messages come from (redox)',
      load: () => import('./sources.ts'),
    },
    sites: {
      description: 'what keys open (xenrad), and offices (opendental)',
      load: () => import('./sites.ts'),
    },
    developers: {
      description: 'whose programs offices use (opendental)',
      load: () => import('./developers.ts'),
    },
  },
  'Keys:': {
    keys: {
      description: 'the API keys of every dialect, from creation to their end',
      load: () => import('./keys.ts'),
    },
    addresses: {
      description: 'from where the keys of an account work',
      load: () => import('./ip-allowlist.ts'),
    },
    audit: { description: 'who did what to whom', load: () => import('./audit.ts') },
    explain: {
      description: 'what was decided about a request, and why',
      load: () => import('./explain-request.ts'),
    },
  },
  'Messages:': {
    destinations: { description: 'where messages go', load: () => import('./destinations.ts') },
    subscriptions: {
      description: 'which source may send to which destination',
      load: () => import('./subscriptions.ts'),
    },
    messages: { description: 'what was accepted', load: () => import('./messages.ts') },
  },
  'Keep it:': {
    keyring: { description: "the server's own keys", load: () => import('./keyring.ts') },
    backup: { description: 'copy the database to a file', load: () => import('./backup.ts') },
    restore: { description: 'put a backup in its place', load: () => import('./restore.ts') },
    copy: { description: 'move to another database', load: () => import('./copy.ts') },
    migrate: {
      description: 'bring an older database up to date',
      load: () => import('./migrate.ts'),
    },
  },
}

export const COMMAND_GROUPS: readonly (CommandGroup & {
  readonly name: string
  readonly heading: string
})[] = Object.entries(GROUPS_BY_HEADING).flatMap(([heading, groups]) =>
  Object.entries(groups).map(([name, group]) => ({ ...group, name, heading })),
)

/** Finds the group that a command line names, or `help <group>`. The options before it take no value. */
export function findGroupName(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'))
  return first === 'help' ? second : first
}

/** The placeholders for ids in the usage texts of commands. */
const ID_PLACEHOLDERS = ['id', 'user', 'request-id', 'network', 'cursor']

/** Converts every id on a command line to its stored form. */
export function normalizeIds(command: Command): void {
  command.registeredArguments.forEach((argument, n) => {
    const value: unknown = command.processedArgs[n]
    if (ID_PLACEHOLDERS.includes(argument.name()) && typeof value === 'string') {
      command.processedArgs[n] = toStoredId(value)
    }
  })
  for (const option of command.options) {
    const [, placeholder = ''] = /<([\w-]+)>/.exec(option.flags) ?? []
    const name = option.attributeName()
    const value: unknown = command.getOptionValue(name)
    if (ID_PLACEHOLDERS.includes(placeholder) && typeof value === 'string') {
      command.setOptionValue(name, toStoredId(value))
    }
  }
}
