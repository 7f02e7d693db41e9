import type { Credential } from '../../domain/credential.ts'
import { fail, ok, type Result, type Unbelieved } from '../../domain/failure.ts'

export const isBasic = (headers: Headers): boolean =>
  /^basic(?: |$)/i.test(headers.get('Authorization') ?? '')

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * `username:key` by HTTP Basic (RFC 7617), in UTF-8; the first colon splits, because a username has
 * none. Base64 may come without its padding, as some clients leave it out. Blanks around the pair are no
 * part of it: `echo` ends it with a line feed, and who pastes a key pastes what stands beside it. Two such
 * headers arrive joined by a comma and a blank: nobody chooses between them.
 */
export function readBasic(headers: Headers): Result<Credential, Unbelieved> {
  const header = headers.get('Authorization')
  if (header === null || header === '') return fail({ reason: 'credential_missing' })
  const [, encoded] = /^basic +(\S+)$/i.exec(header) ?? []
  if (encoded === undefined) return malformed('not the Basic scheme')
  const pair = decode(encoded)?.trim()
  if (pair === undefined) return malformed('not base64 of UTF-8')
  const colon = pair.indexOf(':')
  if (colon === -1) return malformed('no colon')
  return ok({
    dialect: 'practice',
    username: pair.slice(0, colon),
    secret: pair.slice(colon + 1),
  })
}

/** Null where it is not base64, or not UTF-8. */
function decode(encoded: string): string | null {
  try {
    return decoder.decode(Uint8Array.from(atob(encoded), (byte) => byte.charCodeAt(0)))
  } catch {
    return null
  }
}

const malformed = (detail: string) => fail({ reason: 'credential_malformed', detail } as const)
