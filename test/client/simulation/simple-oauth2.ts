import * as http from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type AccessToken, ClientCredentials } from 'simple-oauth2'
import type { ClientRuntime } from '../../../src/client/client.ts'
import type { CreateClient } from './clients.ts'
import { DOUBLE_KEY, DOUBLE_URL } from './vendor-double.ts'

const EXPIRATION_WINDOW_SECONDS = 300

/**
 * The library, used as its README shows: `expired`, then `refresh` in a `try`, and the stored token after
 * a restart. It speaks the vendor's names and JSON by its own options; only the answers need `toStandard`.
 */
export const createGenericClient: CreateClient = (runtime, shared) => {
  const client = new ClientCredentials({
    client: {
      id: DOUBLE_KEY.apiKey,
      secret: DOUBLE_KEY.secret,
      idParamName: 'apiKey',
      secretParamName: 'secret',
    },
    auth: {
      tokenHost: DOUBLE_URL.replace('https:', 'http:'),
      tokenPath: '/auth/authenticate',
      refreshPath: '/auth/refreshToken',
    },
    options: { bodyFormat: 'json', authorizationMethod: 'body' },
    http: { agent: createMemoryAgent(runtime) },
  })
  const load = () => client.createToken(JSON.parse(shared.text))
  const store = ({ token }: AccessToken) => {
    shared.text = JSON.stringify(toStandard(token))
  }

  return async () => {
    if (shared.text === '') store(await client.getToken({}))
    if (runByClock(runtime, () => load().expired(EXPIRATION_WINDOW_SECONDS))) {
      try {
        const { refresh_token: refreshToken } = load().token
        store(await load().refresh({ refreshToken } as object))
      } catch {
        // 'Error refreshing access token: …'
      }
    }
    const headers = { Authorization: `Bearer ${load().token.access_token}` }
    const message = new Request(`${DOUBLE_URL}/endpoint`, { method: 'POST', body: '{}', headers })
    return (await runtime.fetch(message)).ok
  }
}

const toStandard = ({ accessToken, expires, refreshToken }: AccessToken['token']) => ({
  access_token: accessToken,
  expires_at: expires,
  refresh_token: refreshToken,
})

/** The library reads the clock of the machine, which may be wrong. */
function runByClock<T>({ now }: ClientRuntime, work: () => T): T {
  const machineNow = Date.now
  Date.now = now
  try {
    return work()
  } finally {
    Date.now = machineNow
  }
}

const runtimes = new WeakMap<object, ClientRuntime>()

/** Passes each request of a connection in memory on to the simulated network. */
const memoryServer = http.createServer(async (request, response) => {
  try {
    const body = await text(request)
    const runtime = runtimes.get(request.socket)
    const answer = await runtime?.fetch(DOUBLE_URL + request.url, { method: 'POST', body })
    response.writeHead(answer?.status ?? 500, Object.fromEntries(answer?.headers ?? []))
    response.end(await answer?.text())
  } catch {
    request.socket.destroy()
  }
})

/** The library copies its options, so that an agent must not have members of its own. */
function createMemoryAgent(runtime: ClientRuntime): http.Agent {
  return new (class extends http.Agent {
    override createConnection(): Duplex {
      const [client, server] = duplexPair()
      runtimes.set(server, runtime)
      memoryServer.emit('connection', server)
      return client
    }
  })()
}
