import type { Result } from '../../domain/failure.ts'
import type { Maybe } from './runtime.ts'

export interface SecretHasher {
  /** argon2id, PHC string. */
  hash(secret: string): Promise<Result<string>>
  /**
   * Whether the secret matches one of the hashes. A no always costs the same work, however many
   * hashes there are (none, for a key that does not exist). Only questions of one `asker` (who asks
   * about which key) share their work. `busy` when too many wait already. `mayStill` is asked when the
   * work's turn has come: its failure is the answer, for no work.
   */
  verify(
    secret: string,
    hashes: readonly string[],
    asker: string,
    mayStill?: () => Result<void>,
  ): Promise<Result<boolean>>
  /** Whether an earlier verify has proven just this, known without the work. */
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
