/** An access token lives for a day, whole seconds, as its `expires` and `exp` say. */
export const ACCESS_TOKEN_MS = 24 * 60 * 60 * 1000

/** A refresh token dies after 7 days without use. */
export const REFRESH_TOKEN_MS = 7 * 24 * 60 * 60 * 1000

/**
 * How long a grant's row must be kept after its last rotation. A repeat on the last day of the
 * presented token renews the pair, so the youngest token of a generation may be issued 7 days after
 * the rotation and live 7 days more. One more day covers a clock that takes local time for UTC: it must
 * not delete a family too early.
 */
export const GRANT_RETENTION_MS = 2 * REFRESH_TOKEN_MS + ACCESS_TOKEN_MS

/**
 * What both tokens of one generation are a function of: minting twice from the same facts gives the
 * same bytes.
 */
export interface TokenClaims {
  /** Row id of the key. */
  readonly keyId: string
  /** The key's public id: `client_id` of RFC 9068. */
  readonly clientId: string
  /** UUID of the grant (the refresh family). */
  readonly grantId: string
  /** 0 where the tokens were given for a secret, then one more with each rotation. */
  readonly generation: number
  /** The key's token epoch: tokens of an earlier epoch are dead. */
  readonly epoch: number
  /** Epoch milliseconds, on a whole second. */
  readonly issuedAt: number
}

/** A refresh token taken apart, before anybody has looked whether it is genuine. */
export interface RefreshTokenClaims {
  /** Which key of the key ring made the tag. */
  readonly ringId: string
  readonly grantId: string
  readonly generation: number
  readonly issuedAt: number
}

/** Tokens are issued on whole seconds, so that `exp` (RFC 7519 NumericDate) is exact. */
export const floorToSecond = (now: number): number => now - (now % 1000)

export const getAccessTokenExpiry = (claims: { issuedAt: number }): number =>
  claims.issuedAt + ACCESS_TOKEN_MS
