import { Argument, type Command, Option } from 'commander'
import type { Latchkey } from '../../compose.ts'
import type { Role } from '../../domain/key.ts'
import type { User } from '../../service/ports/accounts.ts'
import type { KeySummary } from '../../service/ports/keys.ts'
import { unwrapResult } from './command-failure.ts'
import { printInvitationLink } from './console.ts'
import { requireOutput } from './output.ts'
import { addPageOptions, printPage } from './paging.ts'
import {
  type Columns,
  formatExamples,
  formatTable,
  formatTime,
  printNote,
  printOne,
  printOutput,
} from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

const ROLES: readonly Role[] = ['operator', 'administrator', 'engineer', 'member']

const USER_COLUMNS: Columns<User> = [
  ['id', (user) => user.id],
  ['account', (user) => user.accountId],
  ['email', (user) => user.email],
  ['username', (user) => user.username],
  ['role', (user) => user.role],
  ['created', (user) => formatTime(user.createdAt)],
  ['left', (user) => formatTime(user.leftAt)],
]

interface CreateUserOptions {
  readonly account: string
  readonly email: string
  readonly role: Role
  readonly username?: string
}

export function defineCommands(group: Command): void {
  group
    .command('create')
    .alias('add')
    .description('Add a person to an account. Engineers and administrators may hold keys.')
    .requiredOption('--account <id>', 'the account')
    .requiredOption('--email <address>', 'e-mail address, once in an account')
    .addOption(new Option('--role <role>', 'role').choices(ROLES).makeOptionMandatory())
    .option('--username <name>', 'once in this server; practice keys are presented with it')
    .addHelpText(
      'after',
      formatExamples(
        'users create --account 0199aa… --email eng@acme.example --role engineer',
        'users create --account 0199aa… --email dr@acme.example --role engineer --username dr',
      ),
    )
    .action(async ({ account, ...options }: CreateUserOptions, command: Command) => {
      const result = await withLatchkey(({ users }) =>
        users.add({ ...options, accountId: account }),
      )
      printOne(command, unwrapResult(result), USER_COLUMNS)
    })

  addPageOptions(group.command('list'))
    .description('List people, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', formatExamples('users list', 'users list --account 0199aa…'))
    .action(({ account }: { account?: string }, command: Command) =>
      printPage(command, USER_COLUMNS, ({ users }, page) =>
        users.list({ ...page, accountId: account }),
      ),
    )

  group
    .command('set-role')
    .argument('<id>', 'the user')
    .addArgument(new Argument('<role>', 'the new role').choices(ROLES))
    .description('Give a person another role. Keys that they hold already go on working.')
    .addHelpText('after', formatExamples('users set-role 0199aa… administrator'))
    .action(async (id: string, role: Role, _: object, command: Command) => {
      const result = await withLatchkey(({ users }) => users.setRole(id, role))
      printOne(command, unwrapResult(result), USER_COLUMNS)
    })

  defineSignInCommands(group, USER_COLUMNS)
  defineDeactivateCommand(group)
}

const USER_HELP = 'the user'

