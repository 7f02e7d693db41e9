import type { AccountStatus } from '../../domain/key.ts'
import type { Role } from '../../domain/role.ts'
import type { Account, User } from './accounts.ts'
import type { AuditEvent } from './audit.ts'
import type { MaybePromise } from './runtime.ts'

/** A user's session: a browser's cookie, or an API token. */
export interface Session {
  readonly id: string
  readonly userId: string
  readonly kind: 'browser' | 'token'
  /** The name of the browser, or the name that the owner gave the token. */
  readonly name: string
  readonly createdAt: number
  readonly seenAt: number
  readonly expiresAt: number
}

/** `digest`: of the presented secret, under the key ring. */
export type NewSession = Session & { readonly digest: string }

/** The user of a session, as of now: a role that was changed since is the new one. */
export interface SignedInUser {
  readonly session: Session
  readonly user: User
  readonly account: Pick<Account, 'id' | 'name'> & { readonly status: AccountStatus }
}

/** The facts about a user that sign-in needs. */
export interface UserCredentials {
  readonly user: User
  /** argon2id as a PHC string; null if the user cannot sign in. */
  readonly passwordHash: string | null
  /** The second factor (RFC 6238), sealed under the user's id; null if they have none. */
  readonly sealedTotp: string | null
}

/** A one-time link to a first or new password. `userId` is null for the server's first operator. */
export interface Invitation {
  readonly id: string
  readonly userId: string | null
  readonly createdAt: number
  readonly expiresAt: number
}

export type NewInvitation = Invitation & { readonly digest: string }

/** The number of failures in a row, and the time of the last. `id`: a digest of the name and the origin. */
export interface FailureCount {
  readonly id: string
  readonly count: number
  readonly lastAt: number
}

/** Time-based codes (RFC 6238) of an app that shares a secret with the server. */
export interface Totp {
  /** Creates a secret in base32, which users can type if they cannot scan it. */
  newSecret(): string
  /** Creates the URI that an app scans: `otpauth://totp/…`, with the user's label. */
  createUri(secret: string, label: string): string
  /** Finds the time step of a code within the accepted window; null for a wrong code. */
  findTimeStep(secret: string, code: string, now: number): number | null
}

/**
 * Stores sign-in data. Writes each change and its audit event atomically. Returns false if the
 * change's guard does not hold. `digests`: the digests of a secret, under each key of the ring.
 */
export interface SignInStorage {
  /** True if an active user has the operator role and a password. */
  hasActiveOperator(): Promise<boolean>
  findCredentialsByUsername(username: string): Promise<UserCredentials | null>
  findCredentialsByUserId(userId: string): Promise<UserCredentials | null>
  /** Guard: the username is free; the user's role is still `role`. */
  setUsername(userId: string, username: string, event: AuditEvent, role?: Role): Promise<boolean>

  /** Guard: the user is active, and still has the proven password, identified by its hash. */
  addSession(session: NewSession, event: AuditEvent, passwordHash?: string): Promise<boolean>
  /** Null if the session has ended or expired, its user is deactivated, or the account is not open. */
  findSession(digests: readonly string[], now: number): MaybePromise<SignedInUser | null>
  /** Records the last use. Changes no permission, and is not an audit event. */
  touchSession(id: string, seenAt: number): Promise<void>
  deleteSession(id: string, event: AuditEvent): Promise<boolean>
  /** Deletes all sessions of a user except `but`. Returns how many. */
  deleteSessions(userId: string, but: string | null, event: AuditEvent): Promise<number>
  /** Lists the sessions that have not expired, the newest first. */
  listSessions(userId: string, now: number): Promise<Session[]>
  /** Deletes expired sessions, invitations and failures. Returns how many. */
  purgeExpiredSignIns(now: number, failuresBefore: number): Promise<number>

  /** Replaces the user's previous invitation. Guard: the user is active, and their role is still `role`. */
  addInvitation(invitation: NewInvitation, event: AuditEvent, role?: Role): Promise<boolean>
  findInvitation(digests: readonly string[], now: number): Promise<Invitation | null>
  /**
   * Sets the password, and ends the user's invitations and all their sessions except `but`. Guard: the
   * user is active; `invitationId`, if given, is an existing invitation of theirs; `was`, if given, is
   * still their password's hash.
   */
  setPassword(
    userId: string,
    wish: {
      readonly hash: string
      readonly invitationId: string | null
      readonly but: string | null
      readonly was?: string
    },
    event: AuditEvent,
  ): Promise<boolean>
  /**
   * Adds the first account and its operator with a password. Guard: the invitation exists and names no
   * user; nobody can sign in as operator; the username is free.
   */
  addFirstOperator(
    first: {
      readonly account: Account
      readonly user: User
      readonly passwordHash: string
      readonly invitationId: string
    },
    event: AuditEvent,
  ): Promise<boolean>

  /**
   * Replaces the second factor and the digests of its recovery codes; null removes them. Guard: the
   * user is active, or has a second factor to remove; their role is still `role`.
   */
  setSecondFactor(
    userId: string,
    totp: { readonly sealed: string; readonly recoveryDigests: readonly string[] } | null,
    event: AuditEvent,
    role?: Role,
  ): Promise<boolean>
  /** Guard: no code of this time step (RFC 6238 §5.2) or a later one was used before. */
  claimTotpStep(userId: string, step: number): Promise<boolean>
  /** Uses up a recovery code. Each is valid once. */
  claimRecoveryCode(userId: string, digests: readonly string[], event: AuditEvent): Promise<boolean>
  countRecoveryCodes(userId: string): Promise<number>

  /** Lists the counts that exist. */
  listFailureCounts(ids: readonly string[]): Promise<FailureCount[]>
  /** Adds one, or restarts the count if the last failure was before `forgottenBefore`. */
  addFailure(ids: readonly string[], at: number, forgottenBefore: number): Promise<void>
  deleteFailures(ids: readonly string[]): Promise<void>
}
