import type { Command } from 'commander'
import type { SubscriptionQueue, SubscriptionSummary } from '../../service/ports/routing.ts'
import { CommandFailure, unwrapResult } from './command-failure.ts'
import { addPageOptions, printPage } from './paging.ts'
import { type Columns, formatExamples, formatTime, printOne } from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

type SubscriptionStatus = SubscriptionSummary['status']

const SUBSCRIPTION_COLUMNS: Columns<SubscriptionSummary> = [
  ['id', (subscription) => subscription.id],
  ['source', (subscription) => subscription.sourceId],
  ['destination', (subscription) => subscription.destinationId],
  ['data model', (subscription) => subscription.dataModel ?? 'every'],
  ['status', (subscription) => subscription.status],
  ['created', (subscription) => formatTime(subscription.createdAt)],
]

const STATUS_COLUMNS: Columns<{ id: string; status: SubscriptionStatus }> = [
  ['id', (subscription) => subscription.id],
  ['status', (subscription) => subscription.status],
]

const QUEUE_COLUMNS: Columns<SubscriptionQueue> = [
  ['id', (queue) => queue.id],
  ['status', (queue) => queue.status],
  ['queued', (queue) => queue.queued],
  ['failures', (queue) => queue.attempts],
  ['tried again', (queue) => (queue.attempts === 0 ? null : formatTime(queue.dueAt))],
  ['leased until', (queue) => formatTime(queue.leasedUntil)],
]

interface CreateSubscriptionOptions {
  readonly source: string
  readonly destination: string
  readonly dataModel?: string
}

export function defineCommands(group: Command): void {
  group
    .command('create')
    .description('Let a source send to a destination.')
    .requiredOption('--source <id>', 'the source')
    .requiredOption('--destination <id>', 'the destination')
    .option('--data-model <name>', 'for one data model; for every one where it is left out')
    .addHelpText(
      'after',
      formatExamples(
        'subscriptions create --source 0199aa… --destination 0199bb… --data-model Device',
      ),
    )
    .action(
      async ({ source, destination, dataModel }: CreateSubscriptionOptions, command: Command) => {
        const input = { sourceId: source, destinationId: destination, dataModel }
        const result = await withLatchkey(({ subscriptions }) => subscriptions.create(input))
        printOne(command, unwrapResult(result), SUBSCRIPTION_COLUMNS)
      },
    )

  addPageOptions(group.command('list'))
    .description('List subscriptions, oldest first.')
    .option('--source <id>', 'of this source only')
    .addHelpText('after', formatExamples('subscriptions list --source 0199aa…'))
    .action(({ source }: { source?: string }, command: Command) =>
      printPage(command, SUBSCRIPTION_COLUMNS, ({ subscriptions }, page) =>
        subscriptions.list({ ...page, sourceId: source }),
      ),
    )

  group
    .command('pause <id>')
    .description('Stop it: what is sent along it is refused, what is queued waits.')
    .addHelpText('after', formatExamples('subscriptions pause 0199aa…'))
    .action(createStatusAction('paused'))

  group
    .command('resume <id>')
    .description('Undo pause; what is queued is tried at once, also where it was not paused.')
    .addHelpText('after', formatExamples('subscriptions resume 0199aa…'))
    .action(createStatusAction('active'))

  group
    .command('show <id>')
    .description('Show how it is doing: what is queued, and when it is tried again.')
    .addHelpText('after', formatExamples('subscriptions show 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const found = await withLatchkey(({ subscriptions }) => subscriptions.findQueue(id))
      printOne(command, unwrapResult(found), QUEUE_COLUMNS)
    })

  group
    .command('purge <id>')
    .description('Take everything out of its queue: none of it is sent.')
    .option('--yes', 'say that you mean it')
    .addHelpText('after', formatExamples('subscriptions purge 0199aa… --yes'))
    .action(async (id: string, { yes }: { yes?: true }, command: Command) => {
      if (yes !== true) {
        throw new CommandFailure('usage', 'purging loses what is queued: add --yes')
      }
      const purged = await withLatchkey(({ subscriptions }) => subscriptions.purgeQueue(id))
      printOne(command, unwrapResult(purged), QUEUE_COLUMNS)
    })
}

const createStatusAction =
  (status: SubscriptionStatus) => async (id: string, _: object, command: Command) => {
    const result = await withLatchkey(({ subscriptions }) => subscriptions.setStatus(id, status))
    printOne(command, unwrapResult(result), STATUS_COLUMNS)
  }
