import { LRUCache } from 'lru-cache'
import type { Key } from '../domain/key.ts'
import type { Grant } from '../domain/rotation.ts'
import type { Routes } from '../domain/route.ts'
import type { TokenFacts } from '../domain/token.ts'
import type { AuthorityStorage, GrantStorage } from './ports.ts'

/** What stands of a key at this moment. */
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
 * Reads who may do what. One read a request: the authority's version. What was read under the same
 * version is used again, because every change of an account, key or route, and every revocation,
 * bumps it in the same transaction, from whichever process it comes.
 */
export function createStandings(storage: AuthorityStorage & GrantStorage) {
  const standings = new LRUCache<string, Seen<Standing>>({ max: REMEMBERED })
  const grants = new LRUCache<string, Seen<Grant | null>>({ max: REMEMBERED })

  async function readStanding(publicId: string, version: number): Promise<Standing | null> {
    const key = await storage.findKey(publicId)
    const routes = key === null ? null : await storage.findRoutes(key.id)
    if (key === null || routes === null) return null
    const value = { key, routes }
    standings.set(publicId, { version, value })
    return value
  }

  return {
    /** The key that has this public id; null where there is none. */
    async ofKey(publicId: string): Promise<Standing | null> {
      const version = await storage.authorityVersion()
      const seen = standings.get(publicId)
      return seen?.version === version ? seen.value : readStanding(publicId, version)
    },

    /**
     * The key, and the grant as it was when this generation was first seen. (A later rotation does
     * not change what this generation may do; a revocation bumps the version.)
     */
    async ofToken(token: TokenFacts): Promise<{ standing: Standing | null; grant: Grant | null }> {
      const version = await storage.authorityVersion()
      const seen = standings.get(token.clientId)
      const standing =
        seen?.version === version ? seen.value : await readStanding(token.clientId, version)
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
