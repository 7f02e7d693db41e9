import { createAuditEvent } from '../audit/audit-event.ts'
import type { AuditBuffer } from '../audit/buffer.ts'
import type { Caller } from '../caller.ts'
import type { FailureLimiter } from '../limits/rate-limits.ts'
import type { AuditEvent, AuditEventFacts } from '../ports/audit.ts'
import type { Sealer, SecretDigester, SecretHasher } from '../ports/crypto.ts'
import type { Clock, Log, Random } from '../ports/runtime.ts'
import type { SignInStorage, Totp } from '../ports/sign-in.ts'
import type { ResourceStorage } from '../ports/storage.ts'

/** The dependencies of sign-in and of users' own access. */
export interface SignInDeps {
  readonly storage: SignInStorage & Pick<ResourceStorage, 'findAccount' | 'findUser'>
  readonly random: Random
  readonly clock: Clock
  readonly log: Log
  readonly hasher: SecretHasher
  readonly digester: SecretDigester
  readonly sealer: Sealer
  readonly totp: Totp
  readonly failureLimiter: FailureLimiter
  readonly auditBuffer: AuditBuffer
  /** The secret of the first operator's link, if the operator of the server configured one. */
  readonly firstLink?: string | undefined
  /** The region of the account that the first operator creates. */
  readonly region: string
}

/** Creates the audit event of a user's own action. */
export function createUserEvent(
  deps: Pick<SignInDeps, 'random' | 'clock'>,
  userId: string,
  caller: Caller,
  action: string,
  facts: AuditEventFacts = {},
): AuditEvent {
  const { address, requestId } = caller
  const event = createAuditEvent({ ...deps, actor: userId }, action, userId, { ...facts, address })
  return { ...event, requestId }
}
