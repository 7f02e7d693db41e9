import type { Result } from '../../domain/failure.ts'
import type { RefreshToken, TokenFacts } from '../../domain/token.ts'
import type { Maybe } from './runtime.ts'

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
}

export interface TokenMinter {
  /** The same facts give the same bytes. */
  mint(facts: TokenFacts, tokenSalt: string): Maybe<Tokens>
  /** Whether we made this access token, for us. Says nothing of its expiry: time is the caller's. */
  proveAccess(accessToken: string): Maybe<Result<TokenFacts>>
  /** Whether we made this refresh token, for the key that has this salt. */
  proveRefresh(refreshToken: string, tokenSalt: string): Result<RefreshToken>
  /** A salt to spend the same work with where there is no key. */
  readonly decoySalt: string
}
