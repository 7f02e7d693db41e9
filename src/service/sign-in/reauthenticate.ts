import { fail, ok, type Result } from '../../domain/failure.ts'
import { normalizePassword } from '../../domain/user.ts'
import type { Caller } from '../audit/buffer.ts'
import type { SignedInUser } from '../ports/sign-in.ts'
import type { CodeRejected, SignInConflict, SignInRejection } from './context.ts'
import type { CredentialVerifier } from './credential-verifier.ts'

/** What signing in takes: of who has no second factor, no code is read. */
export interface ReauthenticationInput {
  readonly password: string
  readonly code: string
  /** The mark that his browser holds. */
  readonly device?: string | undefined
}

export type ReauthenticationFailure = SignInConflict | SignInRejection | CodeRejected

/**
 * Who has proved just now that it is he. What gives somebody a way in that outlives the browser in
 * front of him asks for one of these, and `again` alone makes them: a session is no proof, for a
 * browser may be left open and a cookie be copied (OWASP ASVS 5.0, 7.5.1 and 7.5.3).
 */
class Reauthentication {
  readonly signedInUser: SignedInUser
  /** Of the password that he has typed: with another one, the proof is none any more. */
  readonly passwordHash: string
  readonly #password: string | null

  constructor(signedInUser: SignedInUser, password: string, passwordHash: string) {
    this.signedInUser = signedInUser
    this.passwordHash = passwordHash
    this.#password = normalizePassword(password)
  }

  /** Whether it is the one that he has typed. */
  isPassword(text: string): boolean {
    return normalizePassword(text) === this.#password
  }
}

export type { Reauthentication }

/** As signing in does it: the same work and words, counted with its tries, so that neither is a way round the other. */
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
    // The username may be another's by now.
    if (credentials.user.id !== signedInUser.user.id) return fail({ reason: 'wrong' })
    if (credentials.sealedTotp !== null) {
      const codeResult = await verifyCode(credentials, code, caller)
      if (!codeResult.ok) return codeResult
    }
    await clearAttempt()
    return ok(new Reauthentication(signedInUser, password, credentials.passwordHash ?? ''))
  }

/** What changes how somebody signs in takes himself: a program's token is no way to more tokens. */
export const requireBrowserSession = ({ session }: SignedInUser): Result<void, SignInConflict> =>
  session.kind === 'browser'
    ? ok(undefined)
    : fail({ reason: 'conflict', message: 'a token cannot do this: sign in with the password' })
