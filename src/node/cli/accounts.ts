import { Argument, type Command } from 'commander'
import type { AccountStatus } from '../../domain/key.ts'
import type { Account } from '../../service/ports.ts'
import { examples } from './examples.ts'
import { CommandFailure, granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, printOne, time } from './print.ts'

const COLUMNS: Columns<Account> = [
  ['id', (account) => account.id],
  ['name', (account) => account.name],
  ['region', (account) => account.region],
  ['status', (account) => account.status],
  ['departed keys', (account) => account.departedKeys],
  ['addresses enforced', (account) => account.addressesEnforced],
  ['created', (account) => time(account.createdAt)],
]

interface CreateOptions {
  readonly region?: string
  readonly otherRegion?: boolean
}

export function define(group: Command): void {
  group
    .command('create <name>')
    .description('Make an account.')
    .option('--region <region>', "its region; this server's where it is left out")
    .option('--other-region', 'create it although this server does not serve its region')
    .addHelpText('after', examples('accounts create "Acme Health"'))
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const done = await withLatchkey(({ accounts }) => accounts.create({ name, ...options }))
      if (!done.ok) {
        const message = done.failure.message.replace('(otherRegion)', '(--other-region)')
        throw new CommandFailure(done.failure.problem, message)
      }
      printOne(command, done.value, COLUMNS)
    })

  paged(group.command('list'))
    .description('List accounts, oldest first.')
    .addHelpText('after', examples('accounts list', 'accounts list --json | jq -r .[].id'))
    .action((_: object, command: Command) =>
      list(command, COLUMNS, ({ accounts }, page) => accounts.list(page)),
    )

  group
    .command('close <id>')
    .description('Refuse every key of the account, from the next request on.')
    .addHelpText('after', examples('accounts close 0199aa…'))
    .action(setStatus('closed'))

  group
    .command('open <id>')
    .description('Undo close.')
    .addHelpText('after', examples('accounts open 0199aa…'))
    .action(setStatus('open'))

  group
    .command('departed-keys')
    .argument('<id>', 'the account')
    .addArgument(new Argument('<choice>', 'what becomes of them').choices(['keep', 'disable']))
    .description('Keep or disable the keys of owners who leave from now on. All are flagged.')
    .addHelpText('after', examples('accounts departed-keys 0199aa… disable'))
    .action(async (id: string, choice: Account['departedKeys'], _: object, command: Command) => {
      const done = await withLatchkey(({ accounts }) => accounts.setDepartedKeys(id, choice))
      printOne(command, granted(done), COLUMNS)
    })
}

const setStatus = (status: AccountStatus) => async (id: string, _: object, command: Command) => {
  const done = await withLatchkey(({ accounts }) => accounts.setStatus(id, status))
  printOne(command, granted(done), COLUMNS)
}
