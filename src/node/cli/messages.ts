import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Latchkey } from '../../compose.ts'
import { findEventKind } from '../../domain/catalog.ts'
import { MAX_STORED_ATTEMPTS } from '../../domain/delivery.ts'
import type { AttemptSummary, MessageSummary } from '../../service/ports/messages.ts'
import { CommandFailure, unwrapResult } from './command-failure.ts'
import { addPageOptions, printPage } from './paging.ts'
import {
  alignRows,
  type Columns,
  formatExamples,
  formatMany,
  formatOne,
  formatTime,
  printOne,
  printOutput,
} from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

const MESSAGE_COLUMNS: Columns<MessageSummary> = [
  ['id', (message) => message.id],
  ['received', (message) => formatTime(message.receivedAt)],
  ['event', (message) => `${message.dataModel}:${message.eventType}`],
  ['test', (message) => message.test],
  [
    'destinations',
    ({ deliveries }) =>
      deliveries.map(({ destinationName, status }) => `${destinationName}: ${status}`).join(', '),
  ],
]

const ATTEMPT_COLUMNS: Columns<AttemptSummary> = [
  ['attempt', (attempt) => attempt.number],
  ['at', (attempt) => formatTime(attempt.at)],
  ['ms', (attempt) => attempt.ms],
  ['destination', (attempt) => attempt.destinationId],
  ['outcome', (attempt) => attempt.outcome],
  ['status', (attempt) => attempt.httpStatus ?? ''],
  ['detail', (attempt) => attempt.detail],
]

const MESSAGE_DETAIL_COLUMNS: Columns<MessageSummary> = [
  ...MESSAGE_COLUMNS,
  ['serial', (message) => message.serial],
  ['account', (message) => message.accountId],
  ['source', (message) => message.sourceId],
]

