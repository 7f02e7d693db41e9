import type { Failure } from '../../domain/failure.ts'
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

/** A rejected sign-in. All reasons have one response, which does not reveal that a name exists. */
export type SignInRejection =
  | { readonly reason: 'wrong' }
  | { readonly reason: 'locked'; readonly retryAfterSeconds: number }
  | HasherBusy

/** Too many secrets are being verified at once. */
export interface HasherBusy {
  readonly reason: 'busy'
  readonly retryAfterSeconds: number
}

/** The hasher has no other failure. */
export const toHasherBusy = (failure: Failure): HasherBusy => ({
  reason: 'busy',
  retryAfterSeconds: 'retryAfterSeconds' in failure ? failure.retryAfterSeconds : 1,
})

export type SignInFailure =
  | SignInRejection
  /** The name and password were right. With `ticket`, the code alone is enough for a few minutes. */
  | { readonly reason: 'code_needed'; readonly ticket: string }
  | CodeRejected

/** The code is not valid at this time, or was used before. */
export interface CodeRejected {
  readonly reason: 'code_wrong'
}

/** An invalid input: the problem, and what to do. */
export interface InvalidField {
  readonly reason: 'unfit'
  readonly field: 'accountName' | 'email' | 'username' | 'password' | 'name' | 'days' | 'code'
  readonly message: string
}

/** The link was used, replaced or has expired, or is no longer needed. */
export interface InvitationGone {
  readonly reason: 'gone'
}

/** The operation requires a browser session, not an API token; or its state has changed meanwhile. */
export interface SignInConflict {
  readonly reason: 'conflict'
  readonly message: string
}

/** The proven credentials have changed meanwhile. */
export const CREDENTIALS_CHANGED: SignInConflict = {
  reason: 'conflict',
  message: 'your password was changed meanwhile, or your user was deactivated: sign in again',
}

/*
 * Each digested text begins with its purpose, so that a secret of one use is never found as one of
 * another.
 */

export const toSessionDigestText = (secret: string) => `session\0${secret}`
export const toFormDigestText = (secret: string) => `form\0${secret}`
export const toInvitationDigestText = (secret: string) => `invitation\0${secret}`
export const toRecoveryDigestText = (userId: string, code: string) => `recovery\0${userId}\0${code}`
export const toTicketDigestText = (passwordHash: string) => `ticket\0${passwordHash}`
export const toDeviceDigestText = (userId: string, passwordHash: string, name: string) =>
  `device\0${userId}\0${passwordHash}\0${name}`
export const toDeviceAttemptsDigestText = (name: string) => `device tries\0${name}`
export const toUsernameAttemptsDigestText = (userId: string) => `username tries\0${userId}`
export const toSignInAttemptsDigestText = (username: string, block: string) =>
  `tries\0${block}\0${username}`
