import { isWithinLast } from './instant.ts'
import { ACCESS_TOKEN_MS, floorToSecond, REFRESH_TOKEN_MS } from './token.ts'

/** A refresh family. Its row is born at its first refresh; until then its generation is 0. */
export interface Grant {
  readonly id: string
  readonly keyId: string
  /** The generation that the newest tokens carry. */
  readonly generation: number
  /** When that generation was made; epoch ms on a whole second. */
  readonly rotatedAt: number
  /** When somebody proved to have received it; null while its answer may have been lost. */
  readonly acknowledgedAt: number | null
  readonly revokedAt: number | null
}

export type Rotation =
  /** Make generation `to`, unless somebody else has meanwhile. */
  | { act: 'rotate'; to: number; issuedAt: number }
  /** Answer again what the rotation to `to` answered. Nothing is written. */
  | { act: 'repeat'; to: number; issuedAt: number }
  /** A token older than the one that is repeated, within the leeway: parallel workers explain it. */
  | { act: 'outdated' }
  /** A token that its owner has replaced and done with: somebody has a copy. */
  | { act: 'reuse' }
  | { act: 'expired' }
  | { act: 'revoked' }

/**
 * Judges a genuine refresh token. RFC 9700 §4.14.2 asks for reuse to revoke the grant; a lost answer must
 * not look like reuse, so the generation before the current one is repeated until the current one is
 * acknowledged: by the first use of its access token or by its own refresh.
 *
 * Within the leeway of a rotation (before or after it, because clocks differ), an earlier token is no
 * sign of theft: parallel workers and abandoned requests present such tokens too. A token older than the
 * previous generation is not repeated, because a thief must not receive a live pair.
 *
 * A generation above the current one is genuine too, and rotates: the database is an older backup. A
 * token from a server with a fast clock rotates too.
 */
export function decideRotation(
  presented: { generation: number; issuedAt: number },
  grant: Grant | null,
  now: number,
  leewayMs: number,
): Rotation {
  if (now >= presented.issuedAt + REFRESH_TOKEN_MS) return { act: 'expired' }
  if (grant !== null && grant.revokedAt !== null) return { act: 'revoked' }
  if (grant === null || presented.generation >= grant.generation) {
    return { act: 'rotate', to: presented.generation + 1, issuedAt: floorToSecond(now) }
  }
  const isWithinLeeway = Math.abs(now - grant.rotatedAt) < leewayMs
  if (presented.generation === grant.generation - 1) {
    if (grant.acknowledgedAt === null || isWithinLeeway) {
      const isAlive = isWithinLast(ACCESS_TOKEN_MS, grant.rotatedAt, now)
      const issuedAt = isAlive ? grant.rotatedAt : floorToSecond(now)
      return { act: 'repeat', to: grant.generation, issuedAt }
    }
  }
  return { act: isWithinLeeway ? 'outdated' : 'reuse' }
}
