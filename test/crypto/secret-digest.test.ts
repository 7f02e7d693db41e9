import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Keyring } from '../../src/crypto/keyring.ts'
import { type Ring, rotateRing } from '../../src/crypto/ring.ts'
import { createSecretDigester } from '../../src/crypto/secrets.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import type { SecretDigester } from '../../src/service/ports/crypto.ts'
import { createTestRing, toKeyring } from '../support/keyring.ts'

let ring: Ring
let keyring: Keyring
let digester: SecretDigester
beforeEach(async () => {
  ring = await createTestRing()
  keyring = toKeyring(ring)
  digester = createSecretDigester(nodePrimitives, keyring)
})
const rotateDigestKey = async () => {
  ring = await rotateRing(nodePrimitives, ring, 'digest', 9)
  keyring.replace(ring)
}
const findCurrentKey = () =>
  ring.keys.find(({ use, state }) => use === 'digest' && state === 'current')

describe('the digest of a secret', () => {
  test('is HMAC-SHA-256 under the ring’s current key, which it names', () => {
    const { id, jwk } = findCurrentKey() ?? { id: '', jwk: { k: '' } }
    const mac = createHmac('sha256', Buffer.from(String(jwk.k), 'base64url'))
    const expected = `hmac.${id}.${mac.update('🔑 secret').digest('base64url')}`
    expect(digester.digest('🔑 secret')).toBe(expected)
  })

  test('is the same at every server of the ring, and another with any other ring', async () => {
    const other = createSecretDigester(nodePrimitives, toKeyring(ring))
    expect(other.digest('secret')).toBe(digester.digest('secret'))
    const stranger = createSecretDigester(nodePrimitives, toKeyring(await createTestRing()))
    expect([...stranger.candidates('secret')]).not.toContain(digester.digest('secret'))
    expect(stranger.matches('secret', [digester.digest('secret')])).toBe(false)
  })

  test('matches that secret alone', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.array(fc.string()),
        (one, other, others) => {
          const stored = digester.digest(one)
          expect(digester.matches(one, [...others, stored])).toBe(true)
          // Lone surrogates are one replacement character in UTF-8.
          fc.pre(one.toWellFormed() !== other.toWellFormed())
          expect(digester.matches(other, [...others, stored])).toBe(false)
          expect(digester.matches(one, others)).toBe(false)
        },
      ),
    )
  })

  test('matches nothing where there is nothing, or a hash of another kind', () => {
    expect(digester.matches('secret', [])).toBe(false)
    expect(digester.matches('secret', ['', 'secret', '$argon2id$v=19$m=1$a$b'])).toBe(false)
    const [, id, mac] = digester.digest('secret').split('.')
    expect(digester.matches('secret', [`hmac.${id}x.${mac}`, `hmac.${id}.${mac}=`])).toBe(false)
  })
})

describe('a rotation of the ring', () => {
  test('makes new digests under the new key, and finds each that was made before', async () => {
    const made = [digester.digest('secret')]
    for (let n = 1; n <= 5; n++) {
      const next = ring.keys.find(({ use, state }) => use === 'digest' && state === 'next')?.id
      await rotateDigestKey()
      expect(findCurrentKey()?.id).toBe(next)
      made.unshift(digester.digest('secret'))
      expect(made[0]?.split('.')[1]).toBe(next)
      expect(new Set(made).size).toBe(n + 1)
      expect([...digester.candidates('secret')][0]).toBe(made[0])
      expect([...digester.candidates('secret')]).toEqual(expect.arrayContaining(made))
      for (const digest of made) {
        expect(digester.matches('secret', [digest])).toBe(true)
        expect(digester.matches('secreT', [digest])).toBe(false)
      }
    }
  })

  test('is found by a server that still holds the ring before it: it knows the next key', async () => {
    const behind = createSecretDigester(nodePrimitives, toKeyring(ring))
    await rotateDigestKey()
    expect(behind.candidates('secret')).toContain(digester.digest('secret'))
    expect(behind.matches('secret', [digester.digest('secret')])).toBe(true)
  })

  test('never drops a key that a secret may have been digested with', async () => {
    const first = digester.digest('secret')
    for (let year = 1; year <= 5; year++) {
      ring = await rotateRing(nodePrimitives, ring, 'digest', year * 365 * 86_400_000)
    }
    keyring.replace(ring)
    expect(digester.candidates('secret')).toContain(first)
  })
})

test('the key to read for an unknown id depends on the id, and is the same at every server of the ring', async () => {
  const other = createSecretDigester(nodePrimitives, toKeyring(ring))
  const stranger = createSecretDigester(nodePrimitives, toKeyring(await createTestRing()))
  const ids = Array.from({ length: 50 }, () => crypto.randomUUID())
  const decoys = ids.map((id) => digester.toDecoySalt(id))
  for (const decoy of decoys) expect(decoy).toMatch(/^[\w-]{22}$/)
  expect(new Set(decoys).size).toBe(50)
  expect(ids.map((id) => other.toDecoySalt(id))).toEqual(decoys)
  expect(ids.map((id) => stranger.toDecoySalt(id))).not.toEqual(decoys)
  // A rotation must not change it: a known id does not change its work either.
  await rotateDigestKey()
  expect(ids.map((id) => digester.toDecoySalt(id))).toEqual(decoys)
})
