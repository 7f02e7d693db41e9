import type {
  AssertionAlgorithm,
  AssertionFailure,
  ParsedAssertion,
} from '../../domain/client-assertion.ts'
import type { ClientKey } from '../../domain/client-key-set.ts'
import type { RateLimitFailure, Result, TokenFailure } from '../../domain/failure.ts'
import type { DigestForm, ImportedSecret } from '../../domain/imported-secret.ts'
import type { OAuthClient } from '../../domain/oauth-client.ts'
import type { SecretCheckBounds } from '../../domain/secret-forms/secret-check.ts'
import type {
  AnyTokenClaims,
  ClientTokenClaims,
  RefreshTokenClaims,
  TokenClaims,
} from '../../domain/token.ts'
import type { MaybePromise } from './runtime.ts'

/**
 * A queue of slow work. Turns alternate between the lanes, so that a full lane does not block the
 * other.
 */
export type WorkLane = 'vendors' | 'people'

/**
 * The queues of checks of imported hashes: parties without a recent failure, and all others. Their owners
 * cannot be told from strangers before the first success, so strangers must not fill the first one for long.
 */
export type ImportLane = 'unfailed' | 'failed'

/** The origin of slow work. */
export interface WorkRequester<Lane extends string = WorkLane> {
  readonly lane: Lane
  /** Within a lane, turns alternate between the parties, however much each requests. */
  readonly party: string
  /** The id or name that is claimed. Only equal requests of one party for one claim share their work. */
  readonly claim: string
}

export interface SecretHasher {
  /** Hashes with argon2id to a PHC string, in the lane `people`. Fails as busy, like `verify`. */
  hash(secret: string): Promise<Result<string, RateLimitFailure>>
  /**
   * True if the secret matches one of the hashes. A mismatch always costs the same work, however many
   * hashes there are (none, for an unknown key). Fails as busy if too many computations wait, or if
   * this one waits too long. `checkAllowed` is called when the turn comes; its failure is returned
   * without work.
   */
  verify(
    secret: string,
    hashes: readonly string[],
    requester: WorkRequester,
    checkAllowed?: () => Result<void, RateLimitFailure>,
  ): Promise<Result<boolean, RateLimitFailure>>
  /** True if an earlier `verify` proved exactly this. A false result always costs the same work. */
  isProven(secret: string, hashes: readonly string[]): boolean
}

/** Too many secrets are being verified at once. */
export interface HasherBusy {
  readonly reason: 'busy'
  readonly retryAfterSeconds: number
}

/** The hasher has no other failure. */
export const toHasherBusy = ({ retryAfterSeconds }: RateLimitFailure): HasherBusy => ({
  reason: 'busy',
  retryAfterSeconds,
})

/** Checks secrets against hashes that other systems made. */
export interface ImportedSecretVerifier {
  /** The most that a check may cost here. Imports are parsed with these bounds. */
  readonly bounds: SecretCheckBounds
  /**
   * True if the secret is the one that was hashed. Fails as busy if too many checks wait, or if this one waits too
   * long. `checkAllowed` is called when the turn comes; its failure is returned without work.
   */
  verify(
    secret: string,
    imported: ImportedSecret,
    pepper: Uint8Array | null,
    requester: WorkRequester<ImportLane>,
    checkAllowed?: () => Result<void, RateLimitFailure>,
  ): Promise<Result<boolean, RateLimitFailure>>
  /** Computes the digest that a system with this form stores for a secret. */
  toDigest(secret: string, form: DigestForm, pepper: Uint8Array | null): Uint8Array
}

/** Reads the assertions of clients, and verifies their signatures. */
export interface AssertionVerifier {
  /** Parses a compact JWS whose payload is an object (RFC 7515 §7.1). Verifies nothing. */
  parse(text: string): Result<ParsedAssertion, AssertionFailure>
  isSigned(
    assertion: ParsedAssertion,
    key: ClientKey,
    algorithm: AssertionAlgorithm,
  ): Promise<boolean>
  /** Does the work of `isSigned` where there is no key, so that the time tells nothing. */
  spendVerification(assertion: ParsedAssertion, algorithm: AssertionAlgorithm): Promise<void>
}

/** Digests secrets that are presented at every request. Their random bits make a slow hash unnecessary. */
export interface SecretDigester {
  /** Returns the digest to store. */
  digest(secret: string): string
  /** Computes the digests under each key of the ring, the current key's first, one at a time. */
  candidates(secret: string): Iterable<string>
  /** True if one of the digests is of this secret. Compares in constant time. */
  matches(secret: string, digests: readonly string[]): boolean
  /**
   * Chooses the key to read in place of an unknown id: a text like a key's salt, which depends on the id and is the
   * same in every process of the ring, and which callers cannot compute.
   */
  toDecoySalt(id: string): string
  /** Digests a credential to find what this process knows of it: the digest leaves neither a trace nor a process. */
  toCacheName(credential: string): string
}

/** Encrypts data that must be read again. `context` (a row id) must be the same for opening. */
export interface Sealer {
  seal(plain: Uint8Array, context: string): MaybePromise<string>
  /** Throws if the data was modified or its key is not in the key ring. */
  open(sealed: string, context: string): MaybePromise<Uint8Array>
}

export const sealText = async (
  sealer: Pick<Sealer, 'seal'>,
  text: string,
  context: string,
): Promise<string> => sealer.seal(new TextEncoder().encode(text), context)

export const openText = async (
  sealer: Pick<Sealer, 'open'>,
  sealed: string,
  context: string,
): Promise<string> => new TextDecoder().decode(await sealer.open(sealed, context))

export interface TokenPair {
  readonly accessToken: string
  readonly refreshToken: string
}

/** A parsed access token that is not verified yet. */
export interface PresentedAccessToken {
  /** Row id of the key that the token names. */
  readonly keyId: string
  /**
   * Returns the claims if this server issued the token, for its own audience, to the key with this salt. The
   * caller checks the expiry.
   */
  verify(tokenSalt: string): Result<AnyTokenClaims, TokenFailure>
}

/** A refresh token that was read. Nothing in it is proven before `verify`. */
export interface PresentedRefreshToken {
  readonly claims: RefreshTokenClaims
  /** Verifies that this server issued the token to the key with this salt. */
  verify(tokenSalt: string): Result<RefreshTokenClaims, TokenFailure>
}

/** The facts of a client's token to mint. A null audience stands for this server. */
export interface ClientTokenRequest extends ClientTokenClaims {
  /** The key's public id. */
  readonly clientId: string
}

/** The settings of a client that decide on the form of its tokens. */
export type ClientTokenForm = Pick<
  OAuthClient,
  'tokenStrategy' | 'signingAlgorithm' | 'tokenTypeHeader'
>

export interface TokenMinter {
  /** Mints a token pair. The same facts give the same bytes. */
  mint(claims: TokenClaims, tokenSalt: string): MaybePromise<TokenPair>
  /** Mints an access token of an OAuth client. Throws if the key ring has no key for its algorithm. */
  mintClientToken(
    request: ClientTokenRequest,
    form: ClientTokenForm,
    tokenSalt: string,
  ): MaybePromise<string>
  /** Reads an access token of either strategy and either origin. */
  readAccessToken(accessToken: string): MaybePromise<Result<PresentedAccessToken, TokenFailure>>
  readRefreshToken(refreshToken: string): Result<PresentedRefreshToken, TokenFailure>
  /** A salt to spend the same work with if there is no key. */
  readonly decoySalt: string
  /** Changes when the key ring is replaced: a token that was verified before must be verified again. */
  keyringVersion(): number
}
