import type { Command } from 'commander'
import { toStoredId } from '../../domain/id.ts'
import type { Operation } from '../../operations/define.ts'
import { OPERATION_GROUPS } from '../../operations/groups.ts'

interface CommandGroup {
  readonly description: string
  /** Imports the group's commands only when it is named, so that the others cost nothing at start. */
  readonly load: () => Promise<{ defineCommands(group: Command): void }>
}

/** Creates a group whose commands are operations, and those that `loadOthers` imports. */
function createOperationGroup(
  name: keyof typeof OPERATION_GROUPS,
  loadOperations: () => Promise<readonly Operation[]>,
  loadOthers?: CommandGroup['load'],
): CommandGroup {
  const { about } = OPERATION_GROUPS[name]
  return {
    description: about,
    async load() {
      const [operations, { defineOperationCommand }, others] = await Promise.all([
        loadOperations(),
        import('./operation-command.ts'),
        loadOthers?.(),
      ])
      return {
        defineCommands(group) {
          for (const operation of operations) {
            if (operation.noCommand === undefined) {
              defineOperationCommand(group, operation, operations)
            }
          }
          others?.defineCommands(group)
        },
      }
    },
  }
}

/** The groups in the order of `latchkey --help`, under its headings. */
const GROUPS_BY_HEADING: Readonly<Record<string, Readonly<Record<string, CommandGroup>>>> = {
  'Run Latchkey:': {
    serve: { description: 'Run the server.', load: () => import('./serve.ts') },
    console: {
      description: 'Print the link with which the first operator signs in to the console.',
      load: () => import('./console.ts'),
    },
    demo: { description: 'Show Latchkey with demo vendors.', load: () => import('./demo.ts') },
    doctor: {
      description: 'Check this installation and suggest fixes.',
      load: () => import('./doctor.ts'),
    },
  },
  'Accounts:': {
    accounts: createOperationGroup(
      'accounts',
      async () => (await import('../../operations/accounts.ts')).accountOperations,
    ),
    users: createOperationGroup(
      'users',
      async () => (await import('../../operations/users.ts')).userOperations,
    ),
    sites: createOperationGroup(
      'sites',
      async () => (await import('../../operations/sites.ts')).siteOperations,
    ),
    developers: createOperationGroup(
      'developers',
      async () => (await import('../../operations/developers.ts')).developerOperations,
    ),
    'ip-allowlist': createOperationGroup(
      'ip-allowlist',
      async () => (await import('../../operations/ip-allowlist.ts')).ipAllowlistOperations,
    ),
  },
  'Keys:': {
    keys: createOperationGroup(
      'keys',
      async () => (await import('../../operations/keys.ts')).keyOperations,
      () => import('./keys.ts'),
    ),
    audit: createOperationGroup(
      'audit',
      async () => (await import('../../operations/audit.ts')).auditOperations,
      () => import('./audit.ts'),
    ),
    explain: {
      description: OPERATION_GROUPS.requests.about,
      load: () => import('./explain-request.ts'),
    },
    dashboard: createOperationGroup(
      'dashboard',
      async () => (await import('../../operations/dashboard.ts')).dashboardOperations,
    ),
  },
  'Messages:': {
    sources: createOperationGroup(
      'sources',
      async () => (await import('../../operations/sources.ts')).sourceOperations,
    ),
    destinations: createOperationGroup(
      'destinations',
      async () => (await import('../../operations/destinations.ts')).destinationOperations,
    ),
    subscriptions: createOperationGroup(
      'subscriptions',
      async () => (await import('../../operations/subscriptions.ts')).subscriptionOperations,
    ),
    messages: createOperationGroup(
      'messages',
      async () => (await import('../../operations/messages.ts')).messageOperations,
      () => import('./messages.ts'),
    ),
  },
  'Maintenance:': {
    keyring: { description: 'Manage the keys of the server.', load: () => import('./keyring.ts') },
    backup: { description: 'Copy the database to a file.', load: () => import('./backup.ts') },
    restore: {
      description: 'Restore the database from a backup.',
      load: () => import('./restore.ts'),
    },
    copy: { description: 'Copy the data to another database.', load: () => import('./copy.ts') },
    migrate: {
      description: 'Update the schema of the database.',
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
const ID_PLACEHOLDERS = ['id', 'request-id', 'cursor']

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
