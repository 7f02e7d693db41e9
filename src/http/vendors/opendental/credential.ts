import { type CredentialFailure, fail, ok, type Result } from '../../../domain/failure.ts'
import type { Credential } from '../../../domain/key-type.ts'

/** Even where it is garbled: who begins like this means no other scheme. */
export const hasOdfhirScheme = (headers: Headers): boolean =>
  /^odfhir/i.test(headers.get('Authorization') ?? '')

/**
 * `ODFHIR DeveloperKey/Key`, printable ASCII, as it is: no base64. The first slash splits: a developer
 * key has none, an imported key may. Blanks around each part are what clients leave of a key that was
 * pasted. Two such headers arrive joined by a comma and a blank, which no key has: nobody chooses
 * between them.
 */
const ODFHIR_PATTERN = /^odfhir[ \t]+([\x21-\x2e\x30-\x7e]+)[ \t]*\/[ \t]*([\x21-\x7e]+)[ \t]*$/i

/** The pair of keys, as opaque and case-sensitive as it came. */
export function parseOdfhirCredential(headers: Headers): Result<Credential, CredentialFailure> {
  const header = headers.get('Authorization')
  if (header === null || header === '') return fail({ reason: 'credential_missing' })
  const [, developerKey, secret] = ODFHIR_PATTERN.exec(header) ?? []
  if (developerKey === undefined || secret === undefined) {
    return fail({ reason: 'credential_malformed', detail: 'not ODFHIR and two keys' })
  }
  return ok({ dialect: 'opendental', developerKey, secret })
}
