import { hmac } from '@noble/hashes/hmac.js'
import { md5, sha1 } from '@noble/hashes/legacy.js'
import { scrypt } from '@noble/hashes/scrypt.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { Argon2Type, Argon2Version } from '@phi-ag/argon2'
import { checkSecret } from '../crypto/check-secret.ts'
import type { HashFunctions, SecretChecks } from '../crypto/primitives.ts'
import { WORKER_CHECK_BOUNDS } from '../domain/secret-forms/secret-check.ts'
import { getArgon2Instance, padToByteLength, workerPrimitives } from './primitives.ts'

const DIGESTS = { md5, sha1, sha256, sha512 }

const WEBCRYPTO_DIGESTS = { sha1: 'SHA-1', sha256: 'SHA-256', sha512: 'SHA-512' } as const

const ARGON2_TYPES = {
  argon2d: Argon2Type.Argon2d,
  argon2i: Argon2Type.Argon2i,
  argon2id: Argon2Type.Argon2id,
}

const workerHashFunctions: HashFunctions = {
  equal: workerPrimitives.equal,
  digest: (name, data) => DIGESTS[name](data),
  hmacSha256: (key, data) => hmac(sha256, key, data),

  async pbkdf2(secret, { digest, rounds, salt, sum }) {
    const key = await crypto.subtle.importKey('raw', new Uint8Array(secret), 'PBKDF2', false, [
      'deriveBits',
    ])
    const algorithm = {
      name: 'PBKDF2',
      hash: WEBCRYPTO_DIGESTS[digest],
      iterations: rounds,
      salt: new Uint8Array(salt),
    }
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, sum.length * 8))
  },

  scrypt: (secret, { cost, blockSize, parallelism, salt, sum }) =>
    scrypt(secret, salt, { N: cost, r: blockSize, p: parallelism, dkLen: sum.length }),

  argon2(secret, { variant, memoryKib, passes, lanes, salt, sum }) {
    return getArgon2Instance().hash(padToByteLength(secret), {
      salt,
      hashLength: sum.length,
      timeCost: passes,
      memoryCost: memoryKib,
      parallelism: lanes,
      type: ARGON2_TYPES[variant],
      version: Argon2Version.Version13,
    }).hash
  },
}

/** Checks in the isolate's only thread. */
export const workerSecretChecks: SecretChecks = {
  functions: workerHashFunctions,
  bounds: WORKER_CHECK_BOUNDS,
  check: (secret, check, pepper) => checkSecret(workerHashFunctions, secret, check, pepper),
}
