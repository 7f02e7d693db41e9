import { beforeAll, describe, expect, test } from 'vitest'
import { Keyring, type PublicKey } from '../../src/crypto/keyring.ts'
import {
  addRsaKeys,
  completeRing,
  findSlot,
  findUnpublishedKey,
  maintainRing,
  PUBLICATION_MS,
  parseRing,
  RING_SLOTS,
  type Ring,
  type RingKeyUse,
  type RingSlot,
  revokeRingKey,
  rotateRing,
} from '../../src/crypto/ring.ts'
import { DAY_MS } from '../../src/domain/instant.ts'
import { REFRESH_TOKEN_MS } from '../../src/domain/token.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { workerPrimitives } from '../../src/worker/primitives.ts'
import { createTestRing, toKeyring } from '../support/keyring.ts'

const rotate = (ring: Ring, target: RingKeyUse | RingSlot, now: number) =>
  rotateRing(nodePrimitives, ring, target, now)
const maintain = (ring: Ring, now: number, rotateAfterMs = 90 * DAY_MS) =>
  maintainRing(nodePrimitives, ring, rotateAfterMs, now)
const listSlotKeys = (ring: Ring, slot: RingSlot) =>
  ring.keys.filter((key) => findSlot(key) === slot)
const findKeyId = (ring: Ring, slot: RingSlot, state: 'next' | 'current' | 'retired') =>
  listSlotKeys(ring, slot).find((key) => key.state === state)?.id
const listIds = (ring: Ring) => ring.keys.map(({ id }) => id)

let ring: Ring
beforeAll(async () => {
  ring = await addRsaKeys(nodePrimitives, await createTestRing(5), 5)
})

