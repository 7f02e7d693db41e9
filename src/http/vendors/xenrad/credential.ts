import {
  type CredentialFailure,
  fail,
  failMalformed,
  ok,
  type Result,
} from '../../../domain/failure.ts'
import { SECRET_MAX_LENGTH } from '../../../domain/key.ts'
import type { Credential } from '../../../domain/key-type.ts'

export const API_KEY_HEADER = 'X-API-Key'

/**
 * Parses the key, which is the secret alone; the server finds the site by it. A header without a value counts as
 * missing. Two headers arrive joined by a comma and a blank, which no key contains, so they are refused.
 */
export function parseXenradApiKey(headers: Headers): Result<Credential, CredentialFailure> {
  const secret = headers.get(API_KEY_HEADER)
  if (secret === null || secret === '') return fail({ reason: 'credential_missing' })
  if (secret.length > SECRET_MAX_LENGTH) return failMalformed('too long for a key')
  if (!/^[\x21-\x7e]+$/.test(secret)) return failMalformed('not one word of printable ASCII')
  return ok({ keyType: 'xenrad', secret })
}
