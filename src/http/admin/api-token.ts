import { fail, ok, type Result } from '../../domain/failure.ts'
import type { Caller } from '../../service/audit/buffer.ts'
import { type AuditBuffer, UNKNOWN_SUBJECT } from '../../service/audit/buffer.ts'
import type { FailureLimiter } from '../../service/limits/rate-limits.ts'
import type { SignedInUser } from '../../service/ports/sign-in.ts'
import type { Sessions } from '../../service/sign-in/sessions.ts'
import { createBearerChallenge, parseBearerToken } from '../request.ts'
import type { ApiProblem } from './problem.ts'

export interface ApiTokenDeps {
  readonly sessions: Sessions
  readonly auditBuffer: Pick<AuditBuffer, 'record'>
  /** Counts failed API tokens. */
  readonly failureLimiter: FailureLimiter
}

const TOKEN_NEEDED_DETAIL =
  'send an API token in the header Authorization: Bearer; create one in the console, under Profile and security'
const TOKEN_REFUSED_DETAIL =
  'the API token is invalid or has expired; create a new one in the console, under Profile and security'

/** Finds the user of the request's API token. Cookies are ignored, so that no other site can act for the user. */
export async function authenticateToken(
  { sessions, auditBuffer, failureLimiter }: ApiTokenDeps,
  headers: Headers,
  caller: Caller,
): Promise<Result<SignedInUser, ApiProblem>> {
  const token = parseBearerToken(headers.get('authorization'))
  if (!token.ok && token.failure.reason === 'credential_missing') {
    return fail({
      kind: 'unauthorized',
      detail: TOKEN_NEEDED_DETAIL,
      headers: createBearerChallenge(),
    })
  }
  const signedInUser = token.ok ? await sessions.find(token.value, 'token') : null
  if (signedInUser !== null) return ok(signedInUser)

  // A valid token is never refused for the failures of its address: only further failures are.
  const limitCheck = failureLimiter.checkAllowed(caller.address)
  failureLimiter.countFailure(caller.address)
  if (!limitCheck.ok) {
    const { retryAfterSeconds } = limitCheck.failure
    const detail = `try again in ${retryAfterSeconds} seconds`
    return fail({ kind: 'too_many', detail, retryAfterSeconds })
  }
  const facts = { surface: 'admin', reason: 'token_unknown' }
  auditBuffer.record({ action: 'session.refused', subject: UNKNOWN_SUBJECT, caller, facts })
  return fail({
    kind: 'unauthorized',
    detail: TOKEN_REFUSED_DETAIL,
    headers: createBearerChallenge('invalid_token'),
  })
}
