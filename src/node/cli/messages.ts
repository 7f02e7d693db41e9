import type { Command } from 'commander'
import type { Latchkey } from '../../compose.ts'
import type { MessageSummary } from '../../service/ports.ts'
import { examples } from './examples.ts'
import { CommandFailure } from './failure.ts'
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
      list(command, COLUMNS, ({ storage }, page) =>
        storage.listMessages({ ...page, accountId: account }),
      ),
    )

  group
    .command('show <id>')
    .description('Show what is known of a message.')
    .option('--payload', 'and the message itself, as it came in: it may hold health data')
    .addHelpText('after', examples('messages show 0199aa…', 'messages show 0199aa… --payload'))
    .action(async (id: string, options: { payload?: true }, command: Command) => {
      const { message, payload } = await withLatchkey(async (latchkey) => ({
        message: await find(latchkey, id),
        payload: options.payload === true ? await openPayload(latchkey, id) : null,
      }))
      if (payload === null) printOne(command, message, DETAILS)
      else
        print(
          command,
          { ...message, payload },
          () => `${formatOne(message, DETAILS)}\n${payload}\n`,
        )
    })
}

async function find({ storage }: Latchkey, id: string): Promise<MessageSummary> {
  const message = await storage.findMessage(id)
  if (message === null) throw new CommandFailure('not_found', `there is no message ${id}`)
  return message
}

async function openPayload({ storage, sealer }: Latchkey, id: string): Promise<string> {
  const sealed = await storage.findPayload(id)
  if (sealed === null) throw new CommandFailure('not_found', `message ${id} has no payload`)
  try {
    return new TextDecoder().decode(await sealer.open(sealed, id))
  } catch (error) {
    throw new CommandFailure(
      'failed',
      `the payload of message ${id} cannot be opened: it was tampered with, or the key ring is not ` +
        'the one that it was sealed with',
      { cause: error },
    )
  }
}
