import {
  type ClientRuntime,
  createMemoryStore,
  TokenManager,
  type TokenStore,
} from '../../../src/client/client.ts'
import { createGenericClient } from './simple-oauth2.ts'
import { DOUBLE_KEY, DOUBLE_URL } from './vendor-double.ts'

/** A store of tokens, which a vendor's processes share. */
export interface SharedTokens {
  readonly store: TokenStore
  /** The tokens of clients that have no such store, as their own text; empty if there are none. */
  text: string
}

export const createSharedTokens = (): SharedTokens => ({
  store: createMemoryStore(),
  text: '',
})

/** Posts a message with a token, in one process. Returns true if the vendor took it. */
export type PostMessage = () => Promise<boolean>
export type CreateClient = (runtime: ClientRuntime, shared: SharedTokens) => PostMessage

interface Pair {
  readonly accessToken: string
  readonly expires: string
  readonly refreshToken: string
}

const ENDPOINT = `${DOUBLE_URL}/endpoint`

const createManagerClient =
  (options: { refresh?: boolean; isOAuth?: boolean }): CreateClient =>
  (runtime, { store }) => {
    const manager = new TokenManager({
      url: DOUBLE_URL,
      credentials:
        options.isOAuth === true
          ? { clientId: 'client', keyId: 'k1', algorithm: 'ES384', sign: () => new Uint8Array(96) }
          : DOUBLE_KEY,
      refresh: options.refresh === true,
      store,
      runtime,
    })
    return async () => (await manager.fetch('/endpoint', { method: 'POST', body: '{}' })).ok
  }

async function requestPair(
  { fetch }: ClientRuntime,
  path: string,
  fields: Readonly<Record<string, string>>,
): Promise<Pair> {
  const body = JSON.stringify({ apiKey: DOUBLE_KEY.apiKey, ...fields })
  const response = await fetch(DOUBLE_URL + path, { method: 'POST', body })
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  return (await response.json()) as Pair
}

const authenticate = (runtime: ClientRuntime) =>
  requestPair(runtime, '/auth/authenticate', { secret: DOUBLE_KEY.secret })

const refreshPair = (runtime: ClientRuntime, { refreshToken }: Pair) =>
  requestPair(runtime, '/auth/refreshToken', { refreshToken })

async function post({ fetch }: ClientRuntime, { accessToken }: Pair): Promise<boolean> {
  const headers = { Authorization: `Bearer ${accessToken}` }
  return (await fetch(new Request(ENDPOINT, { method: 'POST', body: '{}', headers }))).ok
}

/** Authenticates once, and from then on refreshes when its own clock says that the token has ended. */
const createNaiveClient: CreateClient = (runtime, shared) => async () => {
  if (shared.text === '') shared.text = JSON.stringify(await authenticate(runtime))
  const pair: Pair = JSON.parse(shared.text)
  if (runtime.now() > Date.parse(pair.expires)) {
    shared.text = JSON.stringify(await refreshPair(runtime, pair))
  }
  return post(runtime, JSON.parse(shared.text))
}

export const CLIENTS = {
  TokenManager: createManagerClient({}),
  'TokenManager, refresh: true': createManagerClient({ refresh: true }),
  'TokenManager, OAuth': createManagerClient({ isOAuth: true }),
  'naive client': createNaiveClient,
  'simple-oauth2': createGenericClient,
} satisfies Record<string, CreateClient>
