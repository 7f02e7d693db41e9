import { createInterface, type Interface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { SECRET_MAX_LENGTH } from '../../domain/key.ts'
import type { KeySummary } from '../../service/ports/keys.ts'
import { CommandFailure } from './command-failure.ts'
import { printNote } from './print.ts'

/** UTF-8 takes at most four bytes a character, and the line end two. */
const SECRET_MAX_BYTES = 4 * SECRET_MAX_LENGTH + 2

/**
 * Reads a secret from standard input, without its line end. There is no option for it, because every
 * user of a machine can read the arguments of its processes.
 */
export async function readSecret(): Promise<string> {
  if (process.stdin.isTTY) return askSecret()
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (length > SECRET_MAX_BYTES)
      throw new CommandFailure('usage', 'the secret on stdin is too long')
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
    return text.replace(/\r?\n$/, '')
  } catch {
    throw new CommandFailure('usage', 'the secret on stdin is not UTF-8')
  }
}

/** Reads from a terminal without echo. */
async function askSecret(): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, callback) => callback() })
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  process.stderr.write('Secret (not shown): ')
  const secret = await askLine(terminal, '')
  printNote('')
  return secret
}

/** The forms of a verb for an irreversible action. */
export interface IrreversibleAction {
  readonly verb: string
  readonly gerund: string
  readonly participle: string
  /** The state of a key after the action. */
  readonly outcome: string
}

/** Refuses an irreversible action without --yes if stdin is no terminal, before anything is opened. */
export function requireTerminal({ gerund }: IrreversibleAction): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return
  throw new CommandFailure(
    'usage',
    `${gerund} is final and nobody is at a terminal to confirm it: add --yes`,
  )
}

/** Asks the user to type the key's name. */
export async function confirmKeyName(
  action: IrreversibleAction,
  { name, publicId }: KeySummary,
): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const question = `Key ${publicId} will be ${action.outcome}. Type its name, ${name}, to ${action.verb} it: `
  const typed = await askLine(terminal, question)
  if (typed === '') printNote('')
  if (typed.trim() !== name) {
    throw new CommandFailure('failed', `that is not its name: nothing was ${action.participle}`)
  }
}

/** Reads a line from a terminal; empty if the user ends the input (Ctrl-D) or cancels (Ctrl-C). */
export async function askLine(terminal: Interface, question: string): Promise<string> {
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  const typed = terminal.question(question).catch(() => '')
  const answer = await Promise.race([typed, closed])
  terminal.close()
  return answer
}
