import { type Failure, fail, type Result } from '../../domain/failure.ts'
import type { Incoming, Receipt } from '../../service/accept.ts'
import type { Reply } from '../reply.ts'
import { incomingOf, readMessage, replyOf, type Seen } from './message.ts'
import { echo } from './meta.ts'
import { refuse } from './refusals.ts'
import { sampleOf } from './sample.ts'

export interface TestBenchDeps {
  readonly serial: () => number
  readonly subscriptionsUrl: string
}

/** The answer as a vendor gets it, and why where it is a refusal. */
export interface Tried {
  readonly reply: Reply
  readonly failure: Failure | null
}

/** A message that a person has written on a page: read and answered as at `/endpoint`. */
export function createTestBench({ serial, subscriptionsUrl }: TestBenchDeps) {
  return {
    sampleOf,

    async send(
      text: string,
      carry: (message: Incoming) => Promise<Result<Receipt>>,
      signal: AbortSignal,
    ): Promise<Tried> {
      const seen: Seen = {}
      const replied = await work(text, carry, signal, seen)
      if (replied.ok) return { reply: replied.value, failure: null }
      const refusal = {
        echo: seen.message === undefined ? undefined : echo(seen.message),
        serial: serial(),
        subscriptionsUrl,
      }
      return { reply: refuse(replied.failure, refusal), failure: replied.failure }
    },
  }
}

async function work(
  text: string,
  carry: (message: Incoming) => Promise<Result<Receipt>>,
  signal: AbortSignal,
  seen: Seen,
): Promise<Result<Reply>> {
  const payload = new TextEncoder().encode(text)
  const read = readMessage(payload, seen)
  if (!read.ok) return read
  // Nobody who receives it may take it for a patient's.
  if (read.value.meta.Test !== true) {
    const detail = 'must be true in a message that is sent from here'
    return fail({ reason: 'field_invalid', field: 'Meta.Test', detail })
  }
  const receipt = await carry(incomingOf(payload, read.value, () => signal))
  return receipt.ok ? replyOf(read.value, receipt.value) : receipt
}

export type TestBench = ReturnType<typeof createTestBench>
