import type { Command } from 'commander'
import type { Site } from '../../service/ports/accounts.ts'
import { unwrapResult } from './command-failure.ts'
import { addPageOptions, printPage } from './paging.ts'
import { type Columns, formatExamples, formatTime, printOne } from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

const SITE_COLUMNS: Columns<Site> = [
  ['id', (site) => site.id],
  ['account', (site) => site.accountId],
  ['name', (site) => site.name],
  ['created', (site) => formatTime(site.createdAt)],
]

export function defineCommands(group: Command): void {
  group
    .command('create')
    .description('Make a site: what a xenrad key opens, or an office that takes keys into use.')
    .requiredOption('--account <id>', 'the account')
    .requiredOption('--name <name>', 'what people call it')
    .addHelpText('after', formatExamples('sites create --account 0199aa… --name "Elm Street"'))
    .action(async ({ account, name }: { account: string; name: string }, command: Command) => {
      const result = await withLatchkey(({ sites }) => sites.add({ accountId: account, name }))
      printOne(command, unwrapResult(result), SITE_COLUMNS)
    })

  addPageOptions(group.command('list'))
    .description('List sites, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', formatExamples('sites list', 'sites list --account 0199aa…'))
    .action(({ account }: { account?: string }, command: Command) =>
      printPage(command, SITE_COLUMNS, ({ sites }, page) =>
        sites.list({ ...page, accountId: account }),
      ),
    )

  group
    .command('remove <id>')
    .description('Remove a site that no key ever belonged to. The audit keeps what it was.')
    .addHelpText('after', formatExamples('sites remove 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const removed = await withLatchkey(async ({ sites }) => {
        const found = unwrapResult(await sites.find(id))
        unwrapResult(await sites.delete(id))
        return found
      })
      printOne(command, removed, SITE_COLUMNS)
    })
}
