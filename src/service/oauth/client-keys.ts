import { LRUCache } from 'lru-cache'
import {
  type AssertionFailure,
  type AssertionKeyHint,
  failAssertion,
} from '../../domain/client-assertion.ts'
import {
  type ClientKey,
  type ClientKeySet,
  readCacheSeconds,
  readClientKeySet,
  selectClientKey,
} from '../../domain/client-key-set.ts'
import type { Result } from '../../domain/failure.ts'
import { limitEntries } from '../../domain/limits.ts'
import type { OAuthClient } from '../../domain/oauth-client.ts'
import type { OutboundResponse, SendHttp } from '../ports/outbound.ts'
import type { Clock, KeepAlive } from '../ports/runtime.ts'

const KEY_SET_TIMEOUT_MS = 3000
const KEY_SET_LIMIT_BYTES = 64 * 1024
/** An unknown kid fetches the set again at most this often for each client: kids are anybody's to invent. */
const REFETCH_INTERVAL_MS = 30_000
/**
 * Requests within this time share a fetch, even of a set that its server does not allow to be kept: anybody can
 * name a client in a forged assertion.
 */
const MIN_FETCH_INTERVAL_MS = 1000
/** A URL that failed is asked again after this. */
const FAILURE_CACHE_MS = 5000
const MAX_CACHED_SETS = 2000

export interface ClientKeysDeps {
  readonly sendHttp: SendHttp
  readonly clock: Clock
  /** Lets a fetch that others wait for end, although the request that began it is gone. */
  readonly keepAlive: KeepAlive
  readonly timeoutMs?: number
}

/** A client with keys of its own. */
export interface KeyedClient extends Pick<OAuthClient, 'jwksUrl' | 'jwks'> {
  /** Row id of the key. */
  readonly keyId: string
}

/** The key set that a client's URL answers with now, or its stored set. */
export interface KeySetReport {
  /** Null for a stored set. */
  readonly url: string | null
  /** The reason for which no key of the set can be used; null if there is none. */
  readonly problem: string | null
  /** The seconds that the answer is kept; null for a stored set, and for none. */
  readonly cacheSeconds: number | null
  readonly keys: readonly ReportedKey[]
}

export interface ReportedKey {
  readonly kid: string | null
  readonly type: string
  readonly algorithms: readonly string[]
  /** The reason for which assertions of this key are refused. */
  readonly problem: string | null
}

export interface ClientKeys {
  /** Finds the key that an assertion names. Fetches the client's set if it is not cached. */
  findKey(client: KeyedClient, hint: AssertionKeyHint): Promise<Result<ClientKey, AssertionFailure>>
  /** Fetches the set anew, and reports each key. */
  report(client: KeyedClient): Promise<KeySetReport>
}

interface FetchedSet {
  readonly result: Result<ClientKeySet, AssertionFailure>
  readonly cacheSeconds: number | null
}

interface StoredSet extends Pick<KeyedClient, 'jwks'> {
  readonly result: Result<ClientKeySet, AssertionFailure>
}

interface CacheEntry {
  readonly url: string
  readonly result: Result<ClientKeySet, AssertionFailure>
  readonly fetchedAt: number
  readonly endsAt: number
}

