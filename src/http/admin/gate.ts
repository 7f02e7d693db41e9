import { fail, ok, type Result } from '../../domain/failure.ts'
import type { Guesses } from '../../service/guesses.ts'
import type { Sessions } from '../../service/people/sessions.ts'
import type { SignedIn } from '../../service/ports/people.ts'
import { NOBODY, type Recorder } from '../../service/recorder.ts'
import type { Caller } from '../../service/refused.ts'
import { bearerChallenge, bearerToken } from '../bearer.ts'
import type { Problem } from './problem.ts'

export interface GateDeps {
  readonly sessions: Sessions
  readonly recorder: Pick<Recorder, 'record'>
  /** Of API tokens. */
  readonly guesses: Guesses
}

const NEEDED =
  'send Authorization: Bearer and an API token: you make one in the console, under “Your sign-in”'
const REFUSED = 'this is no API token that is good now'

/** Whose token a request carries, as he is now. Cookies are not looked at: no other site can act in his name. */
export function createGate({ sessions, recorder, guesses }: GateDeps) {
  return async function enter(
    headers: Headers,
    caller: Caller,
  ): Promise<Result<SignedIn, Problem>> {
    const token = bearerToken(headers.get('authorization'))
    if (!token.ok && token.failure.reason === 'credential_missing') {
      return fail({ kind: 'unauthorized', detail: NEEDED, headers: bearerChallenge() })
    }
    const signedIn = token.ok ? await sessions.find(token.value, 'token') : null
    if (signedIn !== null) return ok(signedIn)

    // A valid token is never refused for the failures of its address: only failures have to wait.
    const mayTry = guesses.mayTry(caller.address)
    guesses.failed(caller.address)
    if (!mayTry.ok) {
      const { retryAfterSeconds } = mayTry.failure
      const detail = `try again in ${retryAfterSeconds} seconds`
      return fail({ kind: 'too_many', detail, retryAfterSeconds })
    }
    const facts = { surface: 'admin', reason: 'token_unknown' }
    recorder.record({ action: 'session.refused', subject: NOBODY, caller, facts })
    return fail({
      kind: 'unauthorized',
      detail: REFUSED,
      headers: bearerChallenge('invalid_token'),
    })
  }
}