export function defineCommands(group: Command): void {
  addPageOptions(group.command('list'))
    .description('List accepted messages, newest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText(
      'after',
      formatExamples('messages list --limit 20', 'messages list --account 0199aa…'),
    )
    .action(({ account }: { account?: string }, command: Command) =>
      printPage(command, MESSAGE_COLUMNS, ({ messages }, page) =>
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
    .addHelpText(
      'after',
      formatExamples('messages show 0199aa…', 'messages show 0199aa… --payload'),
    )
    .action(async (id: string, options: { payload?: true }, command: Command) => {
      const messageDocument = await withLatchkey(async ({ messages }) => {
        const message = unwrapResult(await messages.find(id))
        const attempts = unwrapResult(await messages.listAttempts(id))
        if (options.payload !== true) return { ...message, attempts }
        const { payload } = unwrapResult(await messages.readPayload(id).catch(failUnopenedPayload))
        return { ...message, attempts, payload: new TextDecoder().decode(payload) }
      })
      printOutput(command, messageDocument, () => {
        const attemptTable =
          messageDocument.attempts.length === 0
            ? ''
            : `\n${formatMany(messageDocument.attempts, ATTEMPT_COLUMNS)}`
        const older = formatOlderAttempts(messageDocument.attempts, messageDocument)
        const payload = 'payload' in messageDocument ? `\n${messageDocument.payload}\n` : ''
        return formatOne(messageDocument, MESSAGE_DETAIL_COLUMNS) + attemptTable + older + payload
      })
    })

  defineTestCommand(group)

  group
    .command('replay <id>')
    .description('Send a message once more, after what is queued.')
    .option('--destination <id>', 'to this one only; to all that have it where it is left out')
    .addHelpText(
      'after',
      formatExamples('messages replay 0199aa…', 'messages replay 0199aa… --destination 0199bb…'),
    )
    .action(async (id: string, { destination }: DestinationOption, command: Command) => {
      const result = await withLatchkey(({ messages }) => messages.replay(id, destination))
      printOne(command, unwrapResult(result), MESSAGE_COLUMNS)
    })

  group
    .command('skip <id>')
    .description('Take a message out of the queue, so that what stands behind it goes on.')
    .option('--destination <id>', 'to this one only; to all that wait for it where it is left out')
    .addHelpText(
      'after',
      formatExamples('messages skip 0199aa…', 'messages skip 0199aa… --destination 0199bb…'),
    )
    .action(async (id: string, { destination }: DestinationOption, command: Command) => {
      const result = await withLatchkey(({ messages }) => messages.skip(id, destination))
      printOne(command, unwrapResult(result), MESSAGE_COLUMNS)
    })
}

function formatOlderAttempts(
  attempts: readonly AttemptSummary[],
  { deliveries }: MessageSummary,
): string {
  const totalAttempts = deliveries.reduce((sum, delivery) => sum + delivery.attempts, 0)
  const older = totalAttempts - attempts.length
  if (older === 0) return ''
  return `${older} older attempts are not shown; the newest ${MAX_STORED_ATTEMPTS} to each destination are kept\n`
}

interface DestinationOption {
  readonly destination?: string
}

function failUnopenedPayload(error: unknown): never {
  throw new CommandFailure(
    'failed',
    'the payload cannot be opened: it was tampered with, or the key ring is not the one that it ' +
      'was sealed with',
    { cause: error },
  )
}

interface TestMessageOptions {
  readonly source: string
  readonly destination?: string
  readonly event: string
  readonly file?: string
  readonly sample?: true
}

export function defineTestCommand(group: Command): void {
  group
    .command('test')
    .description(
      'Send a test message as a source would: it is judged, stored and delivered as the source’s own ' +
        'are, marked as a test, and recorded in the audit. The running server delivers it. Shown is the ' +
        'answer that the vendor’s program would get, and, where it is refused, why. Exit code 1 where it is.',
    )
    .requiredOption('--source <id>', 'the source; it needs a key')
    .option('--destination <id>', 'send a sample that is made for this destination')
    .option('--event <name>', 'of this event of the catalogue', 'Device:New')
    .option('--file <file>', 'send this message; - is standard input. Its Meta.Test must be true')
    .option('--sample', 'print the sample and send nothing: to be edited')
    .addHelpText(
      'after',
      formatExamples(
        'messages test --source 0199aa… --destination 0199bb…',
        'messages test --source 0199aa… --destination 0199bb… --event "Notes:New" --sample > note.json',
        'messages test --source 0199aa… --file note.json',
      ),
    )
    .action(async (options: TestMessageOptions, command: Command) => {
      const result = await withLatchkey((latchkey) => sendTestMessage(latchkey, options))
      if (typeof result === 'string') {
        process.stdout.write(`${result}\n`)
        return
      }
      printOutput(command, result, () => formatTestResult(result))
      if (result.refusal !== null) process.exitCode = 1
    })
}

/** Prints the sample as text, or the result of the message. */
async function sendTestMessage(latchkey: Latchkey, options: TestMessageOptions) {
  const { testMessages } = latchkey
  if (options.file !== undefined && (options.destination !== undefined || options.sample)) {
    throw new CommandFailure('usage', 'a message of your own names its destinations: only --file')
  }
  const text =
    options.file === undefined ? createSample(testMessages, options) : readMessageFile(options.file)
  if (options.sample) return text
  const caller = { address: '', requestId: crypto.randomUUID(), path: 'messages test' }
  const message = { sourceId: options.source, text }
  const { signal } = new AbortController()
  const { reply, ...outcome } = unwrapResult(
    await testMessages.send(latchkey, message, caller, signal),
  )
  return { ...outcome, status: reply.status, answer: reply.body }
}

function createSample(
  testMessages: Latchkey['testMessages'],
  { source, destination, event }: TestMessageOptions,
): string {
  if (destination === undefined) {
    throw new CommandFailure(
      'usage',
      'say where it goes: --destination for a sample, or --file for a message of your own',
    )
  }
  const [dataModel = '', eventType = ''] = event.split(':')
  if (findEventKind(dataModel, eventType) === null) {
    throw new CommandFailure(
      'usage',
      `there is no event ${JSON.stringify(event)}: name a data model and an event type, as in Device:New`,
    )
  }
  const sourceAndDestination = { sourceId: source, destinationId: destination }
  return testMessages.createSampleMessage({
    dataModel,
    eventType,
    ...sourceAndDestination,
    now: Date.now(),
  })
}

function readMessageFile(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new CommandFailure('usage', `${file} cannot be read`, { cause: error })
  }
}

function formatTestResult({
  messageId,
  status,
  answer,
  refusal,
}: Exclude<TestMessageResult, string>): string {
  const outcomeRow =
    refusal !== null
      ? ['refused', `${refusal.sentence} ${refusal.advice ?? ''}`]
      : messageId === null
        ? ['carried', 'straight to its destination, which answered: nothing is stored']
        : ['message', `${messageId} (latchkey messages show ${messageId})`]
  // The answer is untrusted: characters that could move a terminal's cursor are replaced.
  const visibleAnswer = answer.replaceAll(/[^\P{C}\n\t]/gu, '·')
  return `${alignRows([['answered', String(status)], outcomeRow])}\n${visibleAnswer}\n`
}

type TestMessageResult = Awaited<ReturnType<typeof sendTestMessage>>
