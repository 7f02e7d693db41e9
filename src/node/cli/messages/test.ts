import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Latchkey } from '../../../compose.ts'
import { eventKind } from '../../../domain/catalogue.ts'
import { examples } from '../examples.ts'
import { CommandFailure, granted } from '../failure.ts'
import { withLatchkey } from '../opening.ts'
import { print } from '../print.ts'
import { alignRows } from '../table.ts'

interface Wish {
  readonly source: string
  readonly destination?: string
  readonly event: string
  readonly file?: string
  readonly sample?: true
}

export function defineTest(group: Command): void {
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
      examples(
        'messages test --source 0199aa… --destination 0199bb…',
        'messages test --source 0199aa… --destination 0199bb… --event "Notes:New" --sample > note.json',
        'messages test --source 0199aa… --file note.json',
      ),
    )
    .action(async (wish: Wish, command: Command) => {
      const done = await withLatchkey((latchkey) => work(latchkey, wish))
      if (typeof done === 'string') {
        process.stdout.write(`${done}\n`)
        return
      }
      print(command, done, () => toText(done))
      if (done.refusal !== null) process.exitCode = 1
    })
}

/** The sample as text, or what came of the message. */
async function work(latchkey: Latchkey, wish: Wish) {
  const { testBench } = latchkey
  if (wish.file !== undefined && (wish.destination !== undefined || wish.sample)) {
    throw new CommandFailure('usage', 'a message of your own names its destinations: only --file')
  }
  const text = wish.file === undefined ? sample(testBench, wish) : read(wish.file)
  if (wish.sample) return text
  const caller = { address: '', requestId: crypto.randomUUID(), path: 'messages test' }
  const message = { sourceId: wish.source, text }
  const { signal } = new AbortController()
  const { reply, ...told } = granted(await testBench.send(latchkey, message, caller, signal))
  return { ...told, status: reply.status, answer: reply.body }
}

function sample(testBench: Latchkey['testBench'], { source, destination, event }: Wish): string {
  if (destination === undefined) {
    throw new CommandFailure(
      'usage',
      'say where it goes: --destination for a sample, or --file for a message of your own',
    )
  }
  const [dataModel = '', eventType = ''] = event.split(':')
  if (eventKind(dataModel, eventType) === null) {
    throw new CommandFailure(
      'usage',
      `there is no event ${JSON.stringify(event)}: name a data model and an event type, as in Device:New`,
    )
  }
  const where = { sourceId: source, destinationId: destination }
  return testBench.sampleOf({ dataModel, eventType, ...where, now: Date.now() })
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new CommandFailure('usage', `${file} cannot be read`, { cause: error })
  }
}

function toText({ messageId, status, answer, refusal }: Exclude<Told, string>): string {
  const became =
    refusal !== null
      ? ['refused', `${refusal.sentence} ${refusal.advice ?? ''}`]
      : messageId === null
        ? ['carried', 'straight to its destination, which answered: nothing is stored']
        : ['message', `${messageId} (latchkey messages show ${messageId})`]
  // Whoever answers may write what he likes: what could move a terminal's cursor is shown as a mark.
  const shown = answer.replaceAll(/[^\P{C}\n\t]/gu, '·')
  return `${alignRows([['answered', String(status)], became])}\n${shown}\n`
}

type Told = Awaited<ReturnType<typeof work>>
