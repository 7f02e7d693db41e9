/// <reference path="./modules.d.ts" />
import Instance, { Argon2Type } from '@phi-ag/argon2'
import wasm from '@phi-ag/argon2/argon2.wasm'
import type { Argon2 } from '../crypto/primitives.ts'

/** 19 MiB, 2 passes, 1 lane, as on Node: the OWASP minimum. */
const ARGON2_COST = {
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
  hashLength: 32,
  type: Argon2Type.Argon2id,
}

const MISMATCH_ERROR = 'The password does not match the supplied hash'

/**
 * argon2id as a WebAssembly module in the bundle, because a Worker cannot compile one. It computes synchronously,
 * so no request waits for a computation of another request.
 */
export function createArgon2(): Argon2 {
  const argon2 = new Instance(new WebAssembly.Instance(wasm))
  return {
    hash: async (secret) => argon2.hash(padToByteLength(secret), ARGON2_COST).encoded,

    async verify(phc, secret) {
      const verified = argon2.tryVerify(phc, padToByteLength(secret))
      if (!verified.success && verified.error !== MISMATCH_ERROR) throw new Error(verified.error)
      return verified.success
    },
  }
}

const encoder = new TextEncoder()

/**
 * Pads text beyond ASCII. The library copies the UTF-8 bytes, but hashes only as many as the text has UTF-16
 * units. The added zeros raise that number to the number of bytes, and are not hashed themselves.
 */
const padToByteLength = (secret: string) => secret.padEnd(encoder.encode(secret).length, '\0')