describe('a key ring', () => {
  test('has for each slot one key at work and the next one, and is its own file', () => {
    for (const slot of RING_SLOTS) {
      const keys = listSlotKeys(ring, slot)
      expect(keys.map(({ state }) => state).sort()).toEqual(['current', 'next'])
      expect(keys.map(({ createdAt, retiredAt }) => [createdAt, retiredAt])).toEqual([
        [5, null],
        [5, null],
      ])
    }
    expect(new Set(listIds(ring)).size).toBe(2 * RING_SLOTS.length)
    expect(parseRing(JSON.stringify(ring))).toEqual(ring)
  })

  test('shares no key with another', async () => {
    const other = await createTestRing()
    const keys = [...ring.keys, ...other.keys]
    expect(new Set(keys.map(({ jwk }) => jwk.k ?? jwk.d)).size).toBe(keys.length)
  })

  test.each(RING_SLOTS)(
    'when it rotates %s, puts the next key to work and keeps the others',
    async (slot) => {
      const rotated = await rotate(ring, slot, 9)
      expect(findKeyId(rotated, slot, 'current')).toBe(findKeyId(ring, slot, 'next'))
      expect(findKeyId(rotated, slot, 'retired')).toBe(findKeyId(ring, slot, 'current'))
      expect(listIds(ring)).not.toContain(findKeyId(rotated, slot, 'next'))
      expect(rotated.keys.find(({ state }) => state === 'retired')?.retiredAt).toBe(9)
      const listOtherKeys = (keys: Ring) => keys.keys.filter((key) => findSlot(key) !== slot)
      expect(listOtherKeys(rotated)).toEqual(listOtherKeys(ring))
      expect(parseRing(JSON.stringify(rotated))).toEqual(rotated)
    },
  )

  test('when it rotates without a next key, creates the current one too', async () => {
    const alone = { ...ring, keys: ring.keys.filter(({ state }) => state === 'current') }
    const rotated = await rotate(alone, 'seal', 9)
    expect(listSlotKeys(rotated, 'seal').map(({ state }) => state)).toEqual([
      'retired',
      'current',
      'next',
    ])
  })

  test('when it rotates to sign, rotates each algorithm that it has', async () => {
    const rotated = await rotate(ring, 'sign', 9)
    for (const slot of ['ES256', 'RS256', 'EdDSA'] as const) {
      expect(findKeyId(rotated, slot, 'current')).toBe(findKeyId(ring, slot, 'next'))
    }
    const withoutRsa = await rotate(await createTestRing(), 'sign', 9)
    expect(listSlotKeys(withoutRsa, 'RS256')).toEqual([])
    expect(listSlotKeys(withoutRsa, 'ES256')).toHaveLength(3)
  })

  test('publishes the public half of the next, current and retired signing keys, no more', async () => {
    const rotated = toKeyring(await rotate(ring, 'sign', 9))
    const next = findKeyId(ring, 'ES256', 'next')
    expect(toKeyring(ring).publicKeys.map(({ kid }) => kid)).toContain(next)
    expect(rotated.currentId('ES256')).toBe(next)
    const members = {
      EdDSA: ['kty', 'crv', 'x', 'kid', 'alg', 'use'],
      ES256: ['kty', 'crv', 'x', 'y', 'kid', 'alg', 'use'],
      RS256: ['kty', 'n', 'e', 'kid', 'alg', 'use'],
    }
    const byAlgorithm = Map.groupBy(rotated.publicKeys, ({ alg }: PublicKey) => alg)
    expect([...byAlgorithm.values()].map(({ length }) => length)).toEqual([3, 3, 3])
    for (const key of rotated.publicKeys) {
      expect(Object.keys(key)).toEqual(members[key.alg])
      expect(key.use).toBe('sig')
    }
    expect(new Set(rotated.publicKeys.map(({ x, n }) => x ?? n)).size).toBe(9)
  })

  test('drops a retired key for tokens after 7 days, when nothing it made can live', async () => {
    for (const slot of ['EdDSA', 'ES256', 'access', 'refresh'] as const) {
      const old = findKeyId(ring, slot, 'current')
      const retired = await rotate(ring, slot, 1000)
      expect(listIds(await rotate(retired, slot, 1000 + REFRESH_TOKEN_MS))).toContain(old)
      expect(listIds(await rotate(retired, slot, 1001 + REFRESH_TOKEN_MS))).not.toContain(old)
      expect(listIds(await rotate(retired, 'seal', 1001 + REFRESH_TOKEN_MS))).not.toContain(old)
      expect(listIds(await maintain(retired, 1001 + REFRESH_TOKEN_MS))).not.toContain(old)
    }
  })

  test('never drops a key that sealed or digested something', async () => {
    const retainedIds: (string | undefined)[] = []
    let now = await createTestRing(5)
    for (let year = 1; year <= 5; year++) {
      const slots = ['seal', 'digest', 'audit'] as const
      retainedIds.push(...slots.map((slot) => findKeyId(now, slot, 'current')))
      for (const slot of RING_SLOTS) now = await rotate(now, slot, year * 365 * DAY_MS)
    }
    for (const id of retainedIds) expect(listIds(now)).toContain(id)
    const counts = RING_SLOTS.map((slot) => [slot, listSlotKeys(now, slot).length])
    expect(Object.fromEntries(counts)).toEqual({
      ES256: 3,
      RS256: 3,
      EdDSA: 3,
      access: 3,
      refresh: 3,
      seal: 7,
      digest: 7,
      audit: 7,
    })
  })

  test('of an earlier version is completed with the same keys by every server and runtime', () => {
    const added: RingSlot[] = ['ES256', 'access', 'digest', 'audit']
    const old = {
      ...ring,
      keys: ring.keys.filter((key) => ![...added, 'RS256'].includes(findSlot(key))),
    }
    const text = JSON.stringify(old)
    const [one, other] = [nodePrimitives, workerPrimitives].map((primitives) =>
      completeRing(primitives, parseRing(text)),
    )
    if (one === undefined) throw new Error('no ring')
    expect(one).toEqual(other)
    expect(one.keys.slice(0, old.keys.length)).toEqual(old.keys)
    for (const slot of RING_SLOTS.filter((each) => each !== 'RS256')) {
      const states = listSlotKeys(one, slot).map(({ state }) => state)
      expect(states.sort()).toEqual(['current', 'next'])
    }
    expect(new Set(one.keys.map(({ jwk }) => jwk.k ?? jwk.d)).size).toBe(one.keys.length)
    expect(parseRing(JSON.stringify(one))).toEqual(one)
    expect(toKeyring(old).currentId('ES256')).toBe(findKeyId(one, 'ES256', 'current'))
    expect(toKeyring(old).findCurrentId('RS256')).toBeUndefined()
  })

  test('that cannot be used leaves the one before it at work', async () => {
    const keyring = toKeyring(ring)
    const broken = {
      ...ring,
      keys: ring.keys.map((key) => ({ ...key, jwk: { kty: 'oct', k: 'AAAA' } })),
    }
    expect(() => keyring.replace(broken)).toThrow()
    expect(keyring.currentId('EdDSA')).toBe(findKeyId(ring, 'EdDSA', 'current'))
    expect(keyring.signer(keyring.currentId('EdDSA'))).toBeDefined()
  })
})

