import { p256 } from '@noble/curves/nist.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { base64url } from 'jose'
import type { Argon2, Primitives } from '../crypto/primitives.ts'

const NONCE_BYTES = 12

const encoder = new TextEncoder()
const encodeUtf8 = (text: string) => encoder.encode(text)

/** Copies the bytes into their own buffer, as WebCrypto's types require. */
const copyBytes = (bytes: Uint8Array) => new Uint8Array(bytes)

/** The WebCrypto algorithm of each key type. */
const SIGNATURE_ALGORITHMS: Readonly<
  Record<string, { name: string; namedCurve?: string; hash?: string }>
> = {
  EC: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  RSA: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  OKP: { name: 'Ed25519' },
}

/** WebCrypto, and @noble/hashes and @noble/curves for what must be synchronous. */
export const workerPrimitives: Primitives = {
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  sha256: (text) => base64url.encode(sha256(encodeUtf8(text))),

  hmac(key) {
    const prepared = hmac.create(sha256, key)
    const compute = (text: string, bytes?: Uint8Array) => {
      const mac = prepared.clone().update(encodeUtf8(text))
      return (bytes === undefined ? mac : mac.update(bytes)).digest()
    }
    return { compute, computeText: (text) => base64url.encode(compute(text)) }
  },

  equal(a, b) {
    if (a.length !== b.length) return false
    let difference = 0
    for (const [n, byte] of a.entries()) difference |= byte ^ (b[n] ?? 0)
    return difference === 0
  },

  signer(jwk) {
    const { kty = '' } = jwk
    const algorithm = SIGNATURE_ALGORITHMS[kty]
    if (algorithm === undefined) throw new Error(`a key of type ${kty} cannot sign`)
    const importKey = (key: JsonWebKey, use: 'sign' | 'verify') =>
      crypto.subtle.importKey('jwk', key, algorithm, false, [use])
    const privateKey = createLazyValue(() => importKey(jwk as JsonWebKey, 'sign'))
    const { d, p, q, dp, dq, qi, ...publicJwk } = jwk as JsonWebKey
    const publicKey = createLazyValue(() => importKey(publicJwk, 'verify'))
    return {
      sign: async (data) =>
        new Uint8Array(await crypto.subtle.sign(algorithm, await privateKey(), encodeUtf8(data))),
      verify: async (data, signature) =>
        crypto.subtle.verify(algorithm, await publicKey(), copyBytes(signature), encodeUtf8(data)),
    }
  },

  findP256Point: (privateKey) =>
    p256.utils.isValidSecretKey(privateKey)
      ? p256.getPublicKey(privateKey, false).subarray(1)
      : null,

  aesGcm(key) {
    const prepared = createLazyValue(() =>
      crypto.subtle.importKey('raw', copyBytes(key), 'AES-GCM', false, ['encrypt', 'decrypt']),
    )
    const algorithm = (iv: Uint8Array<ArrayBuffer>, associated: string) => ({
      name: 'AES-GCM',
      iv,
      additionalData: encodeUtf8(associated),
    })
    return {
      async seal(plain, associated) {
        const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
        const parameters = algorithm(nonce, associated)
        const cipher = await crypto.subtle.encrypt(parameters, await prepared(), copyBytes(plain))
        const sealed = new Uint8Array(NONCE_BYTES + cipher.byteLength)
        sealed.set(nonce)
        sealed.set(new Uint8Array(cipher), NONCE_BYTES)
        return sealed
      },
      async open(sealed, associated) {
        const parameters = algorithm(copyBytes(sealed.subarray(0, NONCE_BYTES)), associated)
        const cipher = copyBytes(sealed.subarray(NONCE_BYTES))
        return new Uint8Array(await crypto.subtle.decrypt(parameters, await prepared(), cipher))
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

/** Imports a key at its first use, and again after a failure. */
function createLazyValue<T>(load: () => Promise<T>): () => Promise<T> {
  let value: T | undefined
  return async () => {
    value ??= await load()
    return value
  }
}

/// <reference path="./modules.d.ts" />
import Instance, { Argon2Type } from '@phi-ag/argon2'
import wasm from '@phi-ag/argon2/argon2.wasm'

/** 19 MiB, 2 passes, 1 lane, as on Node: the OWASP minimum. */
const ARGON2_COST = {
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
  hashLength: 32,
  type: Argon2Type.Argon2id,
}

let argon2Instance: Instance | undefined

/** Returns the same instance always, because WebAssembly gives no memory back. */
export function getArgon2Instance(): Instance {
  argon2Instance ??= new Instance(new WebAssembly.Instance(wasm))
  return argon2Instance
}

const MISMATCH_ERROR = 'The password does not match the supplied hash'

/**
 * argon2id as a WebAssembly module in the bundle, because a Worker cannot compile one. It computes synchronously,
 * so no request waits for a computation of another request.
 */
export function createArgon2(): Argon2 {
  const argon2 = getArgon2Instance()
  return {
    hash: async (secret) => argon2.hash(padToByteLength(secret), ARGON2_COST).encoded,

    async verify(phc, secret) {
      const verified = argon2.tryVerify(phc, padToByteLength(secret))
      if (!verified.success && verified.error !== MISMATCH_ERROR) throw new Error(verified.error)
      return verified.success
    },
  }
}

/**
 * Pads text beyond ASCII. The library copies the UTF-8 bytes, but hashes only as many as the text has UTF-16
 * units. The added zeros raise that number to the number of bytes, and are not hashed themselves.
 */
export const padToByteLength = (secret: string) =>
  secret.padEnd(encoder.encode(secret).length, '\0')
