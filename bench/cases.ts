import type { LoadScript } from './load.ts'
import {
  type BenchClient,
  createAssertionScripts,
  createIntrospectionScripts,
  findLatchkeyOAuth,
} from './oauth.ts'
import type { BenchEngineName } from './options.ts'
import type { PrimitiveCounts } from './primitives.ts'
import {
  buildGetRequest,
  buildPostRequest,
  createMessage,
  createRefreshScript,
  createRotatingScripts,
  takeTurn,
} from './requests.ts'
import { API_KEY_TYPES, type BenchApiKeys, type BenchVendor } from './seed.ts'

export interface BenchCase {
  readonly name: string
  /** Its name in a table. */
  readonly title: string
  /** Minimum share of bare Hono's CPU by engine, where there is one. */
  readonly targets: Readonly<Partial<Record<BenchEngineName, number>>>
  /** Maximum p50 of one connection on SQLite, where there is one. */
  readonly maxAloneMs?: number
  /** The primitives that it cannot do without on SQLite, besides the work of bare Hono. */
  readonly needs: PrimitiveCounts
  /** The settings of the Latchkey that answers it. */
  readonly settings?: Readonly<Record<string, string>>
  /** Returns one script for each connection. */
  prepare(target: CaseTarget, connections: number): Promise<LoadScript[]>
}

const JWT_SETTINGS = { LATCHKEY_ACCESS_TOKENS: 'jwt' }

async function prepareAuthenticate(
  target: BenchTarget,
  connections: number,
): Promise<LoadScript[]> {
  // The first exchange of each key runs argon2, which is not measured here.
  for (const vendor of target.vendors) await authenticateBenchVendor(target, vendor)
  const requests = target.vendors.map((vendor) =>
    buildPostRequest('/auth/authenticate', formatCredentials(vendor)),
  )
  return createRotatingScripts(requests, connections)
}

async function prepareRefresh(target: BenchTarget, connections: number): Promise<LoadScript[]> {
  const scripts: LoadScript[] = []
  for (let n = 0; n < connections; n++) {
    const vendor = takeTurn(target.vendors, n)
    const { refreshToken } = await authenticateBenchVendor(target, vendor)
    const body = JSON.stringify({ apiKey: vendor.apiKey, refreshToken })
    const request = buildPostRequest('/auth/refreshToken', body)
    scripts.push(createRefreshScript(request, 'refreshToken', refreshToken))
  }
  return scripts
}

export const BENCH_CASES: readonly BenchCase[] = [
  {
    name: 'authenticate',
    title: 'authenticate',
    targets: { sqlite: 0.6, postgres: 0.4 },
    needs: { hmac: 2 },
    maxAloneMs: 0.2,
    prepare: prepareAuthenticate,
  },
  {
    name: 'refresh',
    title: 'refresh, on disk',
    targets: { sqlite: 0.4, postgres: 0.15 },
    needs: { hmac: 3, update: 1 },
    maxAloneMs: 0.35,
    prepare: prepareRefresh,
  },
  {
    name: 'guard-refused',
    title: 'guard: a 2 KB message refused by its route',
    targets: { sqlite: 0.75, postgres: 0.45 },
    needs: { json: 1 },
    async prepare(target, connections) {
      const requests = await createMessageRequests(target, () => crypto.randomUUID())
      return createRotatingScripts(requests, connections, 403)
    },
  },
  ...API_KEY_TYPES.map((keyType) => ({
    name: `api-key-${keyType}`,
    title: `API key at each request: ${keyType}`,
    targets: { sqlite: 0.75 },
    needs: { hmac: 1 },
    async prepare({ apiKeys }: CaseTarget, connections: number) {
      const guarded = [
        ['X-Original-Method', 'GET'],
        ['X-Original-URI', '/patients'],
      ] as const
      const requests = apiKeys[keyType].map((header) =>
        buildGetRequest(`/forward-auth/${keyType}`, [...guarded, header]),
      )
      return createRotatingScripts(requests, connections)
    },
  })),
  {
    name: 'endpoint-accepted',
    title: 'a 2 KB message accepted, on disk, with delivery at work',
    targets: { sqlite: 0.33, postgres: 0.15 },
    needs: { json: 1, seal: 1, insert: 1 },
    maxAloneMs: 0.35,
    async prepare(target, connections) {
      const requests = await createMessageRequests(target, (vendor) => vendor.destinationId)
      return createRotatingScripts(requests, connections)
    },
  },
  {
    name: 'token-assertion',
    title: 'token request by private_key_jwt, on disk',
    targets: {},
    needs: { es256Verify: 1, update: 1, es256Sign: 1 },
    prepare: async ({ port, clients }, connections) =>
      createAssertionScripts(await findLatchkeyOAuth(port), clients, connections),
  },
  {
    name: 'introspect',
    title: 'introspection of a JWT',
    targets: {},
    needs: { hmac: 1 },
    prepare: async ({ port, clients }, connections) =>
      createIntrospectionScripts(await findLatchkeyOAuth(port), clients, connections),
  },
  {
    name: 'authenticate-jwt',
    title: 'authenticate with JWT',
    targets: { sqlite: 0.38 },
    needs: { hmac: 1, eddsaSign: 1 },
    settings: JWT_SETTINGS,
    prepare: prepareAuthenticate,
  },
  {
    name: 'refresh-jwt',
    title: 'refresh with JWT, on disk',
    targets: { sqlite: 0.3 },
    needs: { hmac: 2, eddsaSign: 1, update: 1 },
    settings: JWT_SETTINGS,
    prepare: prepareRefresh,
  },
]

/** A Latchkey to send requests to: its port and the owners of its keys. */
export interface BenchTarget {
  readonly port: number
  readonly vendors: readonly BenchVendor[]
}

/** The cases that need clients. */
export const CLIENT_CASES: readonly string[] = ['token-assertion', 'introspect']

export interface CaseTarget extends BenchTarget {
  readonly apiKeys: BenchApiKeys
  readonly clients: readonly BenchClient[]
}

export interface BenchTokens {
  readonly accessToken: string
  readonly refreshToken: string
}

export const formatCredentials = ({ apiKey, secret }: BenchVendor) =>
  JSON.stringify({ apiKey, secret })

export async function authenticateBenchVendor(
  { port }: BenchTarget,
  vendor: BenchVendor,
): Promise<BenchTokens> {
  const answer = await fetch(`http://127.0.0.1:${port}/auth/authenticate`, {
    method: 'POST',
    body: formatCredentials(vendor),
  })
  if (answer.status !== 200) {
    throw new Error(`a seeded key cannot authenticate: ${answer.status} ${await answer.text()}`)
  }
  return (await answer.json()) as BenchTokens
}

/** Creates one `POST /endpoint` for each vendor, with a valid token. */
export async function createMessageRequests(
  target: BenchTarget,
  getDestinationId: (vendor: BenchVendor) => string,
): Promise<Buffer[]> {
  const requests: Buffer[] = []
  for (const vendor of target.vendors) {
    const { accessToken } = await authenticateBenchVendor(target, vendor)
    const body = createMessage(vendor.sourceId, getDestinationId(vendor))
    requests.push(buildPostRequest('/endpoint', body, [['Authorization', `Bearer ${accessToken}`]]))
  }
  return requests
}
