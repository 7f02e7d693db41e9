import { fail, ok, type Result } from '../domain/failure.ts'

/**
 * The token of an Authorization header (RFC 6750 §2.1, its scheme in any case: RFC 9110 §11.1). Two
 * such headers arrive joined by a comma, which no token has: nobody chooses between them.
 */
export function bearerToken(header: string | null): Result<string> {
  if (header === null) return fail({ reason: 'credential_missing' })
  const token = /^bearer +([\w.~+/-]+=*) *$/i.exec(header)?.[1]
  if (token !== undefined) return ok(token)
  const detail = /^bearer\b/i.test(header) ? 'not one bearer token' : 'not the Bearer scheme'
  return fail({ reason: 'credential_malformed', detail })
}
