import { LRUCache } from 'lru-cache'
import { type CredentialFailure, KEY_UNKNOWN, ok, type Result } from '../../domain/failure.ts'
import type { Key } from '../../domain/key.ts'
import { limitEntries } from '../../domain/limits.ts'
import type { KeyRouting } from '../../domain/routing.ts'
import type { ClientTokenClaims } from '../../domain/token.ts'
import type {
  Authority,
  AuthorityStorage,
  RevokedTokenStorage,
  TokenAuthority,
  VersionedKey,
} from '../ports/authority.ts'
import type { SecretDigester } from '../ports/crypto.ts'
import type { MaybePromise } from '../ports/runtime.ts'

/** A key that is exchanged for tokens, with the routing of its sources, as of an authority version. */
export interface KeyWithRouting {
  readonly key: VersionedKey
  /** Only an OAuth client can have none, or several. */
  readonly routings: readonly KeyRouting[]
}

/** A key whose secret was presented. */
export interface ProvenKey {
  readonly key: Key
  /** The key's digest of the secret, or the hash of another system that the secret matched. */
  readonly digest: string
}

type FoundBySecret = Result<ProvenKey, CredentialFailure>

const MAX_CACHED_ACCOUNTS = 10_000

/** Holds about 50,000 keys in all caches together. */
const MAX_CACHED_KEY_BYTES = 25 * 1024 * 1024
/** The memory of a cached key (400 to 800 bytes), and of a network of its account. */
const KEY_BYTES = 500
const NETWORK_BYTES = 100

/**
 * Caches keys and their routing, for credentials that prove themselves. Each request reads only the
 * authority's version. Every change of an account, key or route, and every revocation, bumps that version
 * in the same transaction, from any process, so a row that was read under the same version still holds.
 * A key is cached under the version that the same statement read, so no change falls between the two.
 * Unknown ids are not cached, because callers choose them. A key that a caller merely names by its id
 * must not be looked up here: the time would tell that it exists.
 */
