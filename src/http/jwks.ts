import { Hono } from 'hono'
import { toResponse } from './reply.ts'
import { type HttpDeps, identifyCaller } from './request.ts'

export interface JwksDeps extends HttpDeps {
  /** Public keys as JWKs: next, current and retired. */
  readonly getPublicKeys: () => readonly object[]
}

/** Publishes the keys that sign access tokens (RFC 7517 §5), including the next key before it signs. */
export function createJwksRoutes(deps: JwksDeps): Hono {
  const app = new Hono()
  app.get('/.well-known/jwks.json', (c) =>
    toResponse(
      {
        status: 200,
        body: JSON.stringify({ keys: deps.getPublicKeys() }),
        type: 'application/jwk-set+json',
        headers: { 'Cache-Control': 'public, max-age=300' },
      },
      identifyCaller(deps, c).requestId,
    ),
  )
  return app
}
