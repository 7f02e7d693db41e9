/** The lifetime of an access token: one day, in whole seconds, like `expires` and `exp`. */
export const ACCESS_TOKEN_MS = 24 * 60 * 60 * 1000

/** A refresh token expires after 7 days without use. */
export const REFRESH_TOKEN_MS = 7 * 24 * 60 * 60 * 1000

/**
 * The retention of a grant's row after its last rotation. A repeat on the last day of the presented
 * token renews the pair, so the youngest token of a generation may be issued 7 days after the rotation
 * and live 7 days more. One more day covers a clock that takes local time for UTC, which must not
 * delete a grant too early.
 */
export const GRANT_RETENTION_MS = 2 * REFRESH_TOKEN_MS + ACCESS_TOKEN_MS

/** The kind of access token that an exchange issues. Both kinds are accepted, whichever is issued. */
export type AccessTokenStrategy = 'opaque' | 'jwt'

/** The facts that an access token proves. */
export interface AccessTokenClaims {
  /** Row id of the key. */
  readonly keyId: string
  /** UUID of the grant. */
  readonly grantId: string
  /** 0 for tokens that were exchanged for a secret; incremented by each rotation. */
  readonly generation: number
  /** The key's token epoch. Tokens of an earlier epoch are invalid. */
  readonly epoch: number
  /** Epoch milliseconds, on a whole second. */
  readonly issuedAt: number
}

/**
 * The facts that determine both tokens of one generation: minting twice from the same facts gives the
 * same bytes.
 */
export interface TokenClaims extends AccessTokenClaims {
  /** The key's public id: `client_id` of RFC 9068. */
  readonly clientId: string
}

/** The facts that an access token of an OAuth client proves (RFC 9068 §2.2). */
export interface ClientTokenClaims {
  /** Row id of the key. */
  readonly keyId: string
  /** The `jti` claim, a UUID, by which the token can be revoked. */
  readonly tokenId: string
  /** The key's token epoch. Tokens of an earlier epoch are invalid. */
  readonly epoch: number
  /** Epoch milliseconds, on a whole second. */
  readonly issuedAt: number
  readonly lifetimeSeconds: number
  /** The granted scopes, separated by blanks. */
  readonly scope: string
  /** The `aud` claim; null for an opaque token, which does not carry the audience of its client. */
  readonly audience: string | null
}

/** The facts of an access token of either origin. */
export type AnyTokenClaims = AccessTokenClaims | ClientTokenClaims

/** Tells a client's token from one that a key and secret were exchanged for. */
export const isClientToken = (claims: AnyTokenClaims): claims is ClientTokenClaims =>
  'tokenId' in claims

/** The parsed fields of a refresh token, before its tag is verified. */
export interface RefreshTokenClaims {
  /** The id of the ring key that made the tag. */
  readonly ringId: string
  readonly grantId: string
  readonly generation: number
  readonly issuedAt: number
}

/** Tokens are issued on whole seconds, so that `exp` (RFC 7519 NumericDate) is exact. */
export const floorToSecond = (now: number): number => now - (now % 1000)

export const getAccessTokenExpiry = (claims: { issuedAt: number }): number =>
  claims.issuedAt + ACCESS_TOKEN_MS

export const getClientTokenExpiry = (
  claims: Pick<ClientTokenClaims, 'issuedAt' | 'lifetimeSeconds'>,
): number => claims.issuedAt + claims.lifetimeSeconds * 1000

export const getTokenExpiry = (claims: AnyTokenClaims): number =>
  isClientToken(claims) ? getClientTokenExpiry(claims) : getAccessTokenExpiry(claims)
