import { type Failure, fail, ok, type Result } from '../../domain/failure.ts'
import { explainRefusal, factsOf } from '../../domain/refusal.ts'
import type { TestBench, Tested } from '../test-bench.ts'
import { findEcho, incomingOf, type Read, readMessage, replyOf, type Seen } from './message.ts'
import { refuse } from './refusals.ts'
import { sampleOf } from './sample.ts'

export interface TestBenchDeps {
  readonly serial: () => number
  readonly subscriptionsUrl: string
}

export function createTestBench({ serial, subscriptionsUrl }: TestBenchDeps): TestBench {
  return {
    sampleOf,

    async send({ routes, messages }, { sourceId, text }, caller, signal) {
      const key = await routes.findKeyOf(sourceId)
      if (!key.ok) return key
      const seen: Seen = {}
      const payload = new TextEncoder().encode(text)
      const read = await readTest(payload, seen)
      if (!read.ok) return ok(refused(read.failure, seen))
      const incoming = incomingOf(payload, read.value, seen, () => signal)
      const sent = await messages.sendTest(sourceId, incoming, caller)
      if (!sent.ok) return sent
      const { messageId, result } = sent.value
      const reply = result.ok ? await replyOf(read.value, result.value) : result
      return ok(
        reply.ok ? { messageId, reply: reply.value, refusal: null } : refused(reply.failure, seen),
      )
    },
  }

  function refused(failure: Failure, seen: Seen): Tested {
    const context = { echo: findEcho(seen), serial: serial(), subscriptionsUrl }
    return {
      messageId: null,
      reply: refuse(failure, context),
      refusal: { reason: failure.reason, ...explainRefusal(factsOf(failure)) },
    }
  }
}

async function readTest(payload: Uint8Array, seen: Seen): Promise<Result<Read>> {
  const read = await readMessage(payload, seen)
  // Nobody who receives it may take it for a patient's.
  return !read.ok || read.value.meta.Test === true
    ? read
    : fail({
        reason: 'field_invalid',
        field: 'Meta.Test',
        detail: 'must be true in a message that is sent from here',
      })
}
