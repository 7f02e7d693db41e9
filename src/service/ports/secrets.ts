import type { Result } from '../../domain/failure.ts'
import type { Maybe } from './runtime.ts'

/** A queue of slow work. Turns go to one lane after the other, so that neither waits for the other's end. */
export type Lane = 'vendors' | 'people'

/** For whom slow work is done. */
export interface Asker {
  readonly lane: Lane
  /** In a lane, turns go to one party after the other, however much each of them asks for. */
  readonly party: string
  /** What they claim to be: only questions of one party about one claim share their work. */
  readonly claim: string
}

export interface SecretHasher {
  /** argon2id, PHC string, for people: they alone make secrets. `busy` as `verify` answers it. */
  hash(secret: string): Promise<Result<string>>
  /**
   * Whether the secret matches one of the hashes. A no always costs the same work, however many
   * hashes there are (none, for a key that does not exist). `busy` when too many wait already, or for
   * too long. `mayStill` is asked when the work's turn has come: its failure is the answer, for no work.
   */
  verify(
    secret: string,
    hashes: readonly string[],
    asker: Asker,
    mayStill?: () => Result<void>,
  ): Promise<Result<boolean>>
  /** Whether an earlier verify has proven just this, known without the work; a no costs the same too. */
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
