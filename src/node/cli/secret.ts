import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { SECRET_MAX_LENGTH } from '../../domain/key.ts'
import { answerTo } from './answer.ts'
import { CommandFailure } from './failure.ts'
import { say } from './print.ts'

/** UTF-8 takes four bytes a character at most, and the line may end in two more. */
const BYTES_MAX = 4 * SECRET_MAX_LENGTH + 2

/**
 * A secret from standard input, without the end of its line. The only way to bring one: every user
 * of a machine can read the arguments of its processes.
 */
export async function readSecret(): Promise<string> {
  if (process.stdin.isTTY) return ask()
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (length > BYTES_MAX) throw new CommandFailure('usage', 'the secret on stdin is too long')
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
    return text.replace(/\r?\n$/, '')
  } catch {
    throw new CommandFailure('usage', 'the secret on stdin is not UTF-8')
  }
}

/** At a terminal: what is typed is not shown. */
async function ask(): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  process.stderr.write('Secret (not shown): ')
  const secret = await answerTo(terminal, '')
  say('')
  return secret
}
