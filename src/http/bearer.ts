import { fail, ok, type Result } from '../domain/failure.ts'
import { challenge } from './reply.ts'

/**
 * The token of an Authorization header (RFC 6750 §2.1, its scheme in any case: RFC 9110 §11.1). Two
 * such headers arrive joined by a comma, which no token has: nobody chooses between them. Whether what
 * is left is a token at all is for who verifies it.
 */
export function bearerToken(header: string | null): Result<string> {
  if (header === null) return fail({ reason: 'credential_missing' })
  if (!/^bearer(?: |$)/i.test(header)) return malformed('not the Bearer scheme')
  const token = header.slice('bearer'.length).trim()
  if (token === '' || token.includes(',') || token.includes(' ')) {
    return malformed('not one bearer token')
  }
  return ok(token)
}

const malformed = (detail: string) => fail({ reason: 'credential_malformed', detail } as const)

/** How to ask for a token (RFC 6750 §3), and, of one that came, what is wrong with it (§3.1). */
export const bearerChallenge = (error?: 'invalid_token') =>
  challenge(`Bearer realm="Latchkey"${error === undefined ? '' : `, error="${error}"`}`)
