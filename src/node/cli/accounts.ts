import { Argument, type Command } from 'commander'
import type { AccountStatus } from '../../domain/key.ts'
import type { Account } from '../../service/ports/accounts.ts'
import { CommandFailure, unwrapResult } from './command-failure.ts'
import { addPageOptions, printPage } from './paging.ts'
import { type Columns, formatExamples, formatTime, printOne } from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

const ACCOUNT_COLUMNS: Columns<Account> = [
  ['id', (account) => account.id],
  ['name', (account) => account.name],
  ['region', (account) => account.region],
  ['status', (account) => account.status],
  ['departed keys', (account) => account.departedKeys],
  ['addresses enforced', (account) => account.addressesEnforced],
  ['created', (account) => formatTime(account.createdAt)],
]

interface CreateAccountOptions {
  readonly region?: string
  readonly otherRegion?: boolean
}

export function defineCommands(group: Command): void {
  group
    .command('create <name>')
    .description('Make an account.')
    .option('--region <region>', "its region; this server's where it is left out")
    .option('--other-region', 'create it although this server does not serve its region')
    .addHelpText('after', formatExamples('accounts create "Acme Health"'))
    .action(async (name: string, options: CreateAccountOptions, command: Command) => {
      const result = await withLatchkey(({ accounts }) => accounts.create({ name, ...options }))
      if (!result.ok) {
        const message = result.failure.message.replace('(otherRegion)', '(--other-region)')
        throw new CommandFailure(result.failure.problem, message)
      }
      printOne(command, result.value, ACCOUNT_COLUMNS)
    })

  addPageOptions(group.command('list'))
    .description('List accounts, oldest first.')
    .addHelpText('after', formatExamples('accounts list', 'accounts list --json | jq -r .[].id'))
    .action((_: object, command: Command) =>
      printPage(command, ACCOUNT_COLUMNS, ({ accounts }, page) => accounts.list(page)),
    )

  group
    .command('close <id>')
    .description('Refuse every key of the account, from the next request on.')
    .addHelpText('after', formatExamples('accounts close 0199aa…'))
    .action(createStatusAction('closed'))

  group
    .command('open <id>')
    .description('Undo close.')
    .addHelpText('after', formatExamples('accounts open 0199aa…'))
    .action(createStatusAction('open'))

  group
    .command('departed-keys')
    .argument('<id>', 'the account')
    .addArgument(new Argument('<choice>', 'what becomes of them').choices(['keep', 'disable']))
    .description('Keep or disable the keys of owners who leave from now on. All are flagged.')
    .addHelpText('after', formatExamples('accounts departed-keys 0199aa… disable'))
    .action(async (id: string, choice: Account['departedKeys'], _: object, command: Command) => {
      const result = await withLatchkey(({ accounts }) => accounts.setOffboardingPolicy(id, choice))
      printOne(command, unwrapResult(result), ACCOUNT_COLUMNS)
    })
}

const createStatusAction =
  (status: AccountStatus) => async (id: string, _: object, command: Command) => {
    const result = await withLatchkey(({ accounts }) => accounts.setStatus(id, status))
    printOne(command, unwrapResult(result), ACCOUNT_COLUMNS)
  }
