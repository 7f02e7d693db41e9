import { fail, ok, type RateLimitFailure, type Result } from '../../domain/failure.ts'
import type { SignInRefusal } from '../../domain/sign-in-refusal-text.ts'
import { isUsername, normalizePassword } from '../../domain/user.ts'
import { UNKNOWN_SUBJECT } from '../audit/buffer.ts'
import type { Caller } from '../caller.ts'
import { toParty } from '../limits/rate-limits.ts'
import type { Account } from '../ports/accounts.ts'
import { toHasherBusy } from '../ports/crypto.ts'
import type { UserCredentials } from '../ports/sign-in.ts'
import type { SignInDeps } from './context.ts'
import type { CodeRejected, SignInRejection } from './failures.ts'
import type { SecondFactor } from './second-factor.ts'
import { createDeviceMarks, createSignInThrottle, type SignInAttempt } from './throttle.ts'

/** The proven credentials of a user who may sign in. */
export interface VerifiedCredentials extends SignInAttempt {
  readonly credentials: UserCredentials
  readonly account: Account
}

/**
 * Verifies a username and password. An unknown name, a user without a password, a deactivated user and
 * a closed account are all handled like a wrong password: the same reads, the same work, one response.
 */
export function createCredentialVerifier(
  deps: SignInDeps,
  { takeCode }: Pick<SecondFactor, 'takeCode'>,
) {
  const { storage, hasher, failureLimiter } = deps
  const { startSignIn, recordSignInRefusal } = createSignInStart(deps)

  async function verifyPassword(
    claim: ClaimedIdentity & { readonly password: string },
    caller: Caller,
  ): Promise<Result<VerifiedCredentials, SignInRejection>> {
    const { username, password } = claim
    const credentials = isUsername(username)
      ? await storage.findCredentialsByUsername(username)
      : null
    const attempt = await startSignIn(claim, credentials, caller)
    if (!attempt.ok) return attempt

    const account = await storage.findAccount(credentials?.user.accountId ?? UNKNOWN_SUBJECT)
    const reason = findSignInRefusal(credentials, account)
    const normalized = normalizePassword(password)
    const hash = credentials?.passwordHash ?? null
    const hashes = reason !== null || normalized === null || hash === null ? [] : [hash]
    const { device } = attempt.value
    const party = toParty(caller.address, device)
    const requester = { lane: 'people', party, claim: username } as const
    // The limit is checked again when the work begins: of many names tried at once, most must be
    // refused.
    const checkAllowed = () =>
      device === undefined ? failureLimiter.checkAllowed(caller.address) : ok(undefined)
    const verified = await hasher.verify(normalized ?? '', hashes, requester, checkAllowed)
    if (!verified.ok) {
      const rejection = toSignInRejection(verified.failure)
      if (rejection.reason === 'locked') recordSignInRefusal(null, 'locked', caller)
      return fail(rejection)
    }

    if (verified.value && credentials !== null && account !== null) {
      return ok({ credentials, account, ...attempt.value })
    }
    failureLimiter.countFailure(caller.address)
    recordSignInRefusal(credentials?.user.id ?? null, reason ?? 'password_wrong', caller)
    return fail({ reason: 'wrong' })
  }

  /** Verifies the second factor after the password, and uses up the code: none is valid twice. */
  async function verifyCode(
    credentials: UserCredentials,
    code: string,
    caller: Caller,
  ): Promise<Result<void, CodeRejected>> {
    if (await takeCode(credentials, code, caller)) return ok(undefined)
    failureLimiter.countFailure(caller.address)
    recordSignInRefusal(credentials.user.id, 'code_wrong', caller)
    return fail({ reason: 'code_wrong' })
  }

  return { verifyPassword, verifyCode, startSignIn }
}

/** Finds the reason to refuse a sign-in even with the right password. */
function findSignInRefusal(
  credentials: UserCredentials | null,
  account: Account | null,
): SignInRefusal | null {
  if (credentials === null) return 'name_unknown'
  if (credentials.user.deactivatedAt !== null) return 'user_left'
  if (account?.status !== 'open') return 'account_closed'
  if (credentials.passwordHash === null) return 'password_missing'
  return null
}

export type CredentialVerifier = ReturnType<typeof createCredentialVerifier>

/** The claimed username, and the device mark of the browser. */
export interface ClaimedIdentity {
  readonly username: string
  readonly device?: string | undefined
}

/** Starts every sign-in attempt, with a password or with a code. */
function createSignInStart(deps: SignInDeps) {
  const { failureLimiter, auditBuffer } = deps
  const signInThrottle = createSignInThrottle(deps)
  const deviceMarks = createDeviceMarks(deps)

  /** Records the refusal in the audit, without waiting for it. */
  function recordSignInRefusal(userId: string | null, reason: SignInRefusal, caller: Caller): void {
    const facts = { surface: 'console', reason }
    auditBuffer.record({
      action: 'session.refused',
      subject: userId ?? UNKNOWN_SUBJECT,
      caller,
      facts,
    })
  }

  /** Counts one more attempt, if it is allowed now: for a known browser, or for this name and address. */
  async function startSignIn(
    { username, device }: ClaimedIdentity,
    credentials: UserCredentials | null,
    caller: Caller,
  ): Promise<Result<SignInAttempt, SignInRejection>> {
    const deviceName = device === undefined ? null : deviceMarks.parseMark(device, credentials)
    const deviceAttempt =
      deviceName === null ? null : await signInThrottle.countForDevice(deviceName)
    if (deviceAttempt !== null) return ok(deviceAttempt)
    const allowed = failureLimiter.checkAllowed(caller.address)
    const attempt = allowed.ok
      ? await signInThrottle.countForName(username, caller.address)
      : fail(toSignInRejection(allowed.failure))
    if (!attempt.ok) recordSignInRefusal(null, 'locked', caller)
    return attempt
  }

  return { startSignIn, recordSignInRefusal }
}

/** The address has failed too often, or the server is busy. */
function toSignInRejection(failure: RateLimitFailure): SignInRejection {
  return failure.reason === 'failures_exceeded'
    ? { reason: 'locked', retryAfterSeconds: failure.retryAfterSeconds }
    : toHasherBusy(failure)
}
