import { fail, ok, type Result } from '../../domain/failure.ts'
import { normalPassword } from '../../domain/password.ts'
import type { SignedIn } from '../ports/people.ts'
import type { Caller } from '../refused.ts'
import type { CodeWrong, NotSo, Unproven } from './failures.ts'
import { inPerson } from './in-person.ts'
import type { Proof } from './prove.ts'

/** What signing in takes: of who has no second factor, no code is read. */
export interface TypedAgain {
  readonly password: string
  readonly code: string
  /** The mark that his browser holds. */
  readonly device?: string | undefined
}

export type AgainFailure = NotSo | Unproven | CodeWrong

/**
 * Who has proved just now that it is he. What gives somebody a way in that outlives the browser in
 * front of him asks for one of these, and `again` alone makes them: a session is no proof, for a
 * browser may be left open and a cookie be copied (OWASP ASVS 5.0, 7.5.1 and 7.5.3).
 */
class Himself {
  readonly who: SignedIn
  readonly #password: string | null

  constructor(who: SignedIn, password: string) {
    this.who = who
    this.#password = normalPassword(password)
  }

  /** Whether it is the one that he has typed. */
  isPassword(text: string): boolean {
    return normalPassword(text) === this.#password
  }
}

export type { Himself }

/** As signing in does it: the same work and words, counted with its tries, so that neither is a way round the other. */
export const createAgain =
  ({ prove, proveCode }: Proof) =>
  async (
    who: SignedIn,
    { password, code, device }: TypedAgain,
    caller: Caller,
  ): Promise<Result<Himself, AgainFailure>> => {
    const person = inPerson(who)
    if (!person.ok) return person
    const proven = await prove({ username: who.user.username ?? '', password, device }, caller)
    if (!proven.ok) return proven
    const { credentials, forgive } = proven.value
    // The username may be another's by now.
    if (credentials.user.id !== who.user.id) return fail({ reason: 'wrong' })
    if (credentials.sealedTotp !== null) {
      const right = await proveCode(credentials, code, caller)
      if (!right.ok) return right
    }
    await forgive()
    return ok(new Himself(who, password))
  }
