import type { Command } from 'commander'
import type { Site } from '../../service/ports.ts'
import { examples } from './examples.ts'
import { granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, printOne, time } from './print.ts'

const COLUMNS: Columns<Site> = [
  ['id', (site) => site.id],
  ['account', (site) => site.accountId],
  ['name', (site) => site.name],
  ['created', (site) => time(site.createdAt)],
]

export function define(group: Command): void {
  group
    .command('create')
    .description('Make a site: what a xenrad key opens, or an office that takes keys into use.')
    .requiredOption('--account <id>', 'the account')
    .requiredOption('--name <name>', 'what people call it')
    .addHelpText('after', examples('sites create --account 0199aa… --name "Elm Street"'))
    .action(async ({ account, name }: { account: string; name: string }, command: Command) => {
      const done = await withLatchkey(({ places }) => places.addSite({ accountId: account, name }))
      printOne(command, granted(done), COLUMNS)
    })

  paged(group.command('list'))
    .description('List sites, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', examples('sites list', 'sites list --account 0199aa…'))
    .action(({ account }: { account?: string }, command: Command) =>
      list(command, COLUMNS, ({ places }, page) =>
        places.listSites({ ...page, accountId: account }),
      ),
    )

  group
    .command('remove <id>')
    .description('Remove a site that no key ever belonged to. The audit keeps what it was.')
    .addHelpText('after', examples('sites remove 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const removed = await withLatchkey(async ({ places }) => {
        const found = granted(await places.findSite(id))
        granted(await places.removeSite(id))
        return found
      })
      printOne(command, removed, COLUMNS)
    })
}