export function createClientKeys(deps: ClientKeysDeps): ClientKeys {
  const { clock, keepAlive } = deps
  const cache = new LRUCache<string, CacheEntry>(limitEntries(MAX_CACHED_SETS))
  const refetchedAt = new LRUCache<string, number>(limitEntries(MAX_CACHED_SETS))
  const pending = new Map<string, Promise<CacheEntry>>()

  // Keeps a set as one object, because imported keys are cached by theirs.
  const storedSets = new LRUCache<string, StoredSet>(limitEntries(MAX_CACHED_SETS))
  function readStoredSet({ keyId, jwks }: KeyedClient): Result<ClientKeySet, AssertionFailure> {
    const known = storedSets.get(keyId)
    if (known !== undefined && known.jwks === jwks) return known.result
    const result =
      jwks === null
        ? failAssertion('key_set_invalid', 'the client has neither a JWKS URL nor a stored set')
        : parseKeySet(jwks)
    storedSets.set(keyId, { jwks, result })
    return result
  }

  /** Requests that need one set at once share one fetch. */
  function load(keyId: string, url: string): Promise<CacheEntry> {
    const id = `${keyId} ${url}`
    const running = pending.get(id)
    if (running !== undefined) return running
    const work = fetchIntoCache(keyId, url).finally(() => pending.delete(id))
    pending.set(id, work)
    keepAlive(work)
    return work
  }

  async function fetchIntoCache(keyId: string, url: string): Promise<CacheEntry> {
    const { result, cacheSeconds } = await fetchKeySet(deps, url)
    const fetchedAt = clock()
    const lifeMs =
      cacheSeconds === null
        ? FAILURE_CACHE_MS
        : Math.max(cacheSeconds * 1000, MIN_FETCH_INTERVAL_MS)
    const entry = { url, result, fetchedAt, endsAt: fetchedAt + lifeMs }
    // A failed second look takes away no key that may still be used.
    const known = findCached(keyId, url)
    if (result.ok || known === undefined || !known.result.ok) cache.set(keyId, entry)
    return entry
  }

  function findCached(keyId: string, url: string): CacheEntry | undefined {
    const entry = cache.get(keyId)
    const now = clock()
    const isFresh = entry?.url === url && entry.fetchedAt <= now && now < entry.endsAt
    return isFresh ? entry : undefined
  }

  function mayRefetch(keyId: string): boolean {
    const now = clock()
    const last = refetchedAt.get(keyId)
    if (last !== undefined && last <= now && now < last + REFETCH_INTERVAL_MS) return false
    refetchedAt.set(keyId, now)
    return true
  }

  return {
    async findKey(client, hint) {
      const { keyId, jwksUrl: url } = client
      if (url === null) {
        const set = readStoredSet(client)
        return set.ok ? selectClientKey(set.value, hint) : set
      }
      const cached = findCached(keyId, url)
      const { result } = cached ?? (await load(keyId, url))
      if (!result.ok) return result
      const key = selectClientKey(result.value, hint)
      if (key.ok || cached === undefined || key.failure.reason !== 'key_unknown') return key
      if (!mayRefetch(keyId)) return key
      const refetched = await load(keyId, url)
      if (!refetched.result.ok) return refetched.result
      return selectClientKey(refetched.result.value, hint)
    },

    async report(client) {
      const { jwksUrl: url } = client
      const { result, cacheSeconds } =
        url === null
          ? { result: readStoredSet(client), cacheSeconds: null }
          : await fetchKeySet(deps, url)
      if (!result.ok) return { url, problem: result.failure.detail, cacheSeconds: null, keys: [] }
      const { keys, refused } = result.value
      return {
        url,
        problem: keys.length === 0 ? 'it has no key that can verify an assertion' : null,
        cacheSeconds,
        keys: [
          ...keys.map(({ kid, type, algorithms }) => ({ kid, type, algorithms, problem: null })),
          ...refused.map(({ kid, type, why }) => ({
            kid,
            type,
            algorithms: [],
            problem: `it ${why}`,
          })),
        ],
      }
    },
  }
}

function parseKeySet(text: string): Result<ClientKeySet, AssertionFailure> {
  try {
    return readClientKeySet(JSON.parse(text))
  } catch {
    return failAssertion('key_set_invalid', 'it is not JSON')
  }
}

async function fetchKeySet(
  { sendHttp, timeoutMs = KEY_SET_TIMEOUT_MS }: ClientKeysDeps,
  url: string,
): Promise<FetchedSet> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new DOMException('', 'TimeoutError')), timeoutMs)
  const failFetch = (failure: AssertionFailure): FetchedSet => ({
    result: { ok: false, failure },
    cacheSeconds: null,
  })
  try {
    const response = await sendHttp({
      method: 'GET',
      url: new URL(url),
      headers: { Accept: 'application/json' },
      body: null,
      development: false,
      maxResponseBytes: KEY_SET_LIMIT_BYTES,
      signal: controller.signal,
    })
    if (!response.ok) {
      const { detail } = response.failure
      return failFetch({ reason: 'key_set_unreachable', detail: `the JWKS URL: ${detail}` })
    }
    const result = readResponse(response.value)
    const { 'cache-control': cacheControl, age } = response.value.headers
    return result.ok
      ? { result, cacheSeconds: readCacheSeconds(cacheControl?.toString(), age?.toString()) }
      : failFetch(result.failure)
  } finally {
    clearTimeout(timer)
  }
}

function readResponse({
  status,
  body,
  isComplete,
}: OutboundResponse): Result<ClientKeySet, AssertionFailure> {
  if (status !== 200) {
    const isRedirect = status >= 300 && status <= 399
    const more = isRedirect ? ', and redirects are not followed' : ''
    return failAssertion('key_set_unreachable', `the JWKS URL answered ${status}${more}`)
  }
  if (!isComplete) {
    const detail = `the set is longer than ${KEY_SET_LIMIT_BYTES} bytes, or broke off`
    return failAssertion('key_set_invalid', detail)
  }
  return parseKeySet(new TextDecoder().decode(body))
}
