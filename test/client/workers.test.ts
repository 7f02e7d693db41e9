import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleClient } from '../../build.ts'
import { type LiveServer, seedKey, startLiveServer } from '../support/server.ts'
import { COMPATIBILITY_DATE } from '../support/worker/bundle.ts'

/* workerd ties each request's work to that request, and ends it with the request. */

const WORKER = `
import { waitUntil } from 'cloudflare:workers'
import { TokenManager } from './client.mjs'
let manager
let tokenRequests = 0
export default {
  async fetch(request, { url, apiKey, secret }) {
    manager ??= new TokenManager({
      url,
      credentials: { apiKey, secret },
      waitUntil,
      runtime: {
        fetch(input, init) {
          if (typeof input === 'string') tokenRequests++
          return fetch(input, init)
        },
      },
    })
    const { status } = await manager.fetch('/endpoint', { method: 'POST', body: '{}' })
    return Response.json({ status, tokenRequests })
  },
}`

let server: LiveServer
let worker: Miniflare
beforeAll(async () => {
  server = await startLiveServer()
  const { apiKey, secret } = await seedKey(server)
  worker = new Miniflare({
    compatibilityDate: COMPATIBILITY_DATE,
    bindings: { url: server.url, apiKey, secret },
    modules: [
      { type: 'ESModule', path: 'worker.mjs', contents: WORKER },
      { type: 'ESModule', path: 'client.mjs', contents: await bundleClient() },
    ],
  })
})
afterAll(async () => {
  await worker.dispose()
  await server.close()
})

const ask = async () => {
  const response = await worker.dispatchFetch('http://worker.example/')
  return (await response.json()) as { status: number; tokenRequests: number }
}

test('ten requests of a Worker at once share one token request, and so do later ones', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, ask))
  // 400: the token is accepted, and the message is none.
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(400))
  expect(await ask()).toEqual({ status: 400, tokenRequests: 1 })
})
