import { Hono } from 'hono'
import { callerOf } from '../../../src/http/caller.ts'
import { createPass } from '../../../src/http/upstream/pass.ts'
import { createCarry } from '../../../src/worker/carry.ts'

/*
 * The gate as a Worker. Its upstream is soon given up at /silent, and nowhere else.
 */

export default {
  fetch(request: Request, { UPSTREAM }: { UPSTREAM: string }): Response | Promise<Response> {
    const nothing = () => undefined
    const pass = createPass({
      carry: createCarry({ timeoutMs: request.url.endsWith('/silent') ? 300 : 60_000 }),
      upstreams: { fhir: new URL(UPSTREAM) },
      publicUrl: 'https://latchkey.example',
      log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    })
    const http = { peerOf: () => '203.0.113.7', trustedProxies: [], requestId: () => 'request-1' }
    const identity = { accountId: 'a', siteId: 's', keyId: 'k', ownerId: 'o', dialect: 'test' }
    const app = new Hono()
    app.all('*', async (c) => {
      const answer = await pass(c, 'fhir', identity, callerOf(http, c))
      return answer.ok ? answer.value : c.json(answer.failure, 502)
    })
    return app.fetch(request)
  },
}
