import { beforeAll, describe, expect, test } from 'vitest'
import {
  completeRing,
  Keyring,
  parseRing,
  type Ring,
  type RingKeyUse,
  rotateRing,
} from '../../src/crypto/keyring.ts'
import { REFRESH_TOKEN_MS } from '../../src/domain/token.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { createTestRing, toKeyring } from '../support/keyring.ts'

const USES: readonly RingKeyUse[] = ['sign', 'access', 'refresh', 'seal', 'digest', 'audit']
const rotate = (ring: Ring, use: RingKeyUse, now: number) =>
  rotateRing(nodePrimitives, ring, use, now)
const findKeyId = (ring: Ring, use: RingKeyUse, state: 'next' | 'current' | 'retired') =>
  ring.keys.find((key) => key.use === use && key.state === state)?.id

let ring: Ring
beforeAll(async () => {
  ring = await createTestRing(5)
})

describe('a key ring', () => {
  test('has for each use one key at work and the next one, and is its own file', () => {
    for (const use of USES) {
      const keys = ring.keys.filter((key) => key.use === use)
      expect(keys.map(({ state }) => state).sort()).toEqual(['current', 'next'])
      expect(keys.map(({ createdAt, retiredAt }) => [createdAt, retiredAt])).toEqual([
        [5, null],
        [5, null],
      ])
    }
    expect(new Set(ring.keys.map(({ id }) => id)).size).toBe(2 * USES.length)
    expect(parseRing(JSON.stringify(ring))).toEqual(ring)
  })

  test('shares no key with another', async () => {
    const other = await createTestRing()
    const keys = [...ring.keys, ...other.keys]
    expect(new Set(keys.map(({ jwk }) => jwk.k ?? jwk.d)).size).toBe(4 * USES.length)
  })

  test.each(USES)(
    'when it rotates to %s, puts the next key to work and keeps the others',
    async (use) => {
      const rotated = await rotate(ring, use, 9)
      expect(findKeyId(rotated, use, 'current')).toBe(findKeyId(ring, use, 'next'))
      expect(findKeyId(rotated, use, 'retired')).toBe(findKeyId(ring, use, 'current'))
      expect(ring.keys.map(({ id }) => id)).not.toContain(findKeyId(rotated, use, 'next'))
      expect(rotated.keys.find(({ state }) => state === 'retired')?.retiredAt).toBe(9)
      const listOtherKeys = (keys: Ring) => keys.keys.filter((key) => key.use !== use)
      expect(listOtherKeys(rotated)).toEqual(listOtherKeys(ring))
      expect(parseRing(JSON.stringify(rotated))).toEqual(rotated)
    },
  )

  test('publishes the public half of the next, current and retired signing keys, no more', async () => {
    const next = findKeyId(ring, 'sign', 'next')
    expect(toKeyring(ring).publicKeys.map(({ kid }) => kid)).toContain(next)
    const rotated = toKeyring(await rotate(ring, 'sign', 9))
    expect(rotated.currentId('sign')).toBe(next)
    expect(rotated.publicKeys).toHaveLength(3)
    for (const key of rotated.publicKeys) {
      expect(Object.keys(key)).toEqual(['kty', 'crv', 'x', 'kid', 'alg', 'use'])
      expect(key).toMatchObject({ alg: 'EdDSA', crv: 'Ed25519', kty: 'OKP', use: 'sig' })
    }
    expect(new Set(rotated.publicKeys.map(({ x }) => x)).size).toBe(3)
  })

  test('drops a retired key for tokens after 7 days, when nothing it made can live', async () => {
    for (const use of ['sign', 'access', 'refresh'] as const) {
      const old = findKeyId(ring, use, 'current')
      const retired = await rotate(ring, use, 1000)
      const ids = (keys: Ring) => keys.keys.map(({ id }) => id)
      expect(ids(await rotate(retired, use, 1000 + REFRESH_TOKEN_MS))).toContain(old)
      expect(ids(await rotate(retired, use, 1001 + REFRESH_TOKEN_MS))).not.toContain(old)
      expect(ids(await rotate(retired, 'seal', 1001 + REFRESH_TOKEN_MS))).not.toContain(old)
    }
  })

  test('never drops a key that sealed or digested something', async () => {
    const retainedIds: (string | undefined)[] = []
    let now = ring
    for (let year = 1; year <= 5; year++) {
      const uses = ['seal', 'digest', 'audit'] as const
      retainedIds.push(...uses.map((use) => findKeyId(now, use, 'current')))
      for (const use of USES) now = await rotate(now, use, year * 365 * 86_400_000)
    }
    const ids = now.keys.map(({ id }) => id)
    for (const id of retainedIds) expect(ids).toContain(id)
    const count = (use: RingKeyUse) => now.keys.filter((key) => key.use === use).length
    expect(USES.map(count)).toEqual([3, 3, 3, 7, 7, 7])
  })

  test('of an earlier version is completed with the same keys by every server', () => {
    const old = {
      ...ring,
      keys: ring.keys.filter(({ use }) => !['access', 'digest', 'audit'].includes(use)),
    }
    const text = JSON.stringify(old)
    const [one, other] = [parseRing(text), parseRing(text)].map((each) =>
      completeRing(nodePrimitives, each),
    )
    expect(one).toEqual(other)
    expect(one?.keys.slice(0, old.keys.length)).toEqual(old.keys)
    for (const use of USES) {
      const keys = one?.keys.filter((key) => key.use === use) ?? []
      expect(keys.map(({ state }) => state).sort()).toEqual(['current', 'next'])
    }
    expect(new Set(one?.keys.map(({ jwk }) => jwk.k ?? jwk.d)).size).toBe(2 * USES.length)
    expect(parseRing(JSON.stringify(one))).toEqual(one)
  })

  test('that cannot be used leaves the one before it at work', async () => {
    const keyring = toKeyring(ring)
    const broken = {
      ...ring,
      keys: ring.keys.map((key) => ({ ...key, jwk: { kty: 'oct', k: 'AAAA' } })),
    }
    expect(() => keyring.replace(broken)).toThrow()
    expect(keyring.currentId('sign')).toBe(findKeyId(ring, 'sign', 'current'))
    expect(keyring.signer(keyring.currentId('sign'))).toBeDefined()
  })
})

