import type { AuditEvent } from '../ports/audit.ts'
import type { Clock, Random } from '../ports/runtime.ts'

export interface ActorDeps {
  readonly random: Random
  readonly clock: Clock
  /** The acting user's id, for the audit. */
  readonly actor: string
  /** Null if there is no request. */
  readonly requestId?: string | null
}

/** Creates the audit event of a change, which is written together with the change. */
export function createAuditEvent(
  { random, clock, actor, requestId = null }: ActorDeps,
  action: string,
  subject: string,
  facts: AuditEvent['facts'] = {},
): AuditEvent {
  return { id: random.uuid(), at: clock(), actor, action, subject, facts, requestId }
}
