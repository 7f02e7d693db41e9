import type { JWK } from 'jose'
import type { Maybe } from '../service/ports/runtime.ts'

/**
 * The few operations that each runtime does best in its own way. Node answers them at once from
 * node:crypto; a runtime that only has WebCrypto may answer the `Maybe` ones later.
 */
export interface Primitives {
  randomBytes(length: number): Uint8Array
  /** SHA-256 of the UTF-8 bytes, base64url. */
  sha256(text: string): string
  /** HMAC-SHA-256 of a text and of bytes after it, its key prepared once. */
  hmac(key: Uint8Array): Mac
  /** Constant time for equal lengths; unequal lengths are unequal. */
  equal(a: Uint8Array, b: Uint8Array): boolean
  ed25519(privateJwk: JWK): Ed25519
  aesGcm(key: Uint8Array): AesGcm
  /** Of bytes, or of a text's UTF-8. */
  base64urlEncode(data: Uint8Array | string): string
  /** Null for anything but the one canonical spelling (RFC 4648 §5, no padding, no spare bits). */
  base64urlDecode(text: string): Uint8Array | null
}

export type Mac = (text: string, bytes?: Uint8Array) => Uint8Array

export interface Ed25519 {
  sign(data: string): Maybe<Uint8Array>
  verify(data: string, signature: Uint8Array): Maybe<boolean>
}

/** AES-256-GCM: a random 96-bit nonce, the ciphertext and the tag, one after the other. */
export interface AesGcm {
  seal(plain: Uint8Array, associated: string): Maybe<Uint8Array>
  /** Throws where nonce, ciphertext, tag or associated data are not those that were sealed. */
  open(sealed: Uint8Array, associated: string): Maybe<Uint8Array>
}

/** The memory-hard hash; a native module on Node, WebAssembly elsewhere. */
export interface Argon2 {
  /** PHC string. */
  hash(secret: string): Promise<string>
  verify(phc: string, secret: string): Promise<boolean>
}
