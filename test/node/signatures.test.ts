import { createPrivateKey, createPublicKey, type JsonWebKey, sign, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { findSlot } from '../../src/crypto/ring.ts'
import { createSigner } from '../../src/node/signatures.ts'
import { createTestRing } from '../support/keyring.ts'

/** Of so many signatures, several have a number that begins with zeros. */
const SIGNATURES = 2000

test('ES256 signatures have the form of RFC 7518, whatever their numbers', async () => {
  const { keys } = await createTestRing()
  const jwk = keys.find((key) => findSlot(key) === 'ES256')?.jwk as JsonWebKey
  const signer = createSigner(jwk)
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  const publicKey = createPublicKey(privateKey)
  const standard = { dsaEncoding: 'ieee-p1363' } as const
  let short = 0
  for (let n = 0; n < SIGNATURES; n++) {
    const text = `signed ${n}`
    const data = Buffer.from(text)
    const signature = await signer.sign(text)
    expect(signature).toHaveLength(64)
    expect(verify('sha256', data, { key: publicKey, ...standard }, signature)).toBe(true)
    const theirs = sign('sha256', data, { key: privateKey, ...standard })
    expect(await signer.verify(text, theirs)).toBe(true)
    if (signature[0] === 0 || theirs[32] === 0) short++
  }
  expect(short).toBeGreaterThan(0)
  expect(await signer.verify('', new Uint8Array(64))).toBe(false)
  expect(await signer.verify('', new Uint8Array(64).fill(0xff))).toBe(false)
})
