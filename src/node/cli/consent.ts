import { createInterface } from 'node:readline/promises'
import type { KeySummary } from '../../service/ports.ts'
import { answerTo } from './answer.ts'
import { CommandFailure } from './failure.ts'
import { say } from './print.ts'

/** Something final, in the forms of its verb that the sentences here need. */
export interface Act {
  readonly verb: string
  readonly doing: string
  readonly done: string
  /** What a key is then. */
  readonly outcome: string
}

/** Refuses, before anything is opened, to do for ever what nobody is there to confirm. */
export function requireConsent({ doing }: Act): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return
  throw new CommandFailure(
    'usage',
    `${doing} is final and nobody is at a terminal to confirm it: add --yes`,
  )
}

/** Asks for the key's name. */
export async function confirm(act: Act, { name, publicId }: KeySummary): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const question = `Key ${publicId} will be ${act.outcome}. Type its name, ${name}, to ${act.verb} it: `
  const typed = await answerTo(terminal, question)
  if (typed === '') say('')
  if (typed.trim() !== name) {
    throw new CommandFailure('failed', `that is not its name: nothing was ${act.done}`)
  }
}
