import type { Credential } from '../../domain/credential.ts'
import { fail, ok, type Result, type Unbelieved } from '../../domain/failure.ts'
import { SECRET_MAX_LENGTH } from '../../domain/key.ts'

export const API_KEY = 'X-API-Key'

/**
 * The key is the secret alone: the server finds the site by it. A header without a value is as good as
 * none. Two headers arrive joined by a comma and a blank, which no key has: nobody chooses between them.
 */
export function readApiKey(headers: Headers): Result<Credential, Unbelieved> {
  const secret = headers.get(API_KEY)
  if (secret === null || secret === '') return fail({ reason: 'credential_missing' })
  if (secret.length > SECRET_MAX_LENGTH) return malformed('too long for a key')
  if (!/^[\x21-\x7e]+$/.test(secret)) return malformed('not one word of printable ASCII')
  return ok({ dialect: 'xenrad', secret })
}

const malformed = (detail: string) => fail({ reason: 'credential_malformed', detail } as const)
