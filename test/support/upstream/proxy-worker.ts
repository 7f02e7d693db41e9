import { Hono } from 'hono'
import { createProxyRequest } from '../../../src/http/proxy/upstream.ts'
import { identifyCaller } from '../../../src/http/request.ts'
import { createWorkerUpstreamFetch } from '../../../src/worker/outbound-http.ts'

/*
 * The gate as a Worker. Its upstream is soon given up at /silent, and nowhere else.
 */

export default {
  fetch(request: Request, { UPSTREAM }: { UPSTREAM: string }): Response | Promise<Response> {
    const nothing = () => undefined
    const pass = createProxyRequest({
      upstreamFetch: createWorkerUpstreamFetch({
        timeoutMs: request.url.endsWith('/silent') ? 300 : 60_000,
      }),
      upstreams: { fhir: new URL(UPSTREAM) },
      publicUrl: 'https://latchkey.example',
      log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    })
    const http = {
      getPeerAddress: () => '203.0.113.7',
      trustedProxies: [],
      createRequestId: () => 'request-1',
    }
    const identity = {
      accountId: 'a',
      siteIds: ['s'],
      sourceIds: [],
      scopes: [],
      keyId: 'k',
      ownerId: 'o',
      keyType: 'test',
    }
    const app = new Hono()
    app.all('*', async (c) => {
      const answer = await pass(c, 'fhir', identity, identifyCaller(http, c))
      return answer.ok ? answer.value : c.json(answer.failure, 502)
    })
    return app.fetch(request)
  },
}
