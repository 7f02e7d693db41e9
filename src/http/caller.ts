import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { clientAddress, type Network } from '../domain/address.ts'
import type { Caller } from '../service/refused.ts'

/** What every route needs to know of the server that it runs in. */
export interface HttpDeps {
  /** The address at the other end of a request's connection. */
  readonly peerOf: (c: Context) => string
  /** The proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly Network[]
  readonly requestId: () => string
}

export const FORWARDED_FOR = 'x-forwarded-for'

export function callerOf({ peerOf, trustedProxies, requestId }: HttpDeps, c: Context): Caller {
  const forwarded = trustedProxies.length > 0 ? c.req.header(FORWARDED_FOR) : undefined
  return {
    address: clientAddress(peerOf(c), forwarded, trustedProxies),
    requestId: requestId(),
    path: routePath(c),
  }
}
