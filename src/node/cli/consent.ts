import { createInterface } from 'node:readline/promises'
import type { KeySummary } from '../../service/ports.ts'
import { answerTo } from './answer.ts'
import { CommandFailure } from './failure.ts'
import { say } from './print.ts'

/** Refuses, before anything is opened, to do for ever what nobody is there to confirm. */
export function requireConsent(): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return
  throw new CommandFailure(
    'usage',
    'revoking is final and nobody is at a terminal to confirm it: add --yes',
  )
}

/** Asks for the key's name. */
export async function confirmRevoking({ name, publicId }: KeySummary): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const question = `Key ${publicId} will be refused for ever. Type its name, ${name}, to revoke it: `
  const typed = await answerTo(terminal, question)
  if (typed === '') say('')
  if (typed.trim() !== name) {
    throw new CommandFailure('failed', 'that is not its name: nothing was revoked')
  }
}