export function createKeyCache(
  storage: AuthorityStorage & Pick<RevokedTokenStorage, 'findRevokedToken'>,
  digester: Pick<SecretDigester, 'toDecoySalt'>,
  maxBytes = MAX_CACHED_KEY_BYTES,
) {
  const byPublicId = new SizedMap<KeyWithRouting>(
    ({ key, routings }) => countKeyBytes(key) + JSON.stringify(routings).length,
  )
  const byPresentedId = new SizedMap<VersionedKey>(countKeyBytes)
  const bySecretDigest = new SizedMap<VersionedKey>(countKeyBytes)
  const keyMaps = [byPublicId, byPresentedId, bySecretDigest]

  /** Makes room for a key that was just cached: all maps share one limit. */
  function dropOldest(): void {
    while (keyMaps.reduce((sum, { bytes }) => sum + bytes, 0) > maxBytes) {
      keyMaps.reduce((most, each) => (each.bytes > most.bytes ? each : most)).deleteOldest()
    }
  }

  /** Accounts that had no revoked token, with the count of revocations at that time. */
  const accountsWithoutRevoked = new LRUCache<string, number>(limitEntries(MAX_CACHED_ACCOUNTS))

  async function readKeyWithRouting(publicId: string): Promise<KeyWithRouting | null> {
    const key = await storage.findKey(publicId)
    if (key === null || (key.sourceId === null && key.oauthClient === null)) return null
    const routings = await storage.listKeyRoutings(key)
    if (routings.length === 0 && key.oauthClient === null) return null
    const found = { key, routings }
    byPublicId.set(key.publicId, found)
    dropOldest()
    return found
  }

  /** Finds the key with this public id as of an authority version. */
  async function findAtVersion(publicId: string, version: number): Promise<KeyWithRouting | null> {
    const cached = byPublicId.get(publicId)
    return cached?.key.authorityVersion === version ? cached : readKeyWithRouting(publicId)
  }

  async function readBySecret(
    digests: readonly string[],
    isMatch: (key: Key, digest: string) => boolean,
    listMoreDigests: () => MaybePromise<readonly string[]>,
  ): Promise<FoundBySecret> {
    const keys = await storage.findKeysBySecret(digests)
    for (const digest of digests) {
      const key = keys.find((each) => isMatch(each, digest))
      if (key === undefined) continue
      // Keeps the key's own text instead of another one beside it.
      const { secretHash, previousSecretHash } = key
      const ownDigest = [secretHash, previousSecretHash].find((hash) => hash === digest)
      bySecretDigest.set(ownDigest ?? digest, key)
      dropOldest()
      return ok({ key, digest })
    }
    const moreDigests = await listMoreDigests()
    // All of them, in one statement: another process may have replaced the key's digest meanwhile.
    return moreDigests.length === 0
      ? KEY_UNKNOWN
      : readBySecret([...digests, ...moreDigests], isMatch, () => [])
  }

  async function readPresentedKey(publicId: string, region: string): Promise<Key | null> {
    const key = await storage.findKey(publicId)
    if (key?.keyType !== 'xdent' || key.account.region !== region) return null
    byPresentedId.set(key.publicId, key)
    dropOldest()
    return key
  }

  return {
    /** Reads the authority's version, which tells the other methods which cached keys still hold. */
    readAuthority: (): MaybePromise<Authority> => storage.readAuthority(),

    /** Reads the data that verifies the tokens of this key. A caller can name any key in a token. */
    readTokenAuthority: (keyId: string): MaybePromise<TokenAuthority> =>
      storage.readTokenAuthority(keyId, digester.toDecoySalt(keyId)),

    /** Finds the key with this public id, if it is exchanged for tokens; null otherwise. */
    findByPublicId: async (publicId: string): Promise<KeyWithRouting | null> =>
      findAtVersion(publicId, await storage.readAuthorityVersion()),

    /**
     * Finds the key with this public id as of an authority version, if it is presented by id in this
     * region. Any other key is treated like an unknown id and not cached, because a faster second
     * response would reveal that the id exists.
     */
    findPresentedKey(publicId: string, region: string, version: number): MaybePromise<Key | null> {
      const cached = byPresentedId.get(publicId)
      return cached?.authorityVersion === version ? cached : readPresentedKey(publicId, region)
    },

    /**
     * Finds the key of a presented secret by its digests, as of an authority version. `isMatch`: the key has a
     * secret with this digest. `listMoreDigests` is called for a secret that has not been found.
     */
    findBySecret(
      digests: Iterable<string>,
      version: number,
      isMatch: (key: Key, digest: string) => boolean,
      listMoreDigests: () => MaybePromise<readonly string[]> = () => [],
    ): MaybePromise<FoundBySecret> {
      const tried: string[] = []
      for (const digest of digests) {
        const key = bySecretDigest.get(digest)
        if (key?.authorityVersion === version && isMatch(key, digest)) return ok({ key, digest })
        tried.push(digest)
      }
      return readBySecret(tried, isMatch, listMoreDigests)
    },

    findAtVersion,

    /** Tests if a client's token was revoked. Reads only for accounts that have revoked tokens. */
    async isRevoked(
      accountId: string,
      { tokenId }: Pick<ClientTokenClaims, 'tokenId'>,
      { tokenRevocations }: Authority,
    ): Promise<boolean> {
      if (accountsWithoutRevoked.get(accountId) === tokenRevocations) return false
      const { isRevoked, anyRevoked } = await storage.findRevokedToken(accountId, tokenId)
      if (!anyRevoked) accountsWithoutRevoked.set(accountId, tokenRevocations)
      return isRevoked
    },
  }
}

/** Estimates the memory of a key: its allowlist and the settings of an OAuth client can be long. */
const countKeyBytes = ({ account, oauthClient }: Key): number =>
  KEY_BYTES +
  account.networks.length * NETWORK_BYTES +
  (oauthClient === null ? 0 : JSON.stringify(oauthClient).length)

/**
 * Maps texts to values, counts their bytes, and deletes the oldest first: a cache that deletes the least recently used
 * one takes 50 bytes more for each.
 */
class SizedMap<Value> {
  bytes = 0
  readonly #values = new Map<string, Value>()
  /** Goes on after the value that was deleted last. A new iterator would pass all the deleted ones again. */
  readonly #names = this.#values.keys()
  readonly #countBytes: (value: Value) => number

  constructor(countBytes: (value: Value) => number) {
    this.#countBytes = countBytes
  }

  get(name: string): Value | undefined {
    return this.#values.get(name)
  }

  set(name: string, value: Value): void {
    // A Map would keep the earlier text, besides the one that is a part of the value.
    this.#delete(name)
    this.#values.set(name, value)
    this.bytes += this.#countBytes(value)
  }

  deleteOldest(): void {
    const { done, value: name } = this.#names.next()
    if (!done) this.#delete(name)
  }

  #delete(name: string): void {
    const value = this.#values.get(name)
    if (value === undefined) return
    this.#values.delete(name)
    this.bytes -= this.#countBytes(value)
  }
}

export type KeyCache = ReturnType<typeof createKeyCache>
