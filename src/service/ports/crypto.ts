import type { Result } from '../../domain/failure.ts'
import type { RefreshTokenClaims, TokenClaims } from '../../domain/token.ts'
import type { Maybe } from './runtime.ts'

/** A queue of slow work. Turns alternate between the lanes, so that neither waits until the other is empty. */
export type WorkLane = 'vendors' | 'people'

/** The origin of slow work. */
export interface WorkRequester {
  readonly lane: WorkLane
  /** Within a lane, turns alternate between the parties, however much each requests. */
  readonly party: string
  /** The id or name that is claimed. Only equal requests of one party for one claim share their work. */
  readonly claim: string
}

export interface SecretHasher {
  /** Hashes with argon2id to a PHC string, in the lane of people. Can fail as busy, like `verify`. */
  hash(secret: string): Promise<Result<string>>
  /**
   * Whether the secret matches one of the hashes. A no always costs the same work, however many
   * hashes there are (none, for a key that does not exist). Fails as busy if too many wait, or if this
   * waits too long. `mayStill` is called when the turn has come: its failure is returned without work.
   */
  verify(
    secret: string,
    hashes: readonly string[],
    requester: WorkRequester,
    checkAllowed?: () => Result<void>,
  ): Promise<Result<boolean>>
  /** Whether an earlier `verify` proved exactly this. Every no costs the same here too. */
  isProven(secret: string, hashes: readonly string[]): boolean
}

/** Keeps what is presented at every request: secrets of so many random bits need no slow hash. */
export interface SecretDigester {
  /** What is kept of a secret. */
  digest(secret: string): string
  /** What may have been kept of it, under each key of the ring: the current one first. */
  candidates(secret: string): readonly string[]
  /** Whether one of the digests is of this secret, in constant time. */
  matches(secret: string, digests: readonly string[]): boolean
}

/** Keeps what must be read again. `context` (a row id) must be the same when it is opened. */
export interface Sealer {
  seal(plain: Uint8Array, context: string): Maybe<string>
  /** Throws where it was tampered with or its key is not in the key ring. */
  open(sealed: string, context: string): Maybe<Uint8Array>
}

export interface TokenPair {
  readonly accessToken: string
  readonly refreshToken: string
}

export interface TokenMinter {
  /** The same facts give the same bytes. */
  mint(claims: TokenClaims, tokenSalt: string): Maybe<TokenPair>
  /** Whether we made this access token, for us. Says nothing of its expiry: time is the caller's. */
  verifyAccessToken(accessToken: string): Maybe<Result<TokenClaims>>
  /** Whether we made this refresh token, for the key that has this salt. */
  verifyRefreshToken(refreshToken: string, tokenSalt: string): Result<RefreshTokenClaims>
  /** A salt to spend the same work with where there is no key. */
  readonly decoySalt: string
}
