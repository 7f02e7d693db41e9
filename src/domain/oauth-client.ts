import type { AccessTokenStrategy } from './token.ts'

/** The ways in which a client proves its identity (OpenID Connect Core 1.0 §9). A client has exactly one. */
export const AUTHENTICATION_METHODS = [
  'private_key_jwt',
  'client_secret_basic',
  'client_secret_post',
] as const

export type AuthenticationMethod = (typeof AUTHENTICATION_METHODS)[number]

/** The algorithms that sign the JWT access tokens of clients. */
export const SIGNING_ALGORITHMS = ['ES256', 'RS256', 'EdDSA'] as const

export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

/** The `typ` header of JWT access tokens: RFC 9068 §2.1, or the one that older verifiers expect. */
export const TOKEN_TYPE_HEADERS = ['at+jwt', 'JWT'] as const

export type TokenTypeHeader = (typeof TOKEN_TYPE_HEADERS)[number]

/** Some clients use one assertion for several token requests. */
export const REPEATED_ASSERTIONS = ['refused', 'allowed'] as const

export type RepeatedAssertions = (typeof REPEATED_ASSERTIONS)[number]

export const MIN_TOKEN_LIFETIME_SECONDS = 60
export const MAX_TOKEN_LIFETIME_SECONDS = 3600
export const DEFAULT_TOKEN_LIFETIME_SECONDS = 300

/** The settings of a key of type `oauth`, whose public id is the client id. */
export interface OAuthClientSettings {
  readonly authenticationMethod: AuthenticationMethod
  /** The address of the client's JWK Set. It is preferred to `jwks`. */
  readonly jwksUrl: string | null
  /** The client's JWK Set as JSON, with public keys only. */
  readonly jwks: string | null
  /** The scopes that the client may ask for. */
  readonly scopes: readonly string[]
  /** The `aud` claim of its tokens; null for the server's own. */
  readonly audience: string | null
  readonly tokenStrategy: AccessTokenStrategy
  readonly signingAlgorithm: SigningAlgorithm
  readonly tokenTypeHeader: TokenTypeHeader
  readonly tokenLifetimeSeconds: number
  readonly repeatedAssertions: RepeatedAssertions
  /** The sources that its messages may have, and the sites whose data it may read. */
  readonly sourceIds: readonly string[]
  readonly siteIds: readonly string[]
}

/** False for a client that signs assertions instead. */
export const hasSecret = ({ oauthClient }: { readonly oauthClient: OAuthClientSettings | null }) =>
  oauthClient?.authenticationMethod !== 'private_key_jwt'

export interface OAuthClient extends OAuthClientSettings {
  /** The last client assertion that was refused, and why; null if none was. */
  readonly lastRefusal: { readonly at: number; readonly why: string } | null
}
