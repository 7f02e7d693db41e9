import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { base64url } from 'jose'
import type { Primitives } from '../crypto/primitives.ts'

const NONCE_BYTES = 12

const encoder = new TextEncoder()
const utf8 = (text: string) => encoder.encode(text)

/** A copy whose memory is its own, as WebCrypto's types ask for. */
const own = (bytes: Uint8Array) => new Uint8Array(bytes)

/** WebCrypto, and a library for what must be known at once. */
export const workerPrimitives: Primitives = {
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  sha256: (text) => base64url.encode(sha256(utf8(text))),

  hmac(key) {
    const prepared = hmac.create(sha256, key)
    return (text, bytes) => {
      const mac = prepared.clone().update(utf8(text))
      return (bytes === undefined ? mac : mac.update(bytes)).digest()
    }
  },

  equal(a, b) {
    if (a.length !== b.length) return false
    let difference = 0
    for (const [n, byte] of a.entries()) difference |= byte ^ (b[n] ?? 0)
    return difference === 0
  },

  ed25519(jwk) {
    const { kty, crv, x, d } = jwk as { kty: string; crv: string; x: string; d: string }
    const importKey = (parts: object, use: 'sign' | 'verify') =>
      crypto.subtle.importKey('jwk', { kty, crv, x, ...parts }, 'Ed25519', false, [use])
    const privateKey = once(() => importKey({ d }, 'sign'))
    const publicKey = once(() => importKey({}, 'verify'))
    return {
      sign: async (data) =>
        new Uint8Array(await crypto.subtle.sign('Ed25519', await privateKey(), utf8(data))),
      verify: async (data, signature) =>
        crypto.subtle.verify('Ed25519', await publicKey(), own(signature), utf8(data)),
    }
  },

  aesGcm(key) {
    const prepared = once(() =>
      crypto.subtle.importKey('raw', own(key), 'AES-GCM', false, ['encrypt', 'decrypt']),
    )
    const algorithm = (iv: Uint8Array<ArrayBuffer>, associated: string) => ({
      name: 'AES-GCM',
      iv,
      additionalData: utf8(associated),
    })
    return {
      async seal(plain, associated) {
        const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
        const how = algorithm(nonce, associated)
        const cipher = await crypto.subtle.encrypt(how, await prepared(), own(plain))
        const sealed = new Uint8Array(NONCE_BYTES + cipher.byteLength)
        sealed.set(nonce)
        sealed.set(new Uint8Array(cipher), NONCE_BYTES)
        return sealed
      },
      async open(sealed, associated) {
        const how = algorithm(own(sealed.subarray(0, NONCE_BYTES)), associated)
        const cipher = own(sealed.subarray(NONCE_BYTES))
        return new Uint8Array(await crypto.subtle.decrypt(how, await prepared(), cipher))
      },
    }
  },

  base64urlEncode: (data) => base64url.encode(data),

  base64urlDecode(text) {
    try {
      const bytes = base64url.decode(text)
      return base64url.encode(bytes) === text ? bytes : null
    } catch {
      return null
    }
  },
}

/** A key is imported when it is first used. (What failed is tried again.) */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: T | undefined
  return async () => {
    made ??= await make()
    return made
  }
}
