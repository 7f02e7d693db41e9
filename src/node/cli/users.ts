import { Argument, type Command, Option } from 'commander'
import type { Role } from '../../domain/key.ts'
import type { User } from '../../service/ports.ts'
import { examples } from './examples.ts'
import { granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, printOne, time } from './print.ts'
import { defineLeave } from './users/leave.ts'
import { defineSignIn } from './users/sign-in.ts'

const ROLES: readonly Role[] = ['operator', 'administrator', 'engineer', 'member']

const COLUMNS: Columns<User> = [
  ['id', (user) => user.id],
  ['account', (user) => user.accountId],
  ['email', (user) => user.email],
  ['username', (user) => user.username],
  ['role', (user) => user.role],
  ['created', (user) => time(user.createdAt)],
  ['left', (user) => time(user.leftAt)],
]

interface Wish {
  readonly account: string
  readonly email: string
  readonly role: Role
  readonly username?: string
}

export function define(group: Command): void {
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
      examples(
        'users create --account 0199aa… --email eng@acme.example --role engineer',
        'users create --account 0199aa… --email dr@acme.example --role engineer --username dr',
      ),
    )
    .action(async ({ account, ...wish }: Wish, command: Command) => {
      const done = await withLatchkey(({ accounts }) =>
        accounts.addUser({ ...wish, accountId: account }),
      )
      printOne(command, granted(done), COLUMNS)
    })

  paged(group.command('list'))
    .description('List people, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', examples('users list', 'users list --account 0199aa…'))
    .action(({ account }: { account?: string }, command: Command) =>
      list(command, COLUMNS, ({ accounts }, page) =>
        accounts.listUsers({ ...page, accountId: account }),
      ),
    )

  group
    .command('set-role')
    .argument('<id>', 'the user')
    .addArgument(new Argument('<role>', 'the new role').choices(ROLES))
    .description('Give a person another role. Keys that they hold already go on working.')
    .addHelpText('after', examples('users set-role 0199aa… administrator'))
    .action(async (id: string, role: Role, _: object, command: Command) => {
      const done = await withLatchkey(({ accounts }) => accounts.setRole(id, role))
      printOne(command, granted(done), COLUMNS)
    })

  defineSignIn(group, COLUMNS)
  defineLeave(group)
}
