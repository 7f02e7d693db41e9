import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Latchkey } from '../../compose.ts'
import { findEventKind } from '../../domain/catalog.ts'
import type { TestMessages } from '../../service/ports/test-messages.ts'
import { CommandFailure, unwrapResult } from './command-failure.ts'
import { alignRows, formatExamples, printOutput } from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

interface TestMessageOptions {
  readonly source: string
  readonly destination?: string
  readonly event: string
  readonly file?: string
  readonly sample?: true
}

export function defineMessagesCommands(group: Command): void {
  group
    .command('test')
    .description(
      'Send a test message as a source. It is checked and stored like the vendor’s messages, and the ' +
        'running server delivers it. Prints the response that the vendor’s program would receive, and ' +
        'the reason of a refusal. Exits with 1 if the message is refused.',
    )
    .requiredOption('--source <id>', 'the source, which needs a key')
    .option('--destination <id>', 'send a sample message to this destination')
    .option('--event <name>', 'data model and event type of the sample', 'Device:New')
    .option(
      '--file <file>',
      'send the message of this file (- for stdin). Its Meta.Test must be true',
    )
    .option('--sample', 'print the sample and send nothing')
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
  const testMessages = await latchkey.loadTestMessages()
  if (options.file !== undefined && (options.destination !== undefined || options.sample)) {
    throw new CommandFailure(
      'usage',
      'a message from a file names its own destinations: leave out --destination and --sample',
    )
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
  testMessages: TestMessages,
  { source, destination, event }: TestMessageOptions,
): string {
  if (destination === undefined) {
    throw new CommandFailure('usage', 'add --destination for a sample message, or --file')
  }
  const [dataModel = '', eventType = ''] = event.split(':')
  if (findEventKind(dataModel, eventType) === null) {
    throw new CommandFailure(
      'usage',
      `there is no event ${JSON.stringify(event)}: use a data model and an event type, such as Device:New`,
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
        ? ['sent', 'to its destination, which responded. Queries are not stored']
        : ['message', `${messageId} (latchkey messages show ${messageId})`]
  // The answer is untrusted: characters that could move a terminal's cursor are replaced.
  const visibleAnswer = answer.replaceAll(/[^\P{C}\n\t]/gu, '·')
  return `${alignRows([['status', status], outcomeRow])}\n${visibleAnswer}\n`
}

type TestMessageResult = Awaited<ReturnType<typeof sendTestMessage>>
