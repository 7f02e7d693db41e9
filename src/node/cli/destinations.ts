import type { Command } from 'commander'
import type { DestinationSummary } from '../../service/ports.ts'
import { examples } from './examples.ts'
import { granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, printOne, time } from './print.ts'

const COLUMNS: Columns<DestinationSummary> = [
  ['id', (destination) => destination.id],
  ['account', (destination) => destination.accountId],
  ['name', (destination) => destination.name],
  ['url', (destination) => destination.url],
  ['development', (destination) => destination.development],
  ['verified', (destination) => time(destination.verifiedAt)],
  ['created', (destination) => time(destination.createdAt)],
]

interface Wish {
  readonly account: string
  readonly name: string
  readonly url?: string
  readonly development?: true
  readonly id?: string
}

export function define(group: Command): void {
  group
    .command('create')
    .description('Make a destination. It takes nothing before it is vouched for.')
    .requiredOption('--account <id>', 'the account')
    .requiredOption('--name <name>', 'what people call it')
    .option('--url <url>', 'where messages are posted to: https')
    .option('--development', 'plain http is good enough')
    .option('--id <uuid>', 'the id that it has elsewhere already')
    .addHelpText(
      'after',
      examples(
        'destinations create --account 0199aa… --name "Redox EMR" --url https://emr.example',
      ),
    )
    .action(async ({ account, ...wish }: Wish, command: Command) => {
      const done = await withLatchkey(({ routes }) =>
        routes.addDestination({ ...wish, accountId: account }),
      )
      printOne(command, granted(done), COLUMNS)
    })

  paged(group.command('list'))
    .description('List destinations, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', examples('destinations list', 'destinations list --account 0199aa…'))
    .action(({ account }: { account?: string }, command: Command) =>
      list(command, COLUMNS, ({ routes }, page) =>
        routes.listDestinations({ ...page, accountId: account }),
      ),
    )

  group
    .command('move <id> <url>')
    .description('Give it another URL. Another URL is another party: vouch for it anew.')
    .addHelpText('after', examples('destinations move 0199aa… https://emr.example/messages'))
    .action(async (id: string, url: string, _: object, command: Command) => {
      const done = await withLatchkey(({ routes }) => routes.moveDestination(id, url))
      printOne(command, granted(done), COLUMNS)
    })

  group
    .command('vouch <id>')
    .description('Verified, on your word: you have made sure that it is who it says.')
    .addHelpText('after', examples('destinations vouch 0199aa…'))
    .action(setVerified(true))

  group
    .command('doubt <id>')
    .description('No longer verified: it takes nothing from the next request on.')
    .addHelpText('after', examples('destinations doubt 0199aa…'))
    .action(setVerified(false))
}

const setVerified = (verified: boolean) => async (id: string, _: object, command: Command) => {
  const done = await withLatchkey(({ routes }) => routes.setVerified(id, verified))
  printOne(command, granted(done), COLUMNS)
}
