import {
  constants,
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import type { Primitives, VerifySignature } from '../crypto/primitives.ts'
import { toSigningAlgorithm } from '../crypto/ring.ts'
import type { AssertionAlgorithm } from '../domain/client-assertion.ts'

/*
 * Keys are passed to node:crypto as they are, where that is possible: Node takes 9 µs more for an object with a key
 * and options, because it throws and catches an error.
 */

export const createSigner: Primitives['signer'] = (privateJwk) => {
  const privateKey = createPrivateKey({ key: privateJwk as JsonWebKey, format: 'jwk' })
  const algorithm = toSigningAlgorithm(privateJwk)
  const digest = getDigest(algorithm)
  const signBytes = (data: string) => sign(digest, Buffer.from(data), privateKey)
  return {
    sign: algorithm === 'ES256' ? (data) => decodeDerSignature(signBytes(data)) : signBytes,
    verify: createKeyVerifier(createPublicKey(privateKey), algorithm),
  }
}

/** Throws for a key that OpenSSL does not import, such as a point that is not on its curve. */
export const createVerifier: Primitives['verifier'] = (publicJwk, algorithm) =>
  createKeyVerifier(createPublicKey({ key: publicJwk as JsonWebKey, format: 'jwk' }), algorithm)

function createKeyVerifier(key: KeyObject, algorithm: AssertionAlgorithm): VerifySignature {
  const digest = getDigest(algorithm)
  switch (algorithm) {
    case 'ES256':
      return (data, signature) =>
        signature.length === P256_SIGNATURE_BYTES &&
        verify(digest, Buffer.from(data), key, encodeDerSignature(signature))
    case 'ES384':
    case 'ES512':
      return createThreadVerifier(digest, { key, dsaEncoding: 'ieee-p1363' })
    case 'PS256':
    case 'PS384':
    case 'PS512': {
      const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants
      return (data, signature) =>
        verify(digest, Buffer.from(data), { key, padding, saltLength }, signature)
    }
    default:
      return (data, signature) => verify(digest, Buffer.from(data), key, signature)
  }
}

/** OpenSSL takes 0.4 and 1 ms for these curves, in which a thread of libuv delays no other request. */
const createThreadVerifier =
  (
    digest: string | null,
    key: { readonly key: KeyObject; readonly dsaEncoding: 'ieee-p1363' },
  ): VerifySignature =>
  (data, signature) =>
    new Promise((resolve, reject) => {
      verify(digest, Buffer.from(data), key, signature, (error, isGenuine) =>
        error === null ? resolve(isGenuine) : reject(error),
      )
    })

/** RFC 8032 hashes by itself. */
const getDigest = (algorithm: AssertionAlgorithm): string | null =>
  algorithm.startsWith('Ed') ? null : `sha${algorithm.slice(2)}`

/*
 * RFC 7518 §3.4: an ECDSA signature is r and s, of 32 bytes each. OpenSSL has them as DER integers (RFC 3279
 * §2.2.3), and takes 9 µs to convert them itself.
 */

const P256_BYTES = 32
const P256_SIGNATURE_BYTES = 2 * P256_BYTES
const DER_SEQUENCE = 0x30
const DER_INTEGER = 0x02

/** Each integer of a signature by OpenSSL has its least length, so that a byte holds every length. */
function decodeDerSignature(der: Uint8Array): Uint8Array {
  const signature = new Uint8Array(P256_SIGNATURE_BYTES)
  let at = 2
  for (const numberEnd of [P256_BYTES, P256_SIGNATURE_BYTES]) {
    const length = der[at + 1] ?? 0
    const start = at + 2
    const end = start + length
    // A leading zero is a positive sign.
    const digits = der.subarray(Math.max(start, end - P256_BYTES), end)
    signature.set(digits, numberEnd - digits.length)
    at = end
  }
  return signature
}

function encodeDerSignature(signature: Uint8Array): Uint8Array {
  const der = Buffer.allocUnsafe(2 + 2 * (3 + P256_BYTES))
  let end = 2
  for (const at of [0, P256_BYTES]) {
    const numberEnd = at + P256_BYTES
    let start = at
    while (start < numberEnd - 1 && signature[start] === 0) start++
    const isNegative = (signature[start] ?? 0) >= 0x80
    der[end++] = DER_INTEGER
    der[end++] = numberEnd - start + (isNegative ? 1 : 0)
    if (isNegative) der[end++] = 0
    der.set(signature.subarray(start, numberEnd), end)
    end += numberEnd - start
  }
  der[0] = DER_SEQUENCE
  der[1] = end - 2
  return der.subarray(0, end)
}
