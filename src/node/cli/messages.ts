import type { Command } from 'commander'
import { KEPT_ATTEMPTS } from '../../domain/delivery.ts'
import type { AttemptSummary, MessageSummary } from '../../service/ports.ts'
import { examples } from './examples.ts'
import { CommandFailure, granted } from './failure.ts'
import { defineTest } from './messages/test.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, formatMany, formatOne, print, printOne, time } from './print.ts'

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

const ATTEMPTS: Columns<AttemptSummary> = [
  ['attempt', (attempt) => attempt.number],
  ['at', (attempt) => time(attempt.at)],
  ['ms', (attempt) => attempt.ms],
  ['destination', (attempt) => attempt.destinationId],
  ['outcome', (attempt) => attempt.outcome],
  ['status', (attempt) => attempt.httpStatus ?? ''],
  ['detail', (attempt) => attempt.detail],
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
    .description('Show what is known of a message, and what came of its last attempts.')
    .option(
      '--payload',
      'and the message itself, as it came in: it may hold health data, so it is audited',
    )
    .addHelpText('after', examples('messages show 0199aa…', 'messages show 0199aa… --payload'))
    .action(async (id: string, options: { payload?: true }, command: Command) => {
      const shown = await withLatchkey(async ({ messages }) => {
        const message = granted(await messages.find(id))
        const attempts = granted(await messages.attempts(id))
        if (options.payload !== true) return { ...message, attempts }
        const { payload } = granted(await messages.open(id).catch(unopened))
        return { ...message, attempts, payload: new TextDecoder().decode(payload) }
      })
      print(command, shown, () => {
        const tried = shown.attempts.length === 0 ? '' : `\n${formatMany(shown.attempts, ATTEMPTS)}`
        const older = olderThan(shown.attempts, shown)
        const payload = 'payload' in shown ? `\n${shown.payload}\n` : ''
        return formatOne(shown, DETAILS) + tried + older + payload
      })
    })

  defineTest(group)

  group
    .command('replay <id>')
    .description('Send a message once more, after what is queued.')
    .option('--destination <id>', 'to this one only; to all that have it where it is left out')
    .addHelpText(
      'after',
      examples('messages replay 0199aa…', 'messages replay 0199aa… --destination 0199bb…'),
    )
    .action(async (id: string, { destination }: To, command: Command) => {
      const done = await withLatchkey(({ messages }) => messages.replay(id, destination))
      printOne(command, granted(done), COLUMNS)
    })

  group
    .command('skip <id>')
    .description('Take a message out of the queue, so that what stands behind it goes on.')
    .option('--destination <id>', 'to this one only; to all that wait for it where it is left out')
    .addHelpText(
      'after',
      examples('messages skip 0199aa…', 'messages skip 0199aa… --destination 0199bb…'),
    )
    .action(async (id: string, { destination }: To, command: Command) => {
      const done = await withLatchkey(({ messages }) => messages.skip(id, destination))
      printOne(command, granted(done), COLUMNS)
    })
}

function olderThan(attempts: readonly AttemptSummary[], { deliveries }: MessageSummary): string {
  const made = deliveries.reduce((sum, delivery) => sum + delivery.attempts, 0)
  const older = made - attempts.length
  if (older === 0) return ''
  return `${older} older attempts are not shown; the newest ${KEPT_ATTEMPTS} to each destination are kept\n`
}

interface To {
  readonly destination?: string
}

function unopened(error: unknown): never {
  throw new CommandFailure(
    'failed',
    'the payload cannot be opened: it was tampered with, or the key ring is not the one that it ' +
      'was sealed with',
    { cause: error },
  )
}
