import {
  fail,
  failMalformed,
  type InputFailure,
  ok,
  type Result,
  type TokenRequestRefusal,
} from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import type { ExchangedCredential } from '../../service/authenticate/exchanged-secret.ts'
import type { ClientFailure } from '../../service/oauth/authenticate-client.ts'
import type { ServerRequest } from '../request.ts'
import { decodeText, readBody } from '../request-body.ts'

/** An assertion may be long: a key set's names and a chain of certificates in its header. */
const BODY_LIMIT_BYTES = 16 * 1024

/** The parameters of a form, by name. An empty one counts as absent (RFC 6749 §3.2). */
export type FormParameters = ReadonlyMap<string, string>

/** Reads the parameters of a form, of which none may be repeated (RFC 6749 §3.2). */
export async function readFormParameters(
  request: ServerRequest,
): Promise<Result<FormParameters, InputFailure | TokenRequestRefusal>> {
  if (!isForm(request.headers.get('content-type'))) return fail({ reason: 'form_required' })
  const body = await readBody(request, BODY_LIMIT_BYTES)
  if (!body.ok) return body
  const text = decodeText(body.value)
  if (!text.ok) return text
  const parameters = new Map<string, string>()
  const seen = new Set<string>()
  for (const [name, value] of new URLSearchParams(text.value)) {
    if (seen.has(name)) return fail({ reason: 'parameter_repeated', parameter: name })
    seen.add(name)
    if (value !== '') parameters.set(name, value)
  }
  return ok(parameters)
}

/** Any charset is accepted: the parameters are ASCII. */
const isForm = (contentType: string | null): boolean =>
  contentType?.split(';')[0]?.trim().toLowerCase() === 'application/x-www-form-urlencoded'

/**
 * Parses HTTP Basic credentials of a client (RFC 6749 §2.3.1). Some clients form-encode both halves, as the
 * standard demands, and others send them as they stand: both readings are returned where they differ.
 */
export function parseBasicReadings(
  header: string,
): Result<readonly ExchangedCredential[], ClientFailure> {
  const bytes = decodeBase64(header.slice('basic'.length).trim())
  const text = bytes === null ? null : decodeText(bytes)
  if (text === null || !text.ok) return failMalformed('not base64 of UTF-8')
  const colon = text.value.indexOf(':')
  if (colon < 0) return failMalformed('no colon')
  const [id, secret] = [text.value.slice(0, colon), text.value.slice(colon + 1)]
  if (id === '' || secret === '') return failMalformed('an empty half')
  const asSent = toCredential(id, secret)
  const [decodedId, decodedSecret] = [decodeFormText(id), decodeFormText(secret)]
  if (decodedId === null || decodedSecret === null) return ok([asSent])
  return decodedId === id && decodedSecret === secret
    ? ok([asSent])
    : ok([toCredential(decodedId, decodedSecret), asSent])
}

export const toCredential = (id: string, secret: string): ExchangedCredential => ({
  publicId: toStoredId(id),
  secret,
})

function decodeBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
  } catch {
    return null
  }
}

/** Returns null for text that nothing encodes to, such as `%zz`. */
function decodeFormText(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return null
  }
}
