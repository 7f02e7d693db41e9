import type { AccountStatus, Role } from '../../domain/key.ts'
import type { Account, User } from './accounts.ts'
import type { AuditEvent } from './audit.ts'
import type { Maybe } from './runtime.ts'

/** How somebody is known between requests: by a browser's cookie, or by a token of a program of his. */
export interface Session {
  readonly id: string
  readonly userId: string
  readonly kind: 'browser' | 'token'
  /** What its owner calls it: the browser, or what the token is for. */
  readonly name: string
  readonly createdAt: number
  readonly seenAt: number
  readonly expiresAt: number
}

/** `digest`: of the secret that is presented, under the key ring. */
export type NewSession = Session & { readonly digest: string }

/** Whose session it is, as it is now: a role that was changed since is the new one. */
export interface SignedInUser {
  readonly session: Session
  readonly user: User
  readonly account: Pick<Account, 'id' | 'name'> & { readonly status: AccountStatus }
}

/** What signing in needs to know of a user. */
export interface Credentials {
  readonly user: User
  /** argon2id, PHC string; null for who cannot sign in. */
  readonly passwordHash: string | null
  /** The second factor (RFC 6238), sealed under the user's id; null for who has none. */
  readonly sealedTotp: string | null
}

/** A one-time link: to a first password, or to a new one. `userId` is null for the server's first operator. */
export interface Invitation {
  readonly id: string
  readonly userId: string | null
  readonly createdAt: number
  readonly expiresAt: number
}

export type NewInvitation = Invitation & { readonly digest: string }

/** How often somebody was wrong in a row, and when last. `id` says who and from where, as a digest. */
export interface FailureCount {
  readonly id: string
  readonly count: number
  readonly lastAt: number
}

/** A second factor by time (RFC 6238): codes of an app that shares a secret with us. */
export interface Totp {
  /** Base32, as people type it where they cannot scan. */
  newSecret(): string
  /** What an app scans: `otpauth://totp/…`, with whose it is. */
  createUri(secret: string, label: string): string
  /** The time step that this is the code of, now or a moment ago; null for a wrong one. */
  findTimeStep(secret: string, code: string, now: number): number | null
}

/**
 * People who sign in. Each change and its audit event are one atomic list. False: the change's own
 * guard did not hold. `digests`: what a secret may be kept as, under each key of the ring.
 */
export interface SignInStorage {
  /** Whether anybody can sign in as operator: has the role and a password, and has not left. */
  hasActiveOperator(): Promise<boolean>
  findCredentialsByUsername(username: string): Promise<Credentials | null>
  findCredentialsByUserId(userId: string): Promise<Credentials | null>
  /** Guard: nobody else has it; the user has `role` still. */
  setUsername(userId: string, username: string, event: AuditEvent, role?: Role): Promise<boolean>

  /** Guard: the user has not left, and has the password still that was proven, as it is hashed. */
  addSession(session: NewSession, event: AuditEvent, passwordHash?: string): Promise<boolean>
  /** Null where it has ended or expired, its user has left or has no part in an open account. */
  findSession(digests: readonly string[], now: number): Maybe<SignedInUser | null>
  /** Not a change of who may do what, and not an event. */
  touchSession(id: string, seenAt: number): Promise<void>
  deleteSession(id: string, event: AuditEvent): Promise<boolean>
  /** Of one user, but this one. Answers how many. */
  deleteSessions(userId: string, but: string | null, event: AuditEvent): Promise<number>
  /** Those that live, the newest first. */
  listSessions(userId: string, now: number): Promise<Session[]>
  /** Deletes sessions, invitations and failures that have expired. Answers how many. */
  purgeExpiredSignIns(now: number, failuresBefore: number): Promise<number>

  /** It replaces what the same user was sent before. Guard: the user has not left, and has `role` still. */
  addInvitation(invitation: NewInvitation, event: AuditEvent, role?: Role): Promise<boolean>
  findInvitation(digests: readonly string[], now: number): Promise<Invitation | null>
  /**
   * A new password ends every session of the user but `but`, and his invitations. Guard: the
   * user has not left; where `invitationId` is given, that invitation is his and is there; where `was`
   * is given, that is his password's hash still.
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
   * The first account, and its operator with his password. Guard: the invitation is there, and is
   * for nobody yet; nobody can sign in as operator; nobody has the username.
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
   * A second factor and the digests of its recovery codes, in place of what was; null takes it away.
   * Guard: the user has not left, or has one to be taken away, and has `role` still.
   */
  setSecondFactor(
    userId: string,
    totp: { readonly sealed: string; readonly recoveryDigests: readonly string[] } | null,
    event: AuditEvent,
    role?: Role,
  ): Promise<boolean>
  /** Guard: no code of this time step (RFC 6238 §5.2) or a later one was taken before. */
  claimTotpStep(userId: string, step: number): Promise<boolean>
  /** Each is good once. */
  claimRecoveryCode(userId: string, digests: readonly string[], event: AuditEvent): Promise<boolean>
  countRecoveryCodes(userId: string): Promise<number>

  /** Those of them that there are. */
  listFailureCounts(ids: readonly string[]): Promise<FailureCount[]>
  /** One more, or the first where the last one was before `forgottenBefore`. */
  addFailure(ids: readonly string[], at: number, forgottenBefore: number): Promise<void>
  deleteFailures(ids: readonly string[]): Promise<void>
}
