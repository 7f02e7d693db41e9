import type { JWK } from 'jose'
import type {
  Argon2Check,
  DigestName,
  Pbkdf2Check,
  ScryptCheck,
  SecretCheck,
  SecretCheckBounds,
} from '../domain/secret-forms/secret-check.ts'
import type { MaybePromise } from '../service/ports/runtime.ts'

/**
 * Cryptographic operations that each runtime provides natively. Node answers synchronously from
 * node:crypto; a runtime that has only WebCrypto may answer the `MaybePromise` operations asynchronously.
 */
export interface Primitives {
  randomBytes(length: number): Uint8Array
  /** SHA-256 of the UTF-8 bytes, as base64url. */
  sha256(text: string): string
  /** Creates an HMAC-SHA-256 of a text followed by bytes. The key is prepared once. */
  hmac(key: Uint8Array): Mac
  /** Compares in constant time if the lengths are equal; returns false otherwise. */
  equal(a: Uint8Array, b: Uint8Array): boolean
  /** Signs with Ed25519, ES256 or RS256 (RFC 7518 §3, RFC 8037 §3.1), by the key's type. */
  signer(privateJwk: JWK): Signer
  /**
   * Computes the public point of a P-256 private key: x and y, 32 bytes each. Returns null for a number that is
   * no private key.
   */
  findP256Point(privateKey: Uint8Array): Uint8Array | null
  aesGcm(key: Uint8Array): AesGcm
  /** Encodes bytes, or the UTF-8 bytes of a text. */
  base64urlEncode(data: Uint8Array | string): string
  /** Returns null for anything but the canonical spelling (RFC 4648 §5, no padding, no spare bits). */
  base64urlDecode(text: string): Uint8Array | null
}

export interface Mac {
  compute(text: string, bytes?: Uint8Array): Uint8Array
  /** Computes it in base64url. */
  computeText(text: string): string
}

export interface Signer {
  sign(data: string): MaybePromise<Uint8Array>
  verify(data: string, signature: Uint8Array): MaybePromise<boolean>
}

/** AES-256-GCM. A sealed value is a random 96-bit nonce, the ciphertext and the tag, concatenated. */
export interface AesGcm {
  seal(plain: Uint8Array, associated: string): MaybePromise<Uint8Array>
  /** Throws if the nonce, ciphertext, tag or associated data differs from the sealed one. */
  open(sealed: Uint8Array, associated: string): MaybePromise<Uint8Array>
}

/** The memory-hard hash: a native module on Node, WebAssembly elsewhere. */
export interface Argon2 {
  /** Returns a PHC string. */
  hash(secret: string): Promise<string>
  verify(phc: string, secret: string): Promise<boolean>
}

/** The hash functions of other systems. The last three may block the thread for a second. */
export interface HashFunctions extends Pick<Primitives, 'equal'> {
  digest(name: DigestName, data: Uint8Array): Uint8Array
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array
  pbkdf2(secret: Uint8Array, check: Pbkdf2Check): MaybePromise<Uint8Array>
  scrypt(secret: Uint8Array, check: ScryptCheck): Uint8Array
  argon2(secret: string, check: Argon2Check): Uint8Array
}

/** A runtime's way to check the secrets that were imported as hashes. */
export interface SecretChecks {
  readonly functions: Pick<HashFunctions, 'digest' | 'hmacSha256'>
  readonly bounds: SecretCheckBounds
  /** Checks a secret where it delays no request, if the runtime can. Returns null if the check did not end. */
  check(secret: string, check: SecretCheck, pepper: Uint8Array | null): Promise<boolean | null>
}

/** Converts the result of an operation, at once if it is there already. */
export const convertResult = <T, U>(result: MaybePromise<T>, convert: (value: T) => U) =>
  (result instanceof Promise ? result.then(convert) : convert(result)) as MaybePromise<U>
