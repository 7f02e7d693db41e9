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
    for (const { name, heading, description } of COMMAND_GROUPS) {
      const group = program.command(name).description(description).helpGroup(heading)
      if (name === groupName) await defineGroup(group, name)
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

/** Imports the operations of a group, only when it is named, so that the others cost nothing at start. */
const OPERATION_LOADERS = {
  accounts: async () => (await import('../../operations/accounts.ts')).accountOperations,
  users: async () => (await import('../../operations/users.ts')).userOperations,
  sites: async () => (await import('../../operations/sites.ts')).siteOperations,
  developers: async () => (await import('../../operations/developers.ts')).developerOperations,
  'ip-allowlist': async () =>
    (await import('../../operations/ip-allowlist.ts')).ipAllowlistOperations,
  keys: async () => (await import('../../operations/keys.ts')).keyOperations,
  sunset: async () => (await import('../../operations/sunset.ts')).sunsetOperations,
  imports: async () => (await import('../../operations/imports.ts')).importOperations,
  audit: async () => (await import('../../operations/audit.ts')).auditOperations,
  dashboard: async () => (await import('../../operations/dashboard.ts')).dashboardOperations,
  sources: async () => (await import('../../operations/sources.ts')).sourceOperations,
  destinations: async () =>
    (await import('../../operations/destinations.ts')).destinationOperations,
  subscriptions: async () =>
    (await import('../../operations/subscriptions.ts')).subscriptionOperations,
  messages: async () => (await import('../../operations/messages.ts')).messageOperations,
} satisfies Record<string, () => Promise<readonly Operation[]>>

type OperationGroupName = keyof typeof OPERATION_LOADERS

/** The groups whose commands are no operations. */
const COMMAND_DESCRIPTIONS = {
  serve: 'Run the server.',
  console: 'Print the link with which the first operator signs in to the console.',
  demo: 'Show Latchkey with demo vendors.',
  doctor: 'Check this installation and suggest fixes.',
  openapi: 'Print the OpenAPI documents of the APIs for vendors.',
  token: 'Print an access token that works, for the jobs of a vendor.',
  simulate: 'Run a sandbox that fails on purpose, for the tests of a vendor.',
  explain: OPERATION_GROUPS.requests.about,
  keyring: 'Manage the keys of the server.',
  backup: 'Copy the database to a file.',
  restore: 'Restore the database from a backup.',
  copy: 'Copy the data to another database.',
  migrate: 'Update the schema of the database.',
}

type CommandGroupName = keyof typeof COMMAND_DESCRIPTIONS
type GroupName = OperationGroupName | CommandGroupName
type CommandLoader = () => Promise<(group: Command) => void>

/** Imports the commands that are no operations. */
const COMMAND_LOADERS: Readonly<
  Record<CommandGroupName, CommandLoader> & Partial<Record<OperationGroupName, CommandLoader>>
> = {
  serve: async () => (await import('./serve.ts')).defineServeCommand,
  console: async () => (await import('./first-operator-link.ts')).defineConsoleCommand,
  demo: async () => (await import('./serve.ts')).defineDemoCommand,
  doctor: async () => (await import('./doctor.ts')).defineDoctorCommand,
  openapi: async () => (await import('./openapi.ts')).defineOpenApiCommand,
  token: async () => (await import('./token.ts')).defineTokenCommand,
  simulate: async () => (await import('./simulate.ts')).defineSimulateCommand,
  keys: async () => {
    const { defineKeyFileCommands } = await import('./key-files.ts')
    return (group) => {
      defineKeyFileCommands(group)
      addKeysHelp(group)
    }
  },
  audit: async () => (await import('./audit.ts')).defineAuditCommands,
  explain: async () => (await import('./audit.ts')).defineExplainCommand,
  messages: async () => (await import('./messages.ts')).defineMessagesCommands,
  keyring: async () => (await import('./keyring.ts')).defineKeyringCommands,
  backup: async () => (await import('./database.ts')).defineBackupCommand,
  restore: async () => (await import('./database.ts')).defineRestoreCommand,
  copy: async () => (await import('./copy.ts')).defineCopyCommand,
  migrate: async () => (await import('./database.ts')).defineMigrateCommand,
}

/** The headings of `latchkey --help`, and the groups below each. */
const GROUPS_BY_HEADING: Readonly<Record<string, readonly GroupName[]>> = {
  'Run Latchkey:': ['serve', 'console', 'demo', 'doctor', 'openapi'],
  'Accounts:': ['accounts', 'users', 'sites', 'developers', 'ip-allowlist'],
  'Keys:': ['keys', 'imports', 'sunset', 'audit', 'explain', 'dashboard'],
  'Messages:': ['sources', 'destinations', 'subscriptions', 'messages'],
  'For vendors:': ['token', 'simulate'],
  'Maintenance:': ['keyring', 'backup', 'restore', 'copy', 'migrate'],
}

const isOperationGroup = (name: GroupName): name is OperationGroupName => name in OPERATION_LOADERS

export const COMMAND_GROUPS = Object.entries(GROUPS_BY_HEADING).flatMap(([heading, names]) =>
  names.map((name) => ({
    name,
    heading,
    description: isOperationGroup(name) ? OPERATION_GROUPS[name].about : COMMAND_DESCRIPTIONS[name],
  })),
)

/** Defines the commands of a group: its operations, and its others. */
export async function defineGroup(group: Command, name: GroupName): Promise<void> {
  if (isOperationGroup(name)) {
    const [operations, { defineOperationCommand }] = await Promise.all([
      OPERATION_LOADERS[name](),
      import('./operation-command.ts'),
    ])
    for (const operation of operations) {
      if (operation.noCommand === undefined) defineOperationCommand(group, operation, operations)
    }
  }
  const defineOthers = await COMMAND_LOADERS[name]?.()
  defineOthers?.(group)
}

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
  oauth              its account  gets tokens by signed assertions, or by a secret; shown once

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