describe('a key that signs', () => {
  test('is published for 24 hours before; until then, it is named', () => {
    expect(findUnpublishedKey(ring, 'ES256', 5 + PUBLICATION_MS - 1)?.id).toBe(
      findKeyId(ring, 'ES256', 'next'),
    )
    expect(findUnpublishedKey(ring, 'sign', 6)).toBeDefined()
    expect(findUnpublishedKey(ring, 'sign', 5 + PUBLICATION_MS)).toBeUndefined()
    expect(findUnpublishedKey(ring, 'seal', 6)).toBeUndefined()
  })

  test('is replaced on schedule, for each algorithm, and never sooner than it is published', async () => {
    expect(await maintain(ring, 5 + 90 * DAY_MS - 1)).toEqual(ring)
    const rotated = await maintain(ring, 5 + 90 * DAY_MS)
    for (const slot of ['ES256', 'RS256', 'EdDSA'] as const) {
      expect(findKeyId(rotated, slot, 'current')).toBe(findKeyId(ring, slot, 'next'))
    }
    expect(findKeyId(rotated, 'access', 'current')).toBe(findKeyId(ring, 'access', 'current'))
    expect(await maintain(rotated, 5 + 90 * DAY_MS + 1000)).toEqual(rotated)
    // A schedule that is shorter than the publication waits for it.
    const hourly = await maintain(ring, 5 + PUBLICATION_MS, 1)
    expect(await maintain(hourly, 5 + 2 * PUBLICATION_MS - 1, 1)).toEqual(hourly)
    expect(findKeyId(await maintain(hourly, 5 + 2 * PUBLICATION_MS, 1), 'ES256', 'current')).toBe(
      findKeyId(hourly, 'ES256', 'next'),
    )
  })

  test('is replaced although the clock ran ahead for a while, once it is right', async () => {
    const ahead = 5 + 50 * 365 * DAY_MS
    const rotatedTwice = await maintain(await maintain(ring, ahead), ahead + PUBLICATION_MS, 1)
    const right = 5 + 100 * DAY_MS
    const rotated = await maintain(rotatedTwice, right)
    for (const slot of ['ES256', 'RS256', 'EdDSA'] as const) {
      expect(findKeyId(rotated, slot, 'current')).toBe(findKeyId(rotatedTwice, slot, 'next'))
    }
    expect(await maintain(rotated, right + 2 * PUBLICATION_MS)).toEqual(rotated)
  })

  test('for RS256 is added by the first look of a server', async () => {
    const added = await maintain(await createTestRing(5), 6)
    expect(listSlotKeys(added, 'RS256').map(({ state }) => state)).toEqual(['current', 'next'])
  })

  test('is kept under every schedule until the last token that it signed is dead', async () => {
    let now = 5
    let kept = ring
    const retiredAt = new Map<string, number>()
    for (let day = 1; day <= 40; day++) {
      now += DAY_MS
      const before = kept
      kept = await maintain(kept, now, 1)
      for (const key of before.keys) {
        const after = kept.keys.find(({ id }) => id === key.id)
        if (key.state !== 'retired' && after?.state === 'retired') retiredAt.set(key.id, now)
        if (after === undefined) {
          expect(now - (retiredAt.get(key.id) ?? now)).toBeGreaterThan(REFRESH_TOKEN_MS)
        }
      }
    }
    expect(retiredAt.size).toBeGreaterThan(60)
  }, 60_000)
})