export function defineSignInCommands(group: Command, columns: Columns<User>): void {
  group
    .command('invite')
    .argument('<id>', USER_HELP)
    .description(
      'Print a one-time link to a first password, or to a new one. The link before it ends.',
    )
    .addHelpText('after', formatExamples('users invite 0199aa…', 'users invite 0199aa… --json'))
    .action(async (id: string, _: object, command: Command) => {
      requireOutput()
      const result = await withLatchkey(({ users }) => users.invite(id))
      printInvitationLink(command, unwrapResult(result), `latchkey users invite ${id}`)
    })

  group
    .command('set-username')
    .argument('<id>', USER_HELP)
    .argument('<username>', 'once in this server')
    .description('Give a person another username. Practice keys are presented with it from now on.')
    .addHelpText('after', formatExamples('users set-username 0199aa… dr'))
    .action(async (id: string, username: string, _: object, command: Command) => {
      const result = await withLatchkey(({ users }) => users.setUsername(id, username))
      printOne(command, unwrapResult(result), columns)
    })

  group
    .command('set-email')
    .argument('<id>', USER_HELP)
    .argument('<email>', 'once in the account')
    .description('Give a person another e-mail address. Nobody signs in with it.')
    .addHelpText('after', formatExamples('users set-email 0199aa… mara.west@clinic.example'))
    .action(async (id: string, email: string, _: object, command: Command) => {
      const result = await withLatchkey(({ users }) => users.setEmail(id, email))
      printOne(command, unwrapResult(result), columns)
    })

  group
    .command('sign-out')
    .argument('<id>', USER_HELP)
    .description('End every session and every token of a person, from the next request on.')
    .addHelpText('after', formatExamples('users sign-out 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const result = unwrapResult(await withLatchkey(({ users }) => users.signOut(id)))
      printOutput(
        command,
        result,
        () => `${result.user.email}: sessions and tokens ended: ${result.ended}\n`,
      )
    })

  group
    .command('reset-second-factor')
    .argument('<id>', USER_HELP)
    .description('For who has lost device and recovery codes: the password alone is enough again.')
    .addHelpText('after', formatExamples('users reset-second-factor 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const result = await withLatchkey(({ users }) => users.resetSecondFactor(id))
      printOne(command, unwrapResult(result), columns)
      printNote('Make sure that it is really this person who asks.')
    })
}

/** Describes the keys of a deactivated owner. `keys list` marks them either way. */
type KeyFate = 'disabled' | 'flagged'

interface DeactivatedUser {
  readonly user: User
  readonly keys: readonly { id: string; publicId: string; name: string; fate: KeyFate }[]
}

export function defineDeactivateCommand(group: Command): void {
  group
    .command('leave <id>')
    .description('A person has left. Says what became of the keys, as the account wants it.')
    .addHelpText(
      'after',
      '\n`latchkey accounts departed-keys` sets whether they go on working or are disabled.',
    )
    .addHelpText('after', formatExamples('users leave 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const deactivated = await withLatchkey(async (latchkey): Promise<DeactivatedUser> => {
        const user = unwrapResult(await latchkey.users.deactivate(id))
        const keys = await listLivingKeys(latchkey, user.id)
        return {
          user,
          keys: keys.map((key) => ({ ...toKeyNames(key), fate: getKeyFate(key, user) })),
        }
      })
      printOutput(command, deactivated, () =>
        formatTable(
          ['key', 'public id', 'name', 'fate'],
          deactivated.keys.map((key) => [key.id, key.publicId, key.name, key.fate]),
        ),
      )
      printNote(formatDeactivation(deactivated))
    })
}

async function listLivingKeys({ keys }: Latchkey, ownerId: string): Promise<KeySummary[]> {
  const livingKeys: KeySummary[] = []
  let after: string | undefined
  do {
    const page = await keys.list({ ownerId, after, limit: 1000 })
    livingKeys.push(...page.filter(({ status }) => status !== 'revoked'))
    after = page.at(-1)?.id
  } while (after !== undefined)
  return livingKeys
}

const toKeyNames = ({ id, publicId, name }: KeySummary) => ({ id, publicId, name })

/** Keys that were disabled before stay as they were. */
const getKeyFate = ({ disabledAt }: KeySummary, { leftAt }: User): KeyFate =>
  disabledAt === leftAt ? 'disabled' : 'flagged'

function formatDeactivation({ user, keys }: DeactivatedUser): string {
  if (keys.length === 0) return `${user.email} has left, and held no living key.`
  const count = (fate: KeyFate) => keys.filter((key) => key.fate === fate).length
  return (
    `${user.email} has left. Keys that were disabled: ${count('disabled')}; that stay as they are: ` +
    `${count('flagged')}. Hand them over: latchkey keys transfer <id> --to <user>`
  )
}
