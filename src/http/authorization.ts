import { type CredentialFailure, fail, failMalformed, ok, type Result } from '../domain/failure.ts'
import { createChallengeHeader } from './reply.ts'
import type { RequestHeaders } from './request.ts'

/** The beginning of an Authorization header with this scheme, in any case (RFC 9110 §11.1). */
const SCHEME_PATTERNS = { basic: /^basic(?: |$)/i, bearer: /^bearer(?: |$)/i }

export const hasScheme = (headers: RequestHeaders, scheme: keyof typeof SCHEME_PATTERNS): boolean =>
  SCHEME_PATTERNS[scheme].test(headers.get('authorization') ?? '')

/**
 * Extracts the token of an Authorization header (RFC 6750 §2.1; the scheme in any case: RFC 9110 §11.1). Two
 * headers arrive joined by a comma, which no token contains, so they are refused. The token is not verified.
 */
export function parseBearerToken(header: string | null): Result<string, CredentialFailure> {
  if (header === null) return fail({ reason: 'credential_missing' })
  if (!SCHEME_PATTERNS.bearer.test(header)) return failMalformed('not the Bearer scheme')
  const token = header.slice('bearer'.length).trim()
  if (token === '' || token.includes(',') || token.includes(' ')) {
    return failMalformed('not one bearer token')
  }
  return ok(token)
}

/** Asks for a token (RFC 6750 §3), or names the error of the presented one (§3.1). */
export const createBearerChallenge = (
  error?: 'invalid_token' | 'insufficient_scope',
  parameters: Readonly<Record<string, string>> = {},
) => {
  const all = { ...(error !== undefined && { error }), ...parameters }
  const texts = Object.entries(all).map(([name, value]) => `, ${name}="${value}"`)
  return createChallengeHeader(`Bearer realm="Latchkey"${texts.join('')}`)
}

/** Asks for a name and a password (RFC 7617 §2). */
export const createBasicChallenge = () =>
  createChallengeHeader('Basic realm="Latchkey", charset="UTF-8"')
