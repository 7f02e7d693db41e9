import { withoutEcho } from '../../domain/remark.ts'
import { addressOf } from '../destination-address.ts'
import type { Attempt, Clock, Courier, Head, KeptAttempt, Log, Sealer } from '../ports.ts'

/** What a destination is to be told of a message, beside what came in. */
export interface Outgoing {
  /** The body as it came in, byte for byte. */
  readonly payload: Uint8Array
  readonly serial: Head['serial']
  readonly test: Head['test']
  readonly source: Head['source']
  /** All destinations of the message, in its order. */
  readonly hops: Head['hops']
}

export interface AttemptDeps {
  readonly sealer: Sealer
  readonly courier: Pick<Courier, 'deliver'>
  /** The body that a destination is sent, in the dialect's words. */
  readonly render: (outgoing: Outgoing) => Promise<Uint8Array>
  readonly clock: Clock
  readonly log: Log
}

/** What came of an attempt, and whether we broke it off ourselves. */
export interface Tried {
  readonly kept: KeptAttempt
  readonly brokenOff: boolean
}

/** Attempts to deliver one message: each can be broken off, and all at once. */
export function createAttempts({ sealer, courier, render, clock, log }: AttemptDeps) {
  /** One for each attempt under way: on Workers, what one request has made another may not use. */
  const underWay = new Set<AbortController>()

  async function send(head: Head, signal: AbortSignal): Promise<Attempt> {
    const { serial, test, source, hops, destination, messageId } = head
    try {
      const payload = await sealer.open(head.sealedPayload, messageId)
      const address = await addressOf(sealer, destination)
      const body = await render({ payload, serial, test, source, hops })
      const attempt = await courier.deliver(address, body, signal)
      if (attempt.outcome !== 'refused') return attempt
      return { ...attempt, excerpt: withoutEcho(attempt.excerpt, new TextDecoder().decode(body)) }
    } catch (error) {
      // What was thrown may hold what was sent.
      log.error({ messageId, error: nameOf(error) }, 'a message cannot be sent')
      return {
        outcome: 'failed',
        detail: 'the message cannot be opened or sent: the log says more',
      }
    }
  }

  return {
    /** Never rejects. */
    async make(head: Head): Promise<Tried> {
      const control = new AbortController()
      underWay.add(control)
      const at = clock()
      const attempt = await send(head, control.signal)
      underWay.delete(control)
      return { kept: toKept(attempt, at, clock() - at), brokenOff: control.signal.aborted }
    },

    hangUp(): void {
      for (const control of underWay) control.abort()
    },
  }
}

function toKept(attempt: Attempt, at: number, ms: number): KeptAttempt {
  const { outcome } = attempt
  const httpStatus = 'status' in attempt ? attempt.status : null
  if (outcome === 'delivered') return { at, ms, outcome, httpStatus, detail: '' }
  const detail = 'excerpt' in attempt ? attempt.excerpt : attempt.detail
  return { at, ms, outcome, httpStatus, detail }
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : typeof error)
