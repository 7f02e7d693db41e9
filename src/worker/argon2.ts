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
 * argon2id as WebAssembly, whose compiled module is part of the bundle: a Worker compiles none. It
 * computes at once: no request ever waits for a computation that belongs to another.
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
 * The library copies a text's UTF-8 and then takes as many bytes as the text has UTF-16 units: of
 * text beyond ASCII, not all. Zeros at its end make up the difference, and stay outside.
 */
const padToByteLength = (secret: string) => secret.padEnd(encoder.encode(secret).length, '\0')
