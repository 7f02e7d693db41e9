import { type CredentialFailure, fail, ok, type Result } from '../../../domain/failure.ts'
import type { Credential } from '../../../domain/key-type.ts'

/** Also recognizes a malformed credential: no other scheme begins like this. */
export const hasOdfhirScheme = (headers: Headers): boolean =>
  /^odfhir/i.test(headers.get('Authorization') ?? '')

/**
 * `ODFHIR DeveloperKey/Key` in printable ASCII, without base64. The first slash splits: a developer key has none,
 * an imported key may have one. Blanks around each part are allowed, because pasted keys come with them. Two
 * headers arrive joined by a comma and a blank, which no key contains, so they are refused.
 */
const ODFHIR_PATTERN = /^odfhir[ \t]+([\x21-\x2e\x30-\x7e]+)[ \t]*\/[ \t]*([\x21-\x7e]+)[ \t]*$/i

/** Parses the pair of keys, which are opaque and case-sensitive. */
export function parseOdfhirCredential(headers: Headers): Result<Credential, CredentialFailure> {
  const header = headers.get('Authorization')
  if (header === null || header === '') return fail({ reason: 'credential_missing' })
  const [, developerKey, secret] = ODFHIR_PATTERN.exec(header) ?? []
  if (developerKey === undefined || secret === undefined) {
    return fail({ reason: 'credential_malformed', detail: 'not ODFHIR and two keys' })
  }
  return ok({ keyType: 'opendental', developerKey, secret })
}
