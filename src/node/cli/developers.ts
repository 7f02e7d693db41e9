import type { Command } from 'commander'
import type { Developer } from '../../service/ports/accounts.ts'
import { unwrapResult } from './command-failure.ts'
import { addPageOptions, printPage } from './paging.ts'
import { type Columns, formatExamples, formatTime, printOne } from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

const DEVELOPER_COLUMNS: Columns<Developer> = [
  ['id', (developer) => developer.id],
  ['account', (developer) => developer.accountId],
  ['name', (developer) => developer.name],
  ['developer key', (developer) => developer.developerKey],
  ['created', (developer) => formatTime(developer.createdAt)],
]

interface CreateDeveloperOptions {
  readonly account: string
  readonly name: string
  readonly developerKey?: string
}

export function defineCommands(group: Command): void {
  group
    .command('create')
    .description(
      'Make a developer: the developer key stands before those of the offices, and is no secret.',
    )
    .requiredOption('--account <id>', 'the account')
    .requiredOption('--name <name>', 'what people call it')
    .option('--developer-key <key>', 'as another system issued it; made here where it is left out')
    .addHelpText(
      'after',
      formatExamples(
        'developers create --account 0199aa… --name "Acme Dental Apps"',
        'developers create --account 0199aa… --name Acme --developer-key NFF6i0KrXrxDkZHt',
      ),
    )
    .action(async ({ account, ...options }: CreateDeveloperOptions, command: Command) => {
      const result = await withLatchkey(({ developers }) =>
        developers.add({ ...options, accountId: account }),
      )
      printOne(command, unwrapResult(result), DEVELOPER_COLUMNS)
    })

  addPageOptions(group.command('list'))
    .description('List developers, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', formatExamples('developers list', 'developers list --account 0199aa…'))
    .action(({ account }: { account?: string }, command: Command) =>
      printPage(command, DEVELOPER_COLUMNS, ({ developers }, page) =>
        developers.list({ ...page, accountId: account }),
      ),
    )

  group
    .command('remove <id>')
    .description('Remove a developer that no key ever belonged to. The audit keeps what it was.')
    .addHelpText('after', formatExamples('developers remove 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const removed = await withLatchkey(async ({ developers }) => {
        const found = unwrapResult(await developers.find(id))
        unwrapResult(await developers.delete(id))
        return found
      })
      printOne(command, removed, DEVELOPER_COLUMNS)
    })
}
