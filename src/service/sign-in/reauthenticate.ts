import { fail, ok, type Result } from '../../domain/failure.ts'
import { normalizePassword } from '../../domain/user.ts'
import type { Caller } from '../caller.ts'
import type { SignedInUser } from '../ports/sign-in.ts'
import type { CredentialVerifier } from './credential-verifier.ts'
import type { CodeRejected, SignInConflict, SignInRejection } from './failures.ts'

/** The input of a sign-in. The code is ignored if the user has no second factor. */
export interface ReauthenticationInput {
  readonly password: string
  readonly code: string
  /** The device mark of the browser. */
  readonly device?: string | undefined
}

export type ReauthenticationFailure = SignInConflict | SignInRejection | CodeRejected

/**
 * A proof that the user has just reauthenticated. Operations that grant access beyond the current
 * browser session require it, and only `reauthenticate` creates it. A session alone is no proof,
 * because a browser may be left open and a cookie copied (OWASP ASVS 5.0, 7.5.1 and 7.5.3).
 */
class Reauthentication {
  readonly signedInUser: SignedInUser
  /** The hash of the entered password. With another password, the proof is no longer valid. */
  readonly passwordHash: string
  readonly #password: string | null

  constructor(signedInUser: SignedInUser, password: string, passwordHash: string) {
    this.signedInUser = signedInUser
    this.passwordHash = passwordHash
    this.#password = normalizePassword(password)
  }

  /** True if the text is the password that the user entered. */
  isPassword(text: string): boolean {
    return normalizePassword(text) === this.#password
  }
}

export type { Reauthentication }

/**
 * Does the same work as sign-in, with the same responses and the same attempt counts, so that neither
 * bypasses the limits of the other.
 */
export const createReauthenticate =
  ({ verifyPassword, verifyCode }: CredentialVerifier) =>
  async (
    signedInUser: SignedInUser,
    { password, code, device }: ReauthenticationInput,
    caller: Caller,
  ): Promise<Result<Reauthentication, ReauthenticationFailure>> => {
    const browserSession = requireBrowserSession(signedInUser)
    if (!browserSession.ok) return browserSession
    const verified = await verifyPassword(
      { username: signedInUser.user.username ?? '', password, device },
      caller,
    )
    if (!verified.ok) return verified
    const { credentials, clearAttempt } = verified.value
    // The username may belong to another user by now.
    if (credentials.user.id !== signedInUser.user.id) return fail({ reason: 'wrong' })
    if (credentials.sealedTotp !== null) {
      const codeResult = await verifyCode(credentials, code, caller)
      if (!codeResult.ok) return codeResult
    }
    await clearAttempt()
    return ok(new Reauthentication(signedInUser, password, credentials.passwordHash ?? ''))
  }

/**
 * Refuses an API token, because a program must not change how its owner signs in, or create further
 * tokens.
 */
export const requireBrowserSession = ({ session }: SignedInUser): Result<void, SignInConflict> =>
  session.kind === 'browser'
    ? ok(undefined)
    : fail({ reason: 'conflict', message: 'a token cannot do this: sign in with the password' })
