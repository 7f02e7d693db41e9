import {
  type ClientRuntime,
  type Credentials,
  type TokenEvent,
  TokenManager,
  type TokenManagerOptions,
} from '../../src/client/client.ts'
import { ISSUER } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'

/** The fate of one request: it never arrives, or its answer never does. */
export type Loss = 'request' | 'answer'

/** A manager whose requests go into a server of the test, by the clock of that server. */
export function createClient(
  server: Pick<TestServer, 'call' | 'clock'>,
  credentials: Credentials,
  options: Partial<TokenManagerOptions> = {},
) {
  const paths: string[] = []
  const events: TokenEvent[] = []
  const losses: (Loss | undefined)[] = []
  const runtime: ClientRuntime = {
    async fetch(input, init) {
      const request = new Request(input, init)
      const { pathname } = new URL(request.url)
      paths.push(pathname)
      const loss = losses.shift()
      if (loss === 'request') throw new TypeError('fetch failed')
      const response = await server.call(pathname, {
        method: request.method,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
      })
      if (loss === 'answer') throw new TypeError('fetch failed')
      return response
    },
    now: server.clock,
    monotonicNow: server.clock,
    random: () => 0.5,
    // Waiting takes no time, and turns the clock.
    setTimer(run, ms) {
      const timer = setImmediate(() => {
        if (ms < 10_000) server.clock.advance(ms)
        run()
      })
      // Limits of time are not reached.
      if (ms >= 10_000) clearImmediate(timer)
      return () => clearImmediate(timer)
    },
  }
  const manager = new TokenManager({
    url: ISSUER,
    credentials,
    runtime,
    onEvent: (event) => events.push(event),
    ...options,
  })
  return { manager, paths, events, losses, runtime }
}
