import { fail, ok, type Result } from '../../domain/failure.ts'
import type { Actor } from '../../service/actor-services.ts'
import { type AuditBuffer, UNKNOWN_SUBJECT } from '../../service/audit/buffer.ts'
import type { RecordRefusal } from '../../service/audit/record-refusal.ts'
import type { Caller } from '../../service/caller.ts'
import type { FailureLimiter } from '../../service/limits/rate-limits.ts'
import type { FindServiceAccount } from '../../service/oauth/service-account.ts'
import type { SignedInUser } from '../../service/ports/sign-in.ts'
import type { Sessions } from '../../service/sign-in/sessions.ts'
import { createBearerChallenge, parseBearerToken } from '../authorization.ts'
import type { ApiProblem } from './problem.ts'

export interface ApiTokenDeps {
  readonly sessions: Sessions
  readonly findServiceAccount: FindServiceAccount
  readonly auditBuffer: Pick<AuditBuffer, 'record'>
  readonly recordRefusal: RecordRefusal
  /** Counts failed API tokens. */
  readonly failureLimiter: FailureLimiter
}

const TOKEN_NEEDED_DETAIL =
  'send an API token, or the access token of an OAuth client, in the header Authorization: Bearer; create an API token in the console, under Profile and security'
const CLIENT_TOKEN_REFUSED_DETAIL = 'the access token is not valid any more; request a new one'
const TOKEN_REFUSED_DETAIL =
  'the API token is invalid or has expired; create a new one in the console, under Profile and security'

/** The user of an API token, or the OAuth client of an access token, which no user is signed in with. */
interface ApiCaller {
  readonly actor: Actor
  readonly signedInUser: SignedInUser | null
}

/** Finds the caller by the request's token. Cookies are ignored, so that no other site can act for the user. */
export async function authenticateToken(
  { sessions, findServiceAccount, auditBuffer, recordRefusal, failureLimiter }: ApiTokenDeps,
  headers: Headers,
  caller: Caller,
): Promise<Result<ApiCaller, ApiProblem>> {
  const token = parseBearerToken(headers.get('authorization'))
  if (!token.ok && token.failure.reason === 'credential_missing') {
    return fail({
      kind: 'unauthorized',
      detail: TOKEN_NEEDED_DETAIL,
      headers: createBearerChallenge(),
    })
  }
  const signedInUser = token.ok ? await sessions.find(token.value, 'token') : null
  if (signedInUser !== null) {
    const { user, account } = signedInUser
    const accountId = user.role === 'operator' ? null : account.id
    return ok({ actor: { actor: user.id, role: user.role, accountId }, signedInUser })
  }
  const serviceAccount = token.ok ? await findServiceAccount(token.value, caller) : token
  if (serviceAccount.ok) return ok({ actor: serviceAccount.value, signedInUser: null })

  // A valid token is never refused for the failures of its address: only further failures are.
  const limitCheck = failureLimiter.checkAllowed(caller.address)
  failureLimiter.countFailure(caller.address)
  if (!limitCheck.ok) {
    const { retryAfterSeconds } = limitCheck.failure
    const detail = `try again in ${retryAfterSeconds} seconds`
    return fail({ kind: 'too_many', detail, retryAfterSeconds })
  }
  const { isClient = false } = caller
  if (isClient) {
    recordRefusal('admin', serviceAccount.failure, caller)
  } else {
    const facts = { surface: 'admin', reason: 'token_unknown' }
    auditBuffer.record({ action: 'session.refused', subject: UNKNOWN_SUBJECT, caller, facts })
  }
  return fail({
    kind: 'unauthorized',
    detail: isClient ? CLIENT_TOKEN_REFUSED_DETAIL : TOKEN_REFUSED_DETAIL,
    headers: createBearerChallenge('invalid_token'),
  })
}
