import type { Command } from 'commander'
import type { MessageSummary } from '../../service/ports.ts'
import { examples } from './examples.ts'
import { CommandFailure, granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, formatOne, print, printOne, time } from './print.ts'

const COLUMNS: Columns<MessageSummary> = [
  ['id', (message) => message.id],
  ['received', (message) => time(message.receivedAt)],
  ['event', (message) => `${message.dataModel}:${message.eventType}`],
  ['test', (message) => message.test],
  [
    'destinations',
    ({ deliveries }) =>
      deliveries.map(({ destinationName, status }) => `${destinationName}: ${status}`).join(', '),
  ],
]

const DETAILS: Columns<MessageSummary> = [
  ...COLUMNS,
  ['serial', (message) => message.serial],
  ['account', (message) => message.accountId],
  ['source', (message) => message.sourceId],
]

export function define(group: Command): void {
  paged(group.command('list'))
    .description('List accepted messages, newest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', examples('messages list --limit 20', 'messages list --account 0199aa…'))
    .action(({ account }: { account?: string }, command: Command) =>
      list(command, COLUMNS, ({ messages }, page) =>
        messages.list({ ...page, accountId: account }),
      ),
    )

  group
    .command('show <id>')
    .description('Show what is known of a message.')
    .option(
      '--payload',
      'and the message itself, as it came in: it may hold health data, so it is audited',
    )
    .addHelpText('after', examples('messages show 0199aa…', 'messages show 0199aa… --payload'))
    .action(async (id: string, options: { payload?: true }, command: Command) => {
      if (options.payload !== true) {
        const message = await withLatchkey(({ messages }) => messages.find(id))
        printOne(command, granted(message), DETAILS)
        return
      }
      const opened = await withLatchkey(({ messages }) => messages.open(id).catch(unopened))
      const { message, payload } = granted(opened)
      const text = new TextDecoder().decode(payload)
      print(
        command,
        { ...message, payload: text },
        () => `${formatOne(message, DETAILS)}\n${text}\n`,
      )
    })
}

function unopened(error: unknown): never {
  throw new CommandFailure(
    'failed',
    'the payload cannot be opened: it was tampered with, or the key ring is not the one that it ' +
      'was sealed with',
    { cause: error },
  )
}