describe('a key that leaked', () => {
  const revoke = (from: Ring, id = '') => revokeRingKey(nodePrimitives, from, id, 9)

  test.each(['ES256', 'EdDSA', 'access', 'refresh'] as const)(
    'leaves the ring at once, whatever its state: %s',
    async (slot) => {
      const rotated = await rotate(ring, slot, 8)
      for (const state of ['retired', 'current', 'next'] as const) {
        const id = findKeyId(rotated, slot, state)
        const revoked = await revoke(rotated, id)
        if (revoked === null) throw new Error('it was not revoked')
        expect(listIds(revoked)).not.toContain(id)
        expect(parseRing(JSON.stringify(revoked))).toEqual(revoked)
        const states = listSlotKeys(revoked, slot).map((key) => key.state)
        expect(states.filter((each) => each !== 'retired')).toEqual(['current', 'next'])
        if (state === 'current') {
          expect(findKeyId(revoked, slot, 'current')).toBe(findKeyId(rotated, slot, 'next'))
        }
      }
    },
  )

  test('stays if data would be lost with it, or if it is unknown', async () => {
    for (const slot of ['seal', 'digest', 'audit'] as const) {
      expect(await revoke(ring, findKeyId(ring, slot, 'current'))).toBeNull()
    }
    expect(await revoke(ring, 'unknown')).toBeNull()
  })
})

describe('a damaged key ring is refused with a sentence:', () => {
  const change = (more: (key: Ring['keys'][number]) => object) =>
    JSON.stringify({ ...ring, keys: ring.keys.map((key) => ({ ...key, ...more(key) })) })
  const isKeyIn = (use: RingKeyUse, state: string) => (key: { use: string; state: string }) =>
    key.use === use && key.state === state

  const isSigning = ({ use }: { use: string }) => use === 'sign'

  const damaged: [string, () => string, string | RegExp][] = [
    ['empty', () => '', 'the key ring is not JSON'],
    ['cut off', () => JSON.stringify(ring).slice(0, -1), 'the key ring is not JSON'],
    ['null', () => 'null', 'the key ring is damaged: '],
    ['a list', () => '[]', 'the key ring is damaged: '],
    ['of another version', () => JSON.stringify({ ...ring, version: 2 }), /damaged: .*at version/s],
    ['without keys', () => '{"version":1,"keys":[]}', 'has 0 current EdDSA keys, not one'],
    ['with an empty id', () => change(() => ({ id: '' })), /damaged: .*at keys\[0\]\.id/s],
    ['with an unknown use', () => change(() => ({ use: 'spy' })), /damaged: .*at keys\[0\]\.use/s],
    ['with an unknown state', () => change(() => ({ state: 'old' })), /damaged: .*\.state/s],
    ['with half a second', () => change(() => ({ createdAt: 0.5 })), /damaged: .*\.createdAt/s],
    ['without a key', () => change(() => ({ jwk: null })), /damaged: .*at keys\[0\]\.jwk/s],
    [
      'with no current key to seal with',
      () => change((key) => (isKeyIn('seal', 'current')(key) ? { state: 'retired' } : {})),
      'the key ring has 0 current seal keys, not one',
    ],
    [
      'with two current keys to refresh with',
      () => change((key) => (isKeyIn('refresh', 'next')(key) ? { state: 'current' } : {})),
      'the key ring has 2 current refresh keys, not one',
    ],
    [
      'with a signing key of an unknown kind',
      () => change((key) => (isSigning(key) ? { jwk: { kty: 'AKP' } } : {})),
      'the key ring has a signing key of an unknown kind',
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
