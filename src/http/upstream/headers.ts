import { parseBasePath } from '../../domain/base-path.ts'
import type { Caller } from '../../service/refused.ts'
import { FORWARDED_FOR } from '../caller.ts'
import { REQUEST_ID } from '../reply.ts'
import { isHopByHop } from './end-to-end.ts'
import { isWithheld } from './withheld.ts'

/** Whose request it is: what the upstream is told in place of the credential. */
export interface Identity {
  readonly accountId: string
  readonly siteId: string | null
  /** The key's public id. */
  readonly keyId: string
  readonly ownerId: string
  readonly dialect: string
}

/** The caller's headers without those that are not for the upstream, and with what we know of him. */
export function outwardHeaders(
  incoming: Headers,
  identity: Identity | null,
  { address, requestId }: Caller,
  publicUrl: URL,
): Headers {
  const headers = new Headers(incoming)
  const connection = headers.get('connection')
  for (const name of [...headers.keys()]) {
    if (isWithheld(name) || isHopByHop(name, connection)) headers.delete(name)
  }
  if (identity !== null) identify(headers, identity)
  headers.set(REQUEST_ID, requestId)
  headers.set(FORWARDED_FOR, address)
  // Upstreams write links with these, so they are the operator's words and never a caller's Host.
  headers.set('X-Forwarded-Proto', publicUrl.protocol.slice(0, -1))
  headers.set('X-Forwarded-Host', publicUrl.host)
  const basePath = parseBasePath(publicUrl)
  if (basePath !== '') headers.set('X-Forwarded-Prefix', basePath)
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
