import { isWithinLast } from './instant.ts'
import { ACCESS_TOKEN_MS, floorToSecond, REFRESH_TOKEN_MS } from './token.ts'

/** The tokens that descend from one exchange. The row is created at the first refresh; until then, the generation is 0. */
export interface Grant {
  readonly id: string
  readonly keyId: string
  /** The generation of the newest tokens. */
  readonly generation: number
  /** The time at which that generation was issued; epoch ms on a whole second. */
  readonly rotatedAt: number
  /**
   * The time at which the client proved that it received that generation; null while the response may
   * have been lost.
   */
  readonly acknowledgedAt: number | null
  readonly revokedAt: number | null
}

export type Rotation =
  /** Issue generation `to`, unless a concurrent request did. */
  | { act: 'rotate'; to: number; issuedAt: number }
  /** Repeat the response of the rotation to `to`. Nothing is written. */
  | { act: 'repeat'; to: number; issuedAt: number }
  /**
   * The token is older than the one that can be repeated, but within the leeway: parallel workers
   * explain it.
   */
  | { act: 'outdated' }
  /** The token was replaced and its successor acknowledged: a second party has a copy. */
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
