import type { Context } from 'hono'
import type { Caller } from '../service/refused.ts'

/** What every route needs to know of the server that it runs in. */
export interface HttpDeps {
  /** The address that the request came from, as far as the operator's proxies are believed. */
  readonly addressOf: (c: Context) => string
  readonly requestId: () => string
}

export const callerOf = ({ addressOf, requestId }: HttpDeps, c: Context): Caller => ({
  address: addressOf(c),
  requestId: requestId(),
})
