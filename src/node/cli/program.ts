import { Command } from 'commander'
import { toStoredId } from '../../domain/id.ts'
import type { Operation } from '../../operations/define.ts'
import { OPERATION_GROUPS } from '../../operations/groups.ts'
import { readPackageFile } from '../package-file.ts'
import { reportErrors } from './command-failure.ts'
import { formatExamples } from './print.ts'
import { handleWriteErrors } from './terminal.ts'

/** Runs a command line. */
export async function runProgram(args: readonly string[]): Promise<void> {
  // The files that this process creates (database, key ring) are readable by their owner only.
  process.umask(0o077)
  handleWriteErrors()
  const program = createProgram()
  await reportErrors(program, async () => {
    const groupName = findGroupName(args)
    for (const { name, heading, description, load } of COMMAND_GROUPS) {
      const group = program.command(name).description(description).helpGroup(heading)
      if (name === groupName) (await load())(group)
    }
    await program.parseAsync(resolveHelp(program, args), { from: 'user' })
  })
}

function createProgram(): Command {
  const { version } = JSON.parse(readPackageFile('package.json')) as { version: string }
  return new Command('latchkey')
    .description(
      'Exchanges long-lived vendor API keys for short-lived tokens, and guards the APIs behind them.',
    )
    .version(version, '--version', 'print the version')
    .option('--json', 'one JSON document instead of text; errors too')
    .configureHelp({ showGlobalOptions: true })
    .commandsGroup('More:')
    .addHelpText('after', PROGRAM_HELP)
    .hook('preAction', (_, command) => normalizeIds(command))
}

const PROGRAM_HELP = `
Settings are read from the environment: \`latchkey serve --help\` lists them all.
Commands work on the database of LATCHKEY_DATA or LATCHKEY_DATABASE, beside a running server: what
they change is in force at its next request. \`latchkey keys --help\` is where most days begin.

From nothing to a key:
  $ latchkey accounts create --name "Acme Health"
  $ latchkey users create --account 0199aa… --email eng@acme.example --role engineer
  $ latchkey keys create --key-type xdent --owner 0199bb… --name "nightly job"

Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration.`

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
      load: async () => (await import('./first-operator-link.ts')).defineConsoleCommand,
    },
    demo: {
      description: 'Show Latchkey with demo vendors.',
      load: async () => (await import('./serve.ts')).defineDemoCommand,
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
      async () => addKeysHelp,
    ),
    audit: createOperationGroup(
      'audit',
      async () => (await import('../../operations/audit.ts')).auditOperations,
      async () => (await import('./audit.ts')).defineAuditCommands,
    ),
    explain: {
      description: OPERATION_GROUPS.requests.about,
      load: async () => (await import('./audit.ts')).defineExplainCommand,
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

/** Adds what all commands for keys have in common to the help of the group. */
function addKeysHelp(group: Command): void {
  group
    .addHelpText('after', KEYS_HELP)
    .addHelpText(
      'after',
      formatExamples(
        'keys list --status enabled',
        'keys rotate-secret 0199aa… --overlap 24h',
        'keys revoke 0199aa… --yes',
      ),
    )
}

const KEYS_HELP = `
Key types, what their keys belong to, and how their secrets are shown:
  redox              --source     exchanged for tokens; shown once
  xenrad             --site       sent with every request; shown once
  opendental         --developer  an office's data; can be viewed again; works once it is assigned
  opendental-portal  --developer  the developer's list of customer keys; shown once
  xdent              its account  sent with every request; shown once
  practice           its owner    the owner needs a username; can be viewed again

An id is the key's id or its public id; put -- before an id that begins with a dash.
Every change takes effect at the next request. To renew a secret without a gap, rotate it with an
overlap, or create a second key, deploy it, and revoke the first.
A secret is never an argument, because other users of the machine could read it: --secret-stdin reads it.
HL7 over MLLP carries no key, so that Latchkey cannot guard it.`

/** Finds the group that a command line names, or `help <group>`. The options before it take no value. */
function findGroupName(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'))
  return first === 'help' ? second : first
}

/**
 * Converts `help keys create` to `keys create --help`. Without --help if there is no such command, so that the
 * parser reports it and suggests another.
 */
function resolveHelp(program: Command, args: readonly string[]): readonly string[] {
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
function normalizeIds(command: Command): void {
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
