/*
 * The computation that proves a secret against a hash of another system. Each form of `SECRET_FORMS` is read into
 * one of these, so that only parsers know the texts of other systems.
 */

export type SecretCheck =
  | DigestCheck
  | SaltedCheck
  | BcryptCheck
  | Pbkdf2Check
  | ScryptCheck
  | Argon2Check
  | CryptCheck

export type DigestName = 'md5' | 'sha1' | 'sha256' | 'sha512'

export const DIGEST_BYTES: Readonly<Record<DigestName, number>> = {
  md5: 16,
  sha1: 20,
  sha256: 32,
  sha512: 64,
}

/** The digest of a secret without a salt, so that a key can be found by it. */
export interface SecretDigest {
  readonly digest: DigestName
  /** The part of the secret that is digested. */
  readonly part: 'whole' | 'after-underscore' | 'after-pipe'
  /** True for an HMAC whose key is the pepper. */
  readonly keyed: boolean
}

export interface DigestCheck extends SecretDigest {
  readonly algorithm: 'digest'
  readonly sum: Uint8Array
}

/** A digest of salt and secret, digested again until `rounds` digests are done. */
export interface SaltedCheck {
  readonly algorithm: 'salted'
  readonly digest: DigestName
  readonly salt: Uint8Array
  readonly saltPosition: 'first' | 'last'
  readonly rounds: number
  readonly sum: Uint8Array
}

export interface BcryptCheck {
  readonly algorithm: 'bcrypt'
  /**
   * `none`: the secret, followed by the pepper if there is one. `sha256-hex`: the secret's SHA-256 in hex.
   * `hmac-sha256-base64`: the secret's HMAC-SHA-256 in base64, under the text of the salt.
   */
  readonly preparation: 'none' | 'sha256-hex' | 'hmac-sha256-base64'
  readonly cost: number
  /** 22 characters of bcrypt's own base64. */
  readonly salt: string
  readonly sum: Uint8Array
}

/** RFC 8018 §5.2, with HMAC. The length is that of the sum. */
export interface Pbkdf2Check {
  readonly algorithm: 'pbkdf2'
  readonly digest: Exclude<DigestName, 'md5'>
  readonly rounds: number
  readonly salt: Uint8Array
  readonly sum: Uint8Array
}

/** RFC 7914. The length is that of the sum. */
export interface ScryptCheck {
  readonly algorithm: 'scrypt'
  /** N, a power of two. */
  readonly cost: number
  readonly blockSize: number
  readonly parallelism: number
  readonly salt: Uint8Array
  /** True if the secret is brought into the normalization form NFKC first. */
  readonly normalized: boolean
  readonly sum: Uint8Array
}

/** RFC 9106, version 19. The length is that of the sum. */
export interface Argon2Check {
  readonly algorithm: 'argon2'
  readonly variant: 'argon2d' | 'argon2i' | 'argon2id'
  readonly memoryKib: number
  readonly passes: number
  readonly lanes: number
  readonly salt: Uint8Array
  readonly sum: Uint8Array
}

/** The hashes of crypt(3) that repeat a digest: `$apr1$` (MD5), `$5$` (SHA-256) and `$6$` (SHA-512). */
export interface CryptCheck {
  readonly algorithm: 'crypt'
  readonly digest: Exclude<DigestName, 'sha1'>
  readonly rounds: number
  readonly salt: string
  /** The sum in crypt's own base64, which shuffles the bytes. */
  readonly sum: string
}

/** The most that one check may cost. */
export interface SecretCheckBounds {
  readonly pbkdf2Rounds: number
  readonly cryptRounds: number
  readonly bcryptCost: number
  readonly scryptMib: number
  readonly argon2Mib: number
  readonly argon2Passes: number
}

/** Above what other systems store today: 1,200,000 rounds, cost 14, 100 MiB. A check takes about a second. */
export const NODE_CHECK_BOUNDS: SecretCheckBounds = {
  pbkdf2Rounds: 2_000_000,
  cryptRounds: 700_000,
  bcryptCost: 14,
  scryptMib: 128,
  argon2Mib: 128,
  argon2Passes: 10,
}

/**
 * Cloudflare refuses PBKDF2 above 100,000 rounds, and an isolate has 128 MiB for everything. Measured in workerd: the
 * garbage of scrypt with 64 MiB is not collected, that with 32 MiB is.
 */
export const WORKER_CHECK_BOUNDS: SecretCheckBounds = {
  pbkdf2Rounds: 100_000,
  cryptRounds: 100_000,
  bcryptCost: 12,
  scryptMib: 32,
  argon2Mib: 64,
  argon2Passes: 10,
}

const MIB = 1024 * 1024
const MAX_ARGON2_LANES = 16

/** Says which parameter exceeds the bounds; null if none does. */
export function findExcess(check: SecretCheck, bounds: SecretCheckBounds): string | null {
  switch (check.algorithm) {
    case 'digest':
    case 'salted':
      return null
    case 'bcrypt':
      return describeExcess('bcrypt cost', check.cost, bounds.bcryptCost)
    case 'pbkdf2': {
      // Each block of the sum repeats all rounds.
      const blocks = Math.ceil(check.sum.length / DIGEST_BYTES[check.digest])
      return describeExcess(
        blocks === 1 ? 'PBKDF2 rounds' : `PBKDF2 rounds for ${blocks} blocks`,
        check.rounds * blocks,
        bounds.pbkdf2Rounds,
      )
    }
    case 'scrypt': {
      const { cost, blockSize, parallelism } = check
      const mib = (128 * cost * blockSize * parallelism) / MIB
      return describeExcess('MiB of scrypt', Math.ceil(mib), bounds.scryptMib)
    }
    case 'argon2':
      return (
        describeExcess('MiB of argon2', Math.ceil(check.memoryKib / 1024), bounds.argon2Mib) ??
        describeExcess('argon2 passes', check.passes, bounds.argon2Passes) ??
        describeExcess('argon2 lanes', check.lanes, MAX_ARGON2_LANES)
      )
    case 'crypt':
      return describeExcess('crypt rounds', check.rounds, bounds.cryptRounds)
  }
}

const describeExcess = (name: string, value: number, max: number): string | null =>
  value <= max
    ? null
    : `the check costs too much (${name}: ${value}): this server computes at most ${max}`
