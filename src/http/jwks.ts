import { Hono } from 'hono'
import { callerOf, type HttpDeps } from './caller.ts'
import { toResponse } from './reply.ts'

export interface JwksDeps extends HttpDeps {
  /** Public keys as JWKs: next, current and retired. */
  readonly publicKeys: () => readonly object[]
}

/** The keys that access tokens are signed with (RFC 7517 §5), the next one before it signs. */
export function jwks(deps: JwksDeps): Hono {
  const app = new Hono()
  app.get('/.well-known/jwks.json', (c) =>
    toResponse(
      {
        status: 200,
        body: JSON.stringify({ keys: deps.publicKeys() }),
        type: 'application/jwk-set+json',
        headers: { 'Cache-Control': 'public, max-age=300' },
      },
      callerOf(deps, c).requestId,
    ),
  )
  return app
}
