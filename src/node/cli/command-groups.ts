import type { Command } from 'commander'
import { toStoredId } from '../../domain/id.ts'
import type { Operation } from '../../operations/define.ts'
import { OPERATION_GROUPS } from '../../operations/groups.ts'

interface CommandGroup {
  readonly description: string
  /** Imports the group's commands only when it is named, so that the others cost nothing at start. */
  readonly load: () => Promise<(group: Command) => void>
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
      const [operations, { defineOperationCommand }, defineOthers] = await Promise.all([
        loadOperations(),
        import('./operation-command.ts'),
        loadOthers?.(),
      ])
      return (group) => {
        for (const operation of operations) {
          if (operation.noCommand === undefined) {
            defineOperationCommand(group, operation, operations)
          }
        }
        defineOthers?.(group)
      }
    },
  }
}

/** The groups in the order of `latchkey --help`, under its headings. */
const GROUPS_BY_HEADING: Readonly<Record<string, Readonly<Record<string, CommandGroup>>>> = {
  'Run Latchkey:': {
    serve: {
      description: 'Run the server.',
      load: async () => (await import('./serve.ts')).defineServeCommand,
    },
    console: {
      description: 'Print the link with which the first operator signs in to the console.',
      load: async () => (await import('./console.ts')).defineConsoleCommand,
    },
    demo: {
      description: 'Show Latchkey with demo vendors.',
      load: async () => (await import('./demo.ts')).defineDemoCommand,
    },
    doctor: {
      description: 'Check this installation and suggest fixes.',
      load: async () => (await import('./doctor.ts')).defineDoctorCommand,
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
      async () => (await import('./keys.ts')).addKeysHelp,
    ),
    audit: createOperationGroup(
      'audit',
      async () => (await import('../../operations/audit.ts')).auditOperations,
      async () => (await import('./audit.ts')).defineAuditCommands,
    ),
    explain: {
      description: OPERATION_GROUPS.requests.about,
      load: async () => (await import('./explain-request.ts')).defineExplainCommand,
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
      async () => (await import('./messages.ts')).defineMessagesCommands,
    ),
  },
  'Maintenance:': {
    keyring: {
      description: 'Manage the keys of the server.',
      load: async () => (await import('./keyring.ts')).defineKeyringCommands,
    },
    backup: {
      description: 'Copy the database to a file.',
      load: async () => (await import('./backup.ts')).defineBackupCommand,
    },
    restore: {
      description: 'Restore the database from a backup.',
      load: async () => (await import('./backup.ts')).defineRestoreCommand,
    },
    copy: {
      description: 'Copy the data to another database.',
      load: async () => (await import('./copy.ts')).defineCopyCommand,
    },
    migrate: {
      description: 'Update the schema of the database.',
      load: async () => (await import('./migrate.ts')).defineMigrateCommand,
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

/**
 * Converts `help keys create` to `keys create --help`. Without --help if there is no such command, so that the
 * parser reports it and suggests another.
 */
export function resolveHelp(program: Command, args: readonly string[]): readonly string[] {
  const [first, ...path] = args.filter((arg) => !arg.startsWith('-'))
  if (first !== 'help' || path.length === 0) return args
  let command: Command | undefined = program
  for (const name of path) {
    if (command.commands.length === 0) break
    command = command.commands.find((one) => one.name() === name)
    if (command === undefined) return path
  }
  return [...path, '--help']
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
