import type { Credential } from '../../domain/credential.ts'
import { fail, ok, type Result, type Unbelieved } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import { SECRET_PREFIX } from '../../domain/secret.ts'

/**
 * `KeyId.Secret`, printable ASCII. The first dot splits: an imported secret may have dots, a KeyId none.
 * Two such headers arrive joined by a comma and a blank, which no key has: nobody chooses between them.
 */
const API_KEY = /^([\x21-\x2d\x2f-\x7e]+)(?:\.([\x21-\x7e]+)?)?$/

const HEADER = 'X-Api-Key'

/** The dot tells it from the keys of others that come in a header of this name. */
export const isApiKey = (headers: Headers): boolean => headers.get(HEADER)?.includes('.') ?? false

/** No secret made here is a KeyId, so that a wrong one is not looked up twice. */
export function isKeyIdAlone(headers: Headers): boolean {
  const header = headers.get(HEADER) ?? ''
  return header !== '' && !header.includes('.') && !header.startsWith(SECRET_PREFIX)
}

/** The key of the header. A header without a value is as good as none. */
export function readApiKey(headers: Headers): Result<Credential, Unbelieved> {
  const header = headers.get(HEADER)
  if (header === null || header === '') return fail({ reason: 'credential_missing' })
  const [, publicId, secret] = API_KEY.exec(header) ?? []
  if (publicId === undefined) {
    return fail({ reason: 'credential_malformed', detail: 'not KeyId.Secret' })
  }
  return ok({ dialect: 'xdent', publicId: toStoredId(publicId), secret: secret ?? null })
}
