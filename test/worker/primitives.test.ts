import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Primitives } from '../../src/crypto/primitives.ts'
import { addRsaKeys } from '../../src/crypto/ring.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { workerPrimitives } from '../../src/worker/primitives.ts'
import { createTestRing } from '../support/keyring.ts'

/*
 * Two runtimes, one truth: what a Worker computes is what Node computes. (In workerd itself,
 * server.test.ts has both at work on one database.)
 */

const text = fc.string({ unit: 'binary' })
const bytes = fc.uint8Array({ maxLength: 200 })
const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
function expectSameBytes(a: Uint8Array | null, b: Uint8Array | null): void {
  expect(a === null ? null : [...a]).toEqual(b === null ? null : [...b])
}

test('digests and MACs on Workers equal those on Node', () => {
  fc.assert(
    fc.property(key, text, bytes, (k, said, more) => {
      expect(workerPrimitives.sha256(said)).toBe(nodePrimitives.sha256(said))
      const [mine, theirs] = [workerPrimitives.hmac(k), nodePrimitives.hmac(k)]
      expectSameBytes(mine.compute(said), theirs.compute(said))
      expectSameBytes(mine.compute(said, more), theirs.compute(said, more))
      // Prepared once, used often.
      expectSameBytes(mine.compute(said), theirs.compute(said))
      expect(mine.computeText(said)).toBe(theirs.computeText(said))
      expect(theirs.computeText(said)).toBe(nodePrimitives.base64urlEncode(theirs.compute(said)))
    }),
  )
})

test('MACs of long messages on Workers equal those on Node', () => {
  const k = new Uint8Array(32).fill(7)
  const [mine, theirs] = [workerPrimitives.hmac(k), nodePrimitives.hmac(k)]
  for (const letter of ['a', 'é', '€', '🔑', '\ud800']) {
    for (let length = 0; length < 1200; length += 37) {
      const said = letter.repeat(length)
      const more = new Uint8Array(1200 - length)
      expectSameBytes(mine.compute(said), theirs.compute(said))
      expectSameBytes(mine.compute(said, more), theirs.compute(said, more))
    }
  }
})

test('the public point of a private P-256 key on Workers equals Node’s, and no other number has one', () => {
  fc.assert(
    fc.property(key, (k) =>
      expectSameBytes(workerPrimitives.findP256Point(k), nodePrimitives.findP256Point(k)),
    ),
  )
  const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
  for (const hex of ['00'.repeat(32), order, 'ff'.repeat(32)]) {
    for (const { findP256Point } of [workerPrimitives, nodePrimitives]) {
      expect(findP256Point(Buffer.from(hex, 'hex'))).toBeNull()
    }
  }
})

test('base64url on Workers equals Node’s, and only the canonical spelling is decoded', () => {
  fc.assert(
    fc.property(bytes, text, (some, said) => {
      expect(workerPrimitives.base64urlEncode(some)).toBe(nodePrimitives.base64urlEncode(some))
      expect(workerPrimitives.base64urlEncode(said)).toBe(nodePrimitives.base64urlEncode(said))
      expectSameBytes(workerPrimitives.base64urlDecode(nodePrimitives.base64urlEncode(some)), some)
    }),
  )
  const spellings = fc.string({
    unit: fc.constantFrom('A', 'B', 'Q', 'g', 'w', '-', '_', '+', '/', '=', ' ', '\n', 'é'),
    maxLength: 8,
  })
  fc.assert(
    fc.property(spellings, (spelling) =>
      expectSameBytes(
        workerPrimitives.base64urlDecode(spelling),
        nodePrimitives.base64urlDecode(spelling),
      ),
    ),
    { numRuns: 2000 },
  )
})

test('equal returns true only for the same bytes', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(workerPrimitives.equal(a, b)).toBe(nodePrimitives.equal(a, b))
      expect(workerPrimitives.equal(a, new Uint8Array(a))).toBe(true)
    }),
  )
})

test('randomBytes returns the requested number of bytes, different each time', () => {
  const drawn = Array.from({ length: 100 }, () => workerPrimitives.randomBytes(16))
  expect(drawn.every(({ length }) => length === 16)).toBe(true)
  expect(new Set(drawn.map((some) => some.join())).size).toBe(100)
})

describe.each<[string, Primitives, Primitives]>([
  ['a Worker', workerPrimitives, nodePrimitives],
  ['Node', nodePrimitives, workerPrimitives],
])('what %s makes', (_, maker, taker) => {
  test('as a signature the other verifies, and no other text', async () => {
    const { keys } = await addRsaKeys(nodePrimitives, await createTestRing(), 0)
    const signingKeys = keys.filter(({ use, state }) => use === 'sign' && state === 'current')
    expect(signingKeys).toHaveLength(3)
    for (const { jwk } of signingKeys) {
      const [mine, theirs] = [maker.signer(jwk), taker.signer(jwk)]
      await fc.assert(
        fc.asyncProperty(text, async (said) => {
          const signature = await mine.sign(said)
          // ECDSA signs with a random number.
          if (jwk.kty !== 'EC') expectSameBytes(signature, await theirs.sign(said))
          expect(await theirs.verify(said, signature)).toBe(true)
          expect(await theirs.verify(`${said}.`, signature)).toBe(false)
          expect(await theirs.verify(said, signature.subarray(1))).toBe(false)
        }),
        { numRuns: 30 },
      )
    }
  })

  test('as a seal the other opens, and nothing that is not as it was sealed', async () => {
    await fc.assert(
      fc.asyncProperty(key, bytes, text, async (k, plain, context) => {
        const [mine, theirs] = [maker.aesGcm(k), taker.aesGcm(k)]
        const sealed = await mine.seal(plain, context)
        expectSameBytes(await theirs.open(sealed, context), plain)
        await expect((async () => theirs.open(sealed, `${context}.`))()).rejects.toThrow()
        const damaged = new Uint8Array(sealed)
        damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
        await expect((async () => theirs.open(damaged, context))()).rejects.toThrow()
      }),
    )
  })
})
