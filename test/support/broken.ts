import { type Context, Hono } from 'hono'
import type { SurfaceDeps } from '../../src/http/surface.ts'
import { testLog } from './server.ts'

const never = () => {
  throw new Error('nobody comes this far')
}

/** The routes of a dialect on a machine that breaks where a key is looked up. */
export function brokenServer(
  routes: (deps: SurfaceDeps) => (c: Context) => Promise<Response>,
  error: Error,
) {
  const log = testLog()
  const app = new Hono()
  app.all(
    '*',
    routes({
      authenticate: () => Promise.reject(error),
      pass: never,
      refused: Object.assign(() => undefined, { recordAnswer: () => undefined }),
      log,
      peerOf: () => '203.0.113.7',
      trustedProxies: [],
      requestId: () => crypto.randomUUID(),
    }),
  )
  return { log, request: app.request }
}
