import { createInterface, type Interface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { SECRET_MAX_LENGTH } from '../../domain/key.ts'
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

/** Refuses an action that needs a confirmation if stdin is no terminal. */
export function requireTerminal(action: string, impact: string): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return
  throw new CommandFailure(
    'usage',
    `${impact}, and there is no terminal to confirm it (${action}): add --yes`,
  )
}

/** Asks the user to type the name of what an irreversible action changes. */
export async function confirmByName(action: string, impact: string, name: string): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const question = `${action}: ${impact}. Type ${name} to confirm: `
  const typed = await askLine(terminal, question)
  if (typed === '') printNote('')
  if (typed.trim() !== name) {
    throw new CommandFailure('failed', 'the name does not match: nothing was done')
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
