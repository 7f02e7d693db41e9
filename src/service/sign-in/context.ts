import type { Failure } from '../../domain/failure.ts'
import type { AuditBuffer, Caller } from '../audit/buffer.ts'
import type { FailureLimiter } from '../limits/rate-limits.ts'
import type { AuditEvent, AuditEventFacts } from '../ports/audit.ts'
import type { Sealer, SecretDigester, SecretHasher } from '../ports/crypto.ts'
import type { Clock, Log, Random } from '../ports/runtime.ts'
import type { SignInStorage, Totp } from '../ports/sign-in.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import { createAuditEvent } from '../service-result.ts'

/** All that people need in order to sign in and to look after their own access. */
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
  /** The secret of a link to the first operator that whoever runs the server has chosen. */
  readonly firstLink?: string | undefined
  /** Of the account that the first operator makes. */
  readonly region: string
}

/** What a person does to himself, for the audit. */
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

/** Whoever he says he is, he has not proved it. One answer for every reason: no name is told to exist. */
export type SignInRejection =
  | { readonly reason: 'wrong' }
  | { readonly reason: 'locked'; readonly retryAfterSeconds: number }
  | HasherBusy

/** Too many secrets are being checked at once. */
export interface HasherBusy {
  readonly reason: 'busy'
  readonly retryAfterSeconds: number
}

/** A hasher fails in no other way. */
export const toHasherBusy = (failure: Failure): HasherBusy => ({
  reason: 'busy',
  retryAfterSeconds: 'retryAfterSeconds' in failure ? failure.retryAfterSeconds : 1,
})

export type SignInFailure =
  | SignInRejection
  /** Name and password were right. With `ticket` the code alone is enough, for a few minutes. */
  | { readonly reason: 'code_needed'; readonly ticket: string }
  | CodeRejected

/** Not the code of this moment, or one that was used before. */
export interface CodeRejected {
  readonly reason: 'code_wrong'
}

/** What was typed cannot be taken: what is wrong with it, and what would help. */
export interface InvalidField {
  readonly reason: 'unfit'
  readonly field: 'accountName' | 'email' | 'username' | 'password' | 'name' | 'days' | 'code'
  readonly message: string
}

/** The link was used, replaced or has expired; or nobody needs it any more. */
export interface InvitationGone {
  readonly reason: 'gone'
}

/** It takes a person who has signed in: a token of his is not enough. Or it is not as it was seen. */
export interface SignInConflict {
  readonly reason: 'conflict'
  readonly message: string
}

/** What was proven a moment ago is so no longer. */
export const CREDENTIALS_CHANGED: SignInConflict = {
  reason: 'conflict',
  message: 'your password was changed meanwhile, or you have left: sign in again',
}

/*
 * What is kept as a digest says what it is for: so no secret of one use is ever found as one of another.
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
