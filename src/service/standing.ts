import { LRUCache } from 'lru-cache'
import type { Key } from '../domain/key.ts'
import type { Grant } from '../domain/rotation.ts'
import type { Routes } from '../domain/route.ts'
import type { TokenFacts } from '../domain/token.ts'
import type { AuthorityStorage, FoundKey, GrantStorage, Maybe } from './ports.ts'

/** What stands of a key that is exchanged for tokens, at this moment. */
export interface Standing {
  readonly key: Key
  readonly routes: Routes
}

interface Seen<T> {
  readonly version: number
  readonly value: T
}

const REMEMBERED = 10_000

/**
 * Caches keys and their routing, for credentials that prove themselves. Each request reads only the
 * authority's version. Every change of an account, key or route, and every revocation, bumps that version
 * in the same transaction, from any process, so a row that was read under the same version still holds.
 * A key is cached under the version that the same statement read, so no change falls between the two.
 * Unknown ids are not cached, because callers choose them. A key that a caller merely names by its id
 * must not be looked up here: the time would tell that it exists.
 */
export function createStandings(storage: AuthorityStorage & GrantStorage) {
  const standings = new LRUCache<string, Seen<Standing>>({ max: REMEMBERED })
  const grants = new LRUCache<string, Seen<Grant | null>>({ max: REMEMBERED })
  const ofIds = new LRUCache<string, Seen<Key>>({ max: REMEMBERED })
  const ofSecrets = new LRUCache<string, Seen<Key>>({ max: REMEMBERED })

  async function readStanding(publicId: string): Promise<Standing | null> {
    const key = await storage.findKey(publicId)
    if (key === null || key.sourceId === null) return null
    const routes = await storage.findRoutes(key.id)
    if (routes === null) return null
    const value = { key, routes }
    standings.set(publicId, { version: key.authorityVersion, value })
    return value
  }

  async function readThrough(
    seen: LRUCache<string, Seen<Key>>,
    name: string,
    read: (name: string) => Maybe<FoundKey | null>,
    isWanted: (key: Key) => boolean = () => true,
  ): Promise<Key | null> {
    const version = await storage.authorityVersion()
    const known = seen.get(name)
    if (known?.version === version) return known.value
    const value = await read(name)
    if (value === null || !isWanted(value)) return null
    seen.set(name, { version: value.authorityVersion, value })
    return value
  }

  return {
    /** The key that has this public id and is exchanged for tokens; null where there is none. */
    async ofKey(publicId: string): Promise<Standing | null> {
      const version = await storage.authorityVersion()
      const seen = standings.get(publicId)
      return seen?.version === version ? seen.value : readStanding(publicId)
    },

    /**
     * The key that has this public id and is presented by it in this region. Any other is as good as
     * none, and forgotten like none: an id that is answered sooner the second time is known to exist.
     */
    keyOfId: (publicId: string, region: string) =>
      readThrough(
        ofIds,
        publicId,
        (id) => storage.findKey(id),
        ({ dialect, account }) => dialect === 'xdent' && account.region === region,
      ),

    /** The key that has, or had, the secret of this digest. */
    keyOfSecret: (digest: string) =>
      readThrough(ofSecrets, digest, (text) => storage.findKeyBySecret(text)),

    /**
     * The key, and the grant as it was when this generation was first seen. (A later rotation does
     * not change what this generation may do; a revocation bumps the version.)
     */
    async ofToken(token: TokenFacts): Promise<{ standing: Standing | null; grant: Grant | null }> {
      const version = await storage.authorityVersion()
      const seen = standings.get(token.clientId)
      const standing = seen?.version === version ? seen.value : await readStanding(token.clientId)
      const known = grants.get(generationOf(token))
      if (known?.version === version) return { standing, grant: known.value }
      const grant = await storage.findGrant(token.grantId)
      grants.set(generationOf(token), { version, value: grant })
      return { standing, grant }
    },

    /** The grant has changed in a way that bumps no version: read it again. */
    forgetGrant: (token: TokenFacts) => grants.delete(generationOf(token)),
  }
}

const generationOf = (token: TokenFacts) => `${token.grantId}.${token.generation}`

export type Standings = ReturnType<typeof createStandings>
