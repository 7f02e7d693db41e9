import type { Failure } from '../domain/failure.ts'
import type { Clock, KeepAlive, Log, OperatorStorage, Random } from './ports.ts'

/** Who is calling, as far as the connection tells. */
export interface Caller {
  readonly address: string
  readonly requestId: string
}

/** Tells the operator of a refusal, in words that the caller never reads. */
export function createRefused(deps: {
  storage: Pick<OperatorStorage, 'addEvent'>
  random: Random
  clock: Clock
  log: Log
  keepAlive: KeepAlive
}) {
  const { storage, random, clock, log, keepAlive } = deps

  return function refused(what: string, failure: Failure, caller: Caller): void {
    log.info({ ...caller, ...factsOf(failure) }, `${what} refused`)
    if (failure.reason !== 'region_other') return
    // Not waited for: a caller must not see from the time it takes that there is such a key.
    const { keyId, region } = failure
    const event = { id: random.uuid(), at: clock(), actor: keyId, subject: keyId }
    const audited = storage
      .addEvent({ ...event, action: 'key.refused', facts: { reason: failure.reason, region } })
      .catch((error: unknown) => log.error({ ...caller, error }, 'a refusal was not audited'))
    keepAlive(audited)
  }
}

/** A member's name is the caller's own text: in a payload it may be anything, so no log keeps it. */
const factsOf = (failure: Failure): object =>
  failure.reason === 'member_repeated' ? { reason: failure.reason } : failure

export type Refused = ReturnType<typeof createRefused>
