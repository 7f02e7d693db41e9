import type { Command } from 'commander'
import type { Feed, SubscriptionSummary } from '../../service/ports.ts'
import { examples } from './examples.ts'
import { CommandFailure, granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, printOne, time } from './print.ts'

type Status = SubscriptionSummary['status']

const COLUMNS: Columns<SubscriptionSummary> = [
  ['id', (subscription) => subscription.id],
  ['source', (subscription) => subscription.sourceId],
  ['destination', (subscription) => subscription.destinationId],
  ['data model', (subscription) => subscription.dataModel ?? 'every'],
  ['status', (subscription) => subscription.status],
  ['created', (subscription) => time(subscription.createdAt)],
]

const CHANGED: Columns<{ id: string; status: Status }> = [
  ['id', (subscription) => subscription.id],
  ['status', (subscription) => subscription.status],
]

const FEED: Columns<Feed> = [
  ['id', (feed) => feed.id],
  ['status', (feed) => feed.status],
  ['queued', (feed) => feed.queued],
  ['failures', (feed) => feed.attempts],
  ['tried again', (feed) => (feed.attempts === 0 ? null : time(feed.dueAt))],
  ['leased until', (feed) => time(feed.leasedUntil)],
]

interface Wish {
  readonly source: string
  readonly destination: string
  readonly dataModel?: string
}

export function define(group: Command): void {
  group
    .command('create')
    .description('Let a source send to a destination.')
    .requiredOption('--source <id>', 'the source')
    .requiredOption('--destination <id>', 'the destination')
    .option('--data-model <name>', 'for one data model; for every one where it is left out')
    .addHelpText(
      'after',
      examples('subscriptions create --source 0199aa… --destination 0199bb… --data-model Device'),
    )
    .action(async ({ source, destination, dataModel }: Wish, command: Command) => {
      const wish = { sourceId: source, destinationId: destination, dataModel }
      const done = await withLatchkey(({ routes }) => routes.subscribe(wish))
      printOne(command, granted(done), COLUMNS)
    })

  paged(group.command('list'))
    .description('List subscriptions, oldest first.')
    .option('--source <id>', 'of this source only')
    .addHelpText('after', examples('subscriptions list --source 0199aa…'))
    .action(({ source }: { source?: string }, command: Command) =>
      list(command, COLUMNS, ({ routes }, page) =>
        routes.listSubscriptions({ ...page, sourceId: source }),
      ),
    )

  group
    .command('pause <id>')
    .description('Stop it: what is sent along it is refused, what is queued waits.')
    .addHelpText('after', examples('subscriptions pause 0199aa…'))
    .action(setStatus('paused'))

  group
    .command('resume <id>')
    .description('Undo pause; what is queued is tried at once, also where it was not paused.')
    .addHelpText('after', examples('subscriptions resume 0199aa…'))
    .action(setStatus('active'))

  group
    .command('show <id>')
    .description('Show how it is doing: what is queued, and when it is tried again.')
    .addHelpText('after', examples('subscriptions show 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const found = await withLatchkey(({ routes }) => routes.findFeed(id))
      printOne(command, granted(found), FEED)
    })

  group
    .command('purge <id>')
    .description('Take everything out of its queue: none of it is sent.')
    .option('--yes', 'say that you mean it')
    .addHelpText('after', examples('subscriptions purge 0199aa… --yes'))
    .action(async (id: string, { yes }: { yes?: true }, command: Command) => {
      if (yes !== true) {
        throw new CommandFailure('usage', 'purging loses what is queued: add --yes')
      }
      const purged = await withLatchkey(({ routes }) => routes.purge(id))
      printOne(command, granted(purged), FEED)
    })
}

const setStatus = (status: Status) => async (id: string, _: object, command: Command) => {
  const done = await withLatchkey(({ routes }) => routes.setSubscriptionStatus(id, status))
  printOne(command, granted(done), CHANGED)
}
