import type { Caller } from '../../service/refused.ts'
import { FORWARDED_FOR } from '../caller.ts'
import { REQUEST_ID } from '../reply.ts'

/** Whose request it is: what the upstream is told in place of the credential. */
export interface Identity {
  readonly accountId: string
  readonly siteId: string | null
  /** The key's public id. */
  readonly keyId: string
  readonly ownerId: string
  readonly dialect: string
}

/** For one connection only (RFC 9110 §7.6.1), as is whatever Connection names besides. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The caller's credentials, which are for this server alone. */
const CREDENTIALS = new Set(['authorization', 'cookie', 'x-api-key'])

/**
 * What this server says itself: the upstream's own name, how the caller has come (RFC 7239), and the
 * 100 that it has sent already (RFC 9110 §10.1.1).
 */
const OURS = new Set(['host', 'expect', 'forwarded', 'x-real-ip', REQUEST_ID.toLowerCase()])
const OUR_FAMILIES = /^x-(?:latchkey|forwarded)(?:-|$)/

/**
 * A name as an upstream may see it: CGI (RFC 3875 §4.1.18), WSGI and their kin hand `X_A`, `X.A` and
 * `X-A` on as one variable.
 */
const folded = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '-')

/** The caller's headers without those that are not for the upstream, and with what we know of him. */
export function outwardHeaders(
  incoming: Headers,
  identity: Identity,
  { address, requestId }: Caller,
  publicUrl: URL,
): Headers {
  const headers = endToEnd(incoming)
  for (const name of [...headers.keys()]) {
    const seen = folded(name)
    if (HOP_BY_HOP.has(seen) || CREDENTIALS.has(seen)) headers.delete(name)
    if (OURS.has(seen) || OUR_FAMILIES.test(seen)) headers.delete(name)
  }
  identify(headers, identity)
  headers.set(REQUEST_ID, requestId)

  headers.set(FORWARDED_FOR, address)
  // Upstreams write links with these, so they are the operator's words and never a caller's Host.
  headers.set('X-Forwarded-Proto', publicUrl.protocol.slice(0, -1))
  headers.set('X-Forwarded-Host', publicUrl.host)
  return headers
}

export const SITE = 'X-Latchkey-Site'

/** Says whose request it is, to whoever stands behind the guard. */
export function identify(
  headers: Headers,
  { accountId, siteId, keyId, ownerId, dialect }: Identity,
): void {
  headers.set('X-Latchkey-Account', accountId)
  if (siteId !== null) headers.set(SITE, siteId)
  headers.set('X-Latchkey-Key', keyId)
  headers.set('X-Latchkey-Owner', ownerId)
  headers.set('X-Latchkey-Dialect', dialect)
}

/** The upstream's headers without those of its connection to us. */
export function answerHeaders(answered: Headers, { requestId }: Caller): Headers {
  const headers = endToEnd(answered)
  headers.set(REQUEST_ID, requestId)
  if (!headers.has('cache-control')) headers.set('Cache-Control', 'no-store')
  return headers
}

function endToEnd(given: Headers): Headers {
  const headers = new Headers(given)
  const named = headers.get('connection')?.toLowerCase().split(',') ?? []
  for (const name of [...headers.keys()]) {
    if (HOP_BY_HOP.has(name) || named.some((word) => word.trim() === name)) headers.delete(name)
  }
  return headers
}