describe('a damaged key ring is refused with a sentence:', () => {
  const change = (more: (key: Ring['keys'][number]) => object) =>
    JSON.stringify({ ...ring, keys: ring.keys.map((key) => ({ ...key, ...more(key) })) })
  const isKeyIn = (use: RingKeyUse, state: string) => (key: { use: string; state: string }) =>
    key.use === use && key.state === state

  const damaged: [string, () => string, string | RegExp][] = [
    ['empty', () => '', 'the key ring is not JSON'],
    ['cut off', () => JSON.stringify(ring).slice(0, -1), 'the key ring is not JSON'],
    ['null', () => 'null', 'the key ring is damaged: '],
    ['a list', () => '[]', 'the key ring is damaged: '],
    ['of another version', () => JSON.stringify({ ...ring, version: 2 }), /damaged: .*at version/s],
    ['without keys', () => '{"version":1,"keys":[]}', 'has 0 current keys to sign with, not one'],
    ['with an empty id', () => change(() => ({ id: '' })), /damaged: .*at keys\[0\]\.id/s],
    ['with an unknown use', () => change(() => ({ use: 'spy' })), /damaged: .*at keys\[0\]\.use/s],
    ['with an unknown state', () => change(() => ({ state: 'old' })), /damaged: .*\.state/s],
    ['with half a second', () => change(() => ({ createdAt: 0.5 })), /damaged: .*\.createdAt/s],
    ['without a key', () => change(() => ({ jwk: null })), /damaged: .*at keys\[0\]\.jwk/s],
    [
      'with no current key to seal with',
      () => change((key) => (isKeyIn('seal', 'current')(key) ? { state: 'retired' } : {})),
      'the key ring has 0 current keys to seal with, not one',
    ],
    [
      'with two current keys to refresh with',
      () => change((key) => (isKeyIn('refresh', 'next')(key) ? { state: 'current' } : {})),
      'the key ring has 2 current keys to refresh with, not one',
    ],
    [
      'with one id twice',
      () => JSON.stringify({ ...ring, keys: [...ring.keys, { ...ring.keys[1] }] }),
      'the key ring has two keys of one use with one id',
    ],
    [
      'with a refresh key whose id fits no token',
      () => change((key) => (isKeyIn('refresh', 'current')(key) ? { id: 'my-key' } : {})),
      'the id of each refresh key must be 8 hex digits',
    ],
    [
      'with an access token key whose id fits no token',
      () => change((key) => (isKeyIn('access', 'next')(key) ? { id: 'ABCDEF01' } : {})),
      'the id of each access key must be 8 hex digits',
    ],
  ]
  test.each(damaged)('%s', (_, text, sentence) => expect(() => parseRing(text())).toThrow(sentence))

  test.each([
    ['too short', 'AAAA'],
    ['too long', Buffer.alloc(33).toString('base64url')],
    ['not base64url', '!'.repeat(43)],
    ['absent', undefined],
  ])('with a secret that is %s', (_, k) => {
    for (const use of ['refresh', 'seal', 'digest'] as const) {
      const keys = ring.keys.map((key) =>
        key.use === use ? { ...key, jwk: { kty: 'oct', k } } : key,
      )
      expect(() => new Keyring(nodePrimitives, { version: 1, keys })).toThrow(
        'the key ring holds a key that is not 256 bits long',
      )
    }
  })
})
