import { type Failure, fail, ok, type Result } from '../../domain/failure.ts'
import type { SignInRefusal } from '../../domain/refusal-text.ts'
import { isUsername, normalizePassword } from '../../domain/user.ts'
import { type Caller, UNKNOWN_SUBJECT } from '../audit/buffer.ts'
import { toParty } from '../limits/rate-limits.ts'
import type { Account } from '../ports/accounts.ts'
import type { Credentials } from '../ports/sign-in.ts'
import {
  type CodeRejected,
  type SignInDeps,
  type SignInRejection,
  toHasherBusy,
} from './context.ts'
import type { SecondFactor } from './second-factor.ts'
import { createDeviceMarks, createSignInThrottle, type SignInAttempt } from './throttle.ts'

/** Who has proved to know the password, and may come in. */
export interface VerifiedCredentials extends SignInAttempt {
  readonly credentials: Credentials
  readonly account: Account
}

/**
 * Name and password in, who it is out. A name that is nobody's, a person without a password, one who
 * has left, and a closed account are all one wrong password: the same reads, the same work, one answer.
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
    // Asked again when the work begins: of many names tried at once, most must wait like any other.
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

  /** After the password, where a second factor is set up. It takes the code: none is good twice. */
  async function verifyCode(
    credentials: Credentials,
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

/** Why not even the right password would do. */
function findSignInRefusal(
  credentials: Credentials | null,
  account: Account | null,
): SignInRefusal | null {
  if (credentials === null) return 'name_unknown'
  if (credentials.user.leftAt !== null) return 'user_left'
  if (account?.status !== 'open') return 'account_closed'
  if (credentials.passwordHash === null) return 'password_missing'
  return null
}

export type CredentialVerifier = ReturnType<typeof createCredentialVerifier>

/** Who somebody says he is, and the mark that his browser holds. */
export interface ClaimedIdentity {
  readonly username: string
  readonly device?: string | undefined
}

/** What every try to be somebody begins with, be it with a password or with a code. */
export function createSignInStart(deps: SignInDeps) {
  const { failureLimiter, auditBuffer } = deps
  const signInThrottle = createSignInThrottle(deps)
  const deviceMarks = createDeviceMarks(deps)

  /** Tells the audit, which nobody waits for. */
  function recordSignInRefusal(userId: string | null, reason: SignInRefusal, caller: Caller): void {
    const facts = { surface: 'console', reason }
    auditBuffer.record({
      action: 'session.refused',
      subject: userId ?? UNKNOWN_SUBJECT,
      caller,
      facts,
    })
  }

  /** One more try, where it may be made now: at a browser that is known, or under this name from this place. */
  async function startSignIn(
    { username, device }: ClaimedIdentity,
    credentials: Credentials | null,
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

/** The address has failed too often, or the server has too much to do. */
export function toSignInRejection(failure: Failure): SignInRejection {
  return failure.reason === 'guessing'
    ? { reason: 'locked', retryAfterSeconds: failure.retryAfterSeconds }
    : toHasherBusy(failure)
}
