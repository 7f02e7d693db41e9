import { LRUCache } from 'lru-cache'
import type { Key } from '../../domain/key.ts'
import { limitEntries } from '../../domain/limits.ts'
import type { Grant } from '../../domain/rotation.ts'
import type { KeyRouting } from '../../domain/routing.ts'
import type { AccessTokenClaims } from '../../domain/token.ts'
import type {
  AuthorityStorage,
  GrantStorage,
  TokenAuthority,
  VersionedKey,
} from '../ports/authority.ts'
import type { SecretDigester } from '../ports/crypto.ts'
import type { Maybe } from '../ports/runtime.ts'

/** A key that is exchanged for tokens, with its routing, as of an authority version. */
export interface KeyWithRouting {
  readonly key: Key
  readonly routing: KeyRouting
}

interface Versioned<T> {
  readonly version: number
  readonly value: T
}

const MAX_CACHED_KEYS = 10_000

/**
 * Caches keys and their routing, for credentials that prove themselves. Each request reads only the
 * authority's version. Every change of an account, key or route, and every revocation, bumps that version
 * in the same transaction, from any process, so a row that was read under the same version still holds.
 * A key is cached under the version that the same statement read, so no change falls between the two.
 * Unknown ids are not cached, because callers choose them. A key that a caller merely names by its id
 * must not be looked up here: the time would tell that it exists.
 */
export function createKeyCache(
  storage: AuthorityStorage & GrantStorage,
  digester: Pick<SecretDigester, 'toDecoyId'>,
) {
  const byPublicId = new LRUCache<string, Versioned<KeyWithRouting>>(limitEntries(MAX_CACHED_KEYS))
  const grants = new LRUCache<string, Versioned<Grant | null>>(limitEntries(MAX_CACHED_KEYS))
  const byPresentedId = new LRUCache<string, Versioned<Key>>(limitEntries(MAX_CACHED_KEYS))
  const bySecretDigest = new LRUCache<string, Versioned<Key>>(limitEntries(MAX_CACHED_KEYS))

  const byVerifiedToken = new LRUCache<string, TokenAuthority>(limitEntries(MAX_CACHED_KEYS))

  async function readKeyWithRouting(publicId: string): Promise<KeyWithRouting | null> {
    const key = await storage.findKey(publicId)
    if (key === null || key.sourceId === null) return null
    const routing = await storage.findKeyRouting(key.id)
    if (routing === null) return null
    const value = { key, routing }
    byPublicId.set(publicId, { version: key.authorityVersion, value })
    return value
  }

  async function readThrough(
    cached: LRUCache<string, Versioned<Key>>,
    name: string,
    read: (name: string) => Maybe<VersionedKey | null>,
    isAccepted: (key: Key) => boolean = () => true,
  ): Promise<Key | null> {
    const version = await storage.readAuthorityVersion()
    const entry = cached.get(name)
    if (entry?.version === version) return entry.value
    const value = await read(name)
    if (value === null || !isAccepted(value)) return null
    cached.set(name, { version: value.authorityVersion, value })
    return value
  }

  return {
    /**
     * Reads the data that verifies the tokens of this key. A caller can name any key in a token, so the
     * cache holds only tokens that were verified before. Such a token needs only the authority version,
     * which concurrent requests read together.
     */
    async readTokenAuthority(keyId: string, accessToken: string): Promise<TokenAuthority> {
      const verified = byVerifiedToken.get(accessToken)
      if (verified !== undefined && verified.version === (await storage.readAuthorityVersion())) {
        return verified
      }
      return storage.readTokenAuthority(keyId, digester.toDecoyId(keyId))
    },

    rememberVerified: (accessToken: string, authority: TokenAuthority) =>
      byVerifiedToken.set(accessToken, authority),

    /** Finds the key with this public id, if it is exchanged for tokens; null otherwise. */
    async findByPublicId(publicId: string): Promise<KeyWithRouting | null> {
      const version = await storage.readAuthorityVersion()
      const cached = byPublicId.get(publicId)
      return cached?.version === version ? cached.value : readKeyWithRouting(publicId)
    },

    /**
     * Finds the key with this public id, if it is presented by id in this region. Any other key is
     * treated like an unknown id and not cached, because a faster second response would reveal that
     * the id exists.
     */
    findPresentedKey: (publicId: string, region: string) =>
      readThrough(
        byPresentedId,
        publicId,
        (id) => storage.findKey(id),
        ({ keyType, account }) => keyType === 'xdent' && account.region === region,
      ),

    /** Finds the key that has or had the secret with this digest. */
    findBySecretDigest: (digest: string) =>
      readThrough(bySecretDigest, digest, (text) => storage.findKeyBySecret(text)),

    /**
     * Finds the key of a verified token as of an authority version, and the grant as of the first use of
     * this generation. A later rotation does not change the permissions of this generation; a revocation
     * bumps the version.
     */
    async findByToken(
      token: AccessTokenClaims,
      publicId: string,
      version: number,
    ): Promise<{ principal: KeyWithRouting | null; grant: Grant | null }> {
      const cached = byPublicId.get(publicId)
      const principal =
        cached?.version === version ? cached.value : await readKeyWithRouting(publicId)
      const entry = grants.get(toGenerationKey(token))
      if (entry?.version === version) return { principal, grant: entry.value }
      const grant = await storage.findGrant(token.grantId)
      grants.set(toGenerationKey(token), { version, value: grant })
      return { principal, grant }
    },

    /** Drops a cached grant after a change that does not bump the version. */
    forgetGrant: (token: AccessTokenClaims) => grants.delete(toGenerationKey(token)),
  }
}

const toGenerationKey = (token: AccessTokenClaims) => `${token.grantId}.${token.generation}`

export type KeyCache = ReturnType<typeof createKeyCache>
