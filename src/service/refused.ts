import type { Failure, OwnRefusal } from '../domain/failure.ts'
import { factsOf } from '../domain/refusal.ts'
import type { Log } from './ports.ts'
import { type Answer, NOBODY, type Recorder } from './recorder.ts'
import type { TrafficCounter } from './traffic.ts'

/** Who is calling, as far as the connection tells. */
export interface Caller {
  readonly address: string
  readonly requestId: string
  /** The route that was asked for, as the server writes it: nothing that the caller typed. */
  readonly path: string
  /** The key of the request, set when its credential is proven. */
  keyId?: string
}

export interface RefusedDeps {
  readonly recorder: Recorder
  readonly traffic: Pick<TrafficCounter, 'refused'>
  readonly log: Log
}

/**
 * Tells the operator of a refusal, in words that the caller never reads. Nobody waits for it: a caller
 * must not see from the time it takes whether there is such a key.
 */
export function createRefused({ recorder, traffic, log }: RefusedDeps) {
  function refused(what: string, failure: Failure | OwnRefusal, caller: Caller): void {
    log.info({ ...caller, ...loggedOf(failure) }, `${what} refused`)
    const keyId = 'keyId' in failure ? failure.keyId : caller.keyId
    const subject = keyId ?? NOBODY
    const known = keyId === undefined ? {} : { keyId }
    const facts = { surface: what, ...factsOf(failure), ...known }
    recorder.record({ action: 'key.refused', subject, caller, facts })
    traffic.refused(what, failure.reason, keyId)
  }

  /** Keeps the response that this server wrote, for the event of the refusal. */
  const recordAnswer = ({ requestId }: Caller, answer: Answer) =>
    recorder.recordAnswer(requestId, answer)

  return Object.assign(refused, { recordAnswer })
}

/** A member's name is the caller's own text: in a payload it may be anything, so no log keeps it. */
const loggedOf = (failure: Failure | OwnRefusal): object =>
  failure.reason === 'member_repeated' ? { reason: failure.reason } : failure

export type Refused = ReturnType<typeof createRefused>
