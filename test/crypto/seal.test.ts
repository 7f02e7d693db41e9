import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Keyring } from '../../src/crypto/keyring.ts'
import { type Ring, rotateRing } from '../../src/crypto/ring.ts'
import { createSealer } from '../../src/crypto/secrets.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import type { Sealer } from '../../src/service/ports/crypto.ts'
import { createTestKeyring, createTestRing, toKeyring } from '../support/keyring.ts'

let ring: Ring
let keyring: Keyring
let sealer: Sealer
beforeAll(async () => {
  ring = await createTestRing()
  keyring = toKeyring(ring)
  sealer = createSealer(nodePrimitives, keyring)
})

const openSealed = async (sealed: string, context: string, by = sealer) => by.open(sealed, context)
const isSameBytes = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0
const contexts = fc.oneof(fc.uuid(), fc.string({ unit: 'grapheme' }))

describe('what is sealed', () => {
  test('is opened to the same bytes, in its own context', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), contexts, async (plain, context) => {
        const sealed = await sealer.seal(plain, context)
        expect(sealed).toMatch(/^[0-9a-f]{8}\.[\w-]+$/)
        expect(isSameBytes(await openSealed(sealed, context), plain)).toBe(true)
      }),
    )
  })

  test.each([0, 1, 15, 16, 17, 1024 * 1024])('may be %d bytes long', async (length) => {
    const plain = nodePrimitives.randomBytes(length)
    expect(isSameBytes(await openSealed(await sealer.seal(plain, 'row'), 'row'), plain)).toBe(true)
  })

  test('is sealed from the middle of a larger buffer', async () => {
    const plain = new Uint8Array([9, 9, 1, 2, 3, 9, 9]).subarray(2, 5)
    expect([...(await openSealed(await sealer.seal(plain, 'row'), 'row'))]).toEqual([1, 2, 3])
  })

  test('never looks the same twice, and shows nothing of what is in it', async () => {
    const plain = new TextEncoder().encode('Jane Doe, 1980-01-01')
    const seen = new Set<string>()
    for (let n = 0; n < 100; n++) seen.add(await sealer.seal(plain, 'row'))
    expect(seen.size).toBe(100)
    for (const sealed of seen) {
      const [, text = ''] = sealed.split('.')
      expect(Buffer.from(text, 'base64url').includes(Buffer.from('Jane'))).toBe(false)
    }
  })

  test('is not opened in another context', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), contexts, contexts, async (plain, mine, other) => {
        fc.pre(mine !== other)
        const sealed = await sealer.seal(plain, mine)
        await expect(openSealed(sealed, other)).rejects.toThrow()
      }),
    )
  })

  test('is not opened with any bit flipped, or any end cut off', async () => {
    const sealed = await sealer.seal(new Uint8Array([1, 2, 3]), 'row')
    const [id = '', text = ''] = sealed.split('.')
    const bytes = Buffer.from(text, 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await expect(openSealed(`${id}.${flipped.toString('base64url')}`, 'row')).rejects.toThrow()
    }
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length).toString('base64url')
      await expect(openSealed(`${id}.${cut}`, 'row')).rejects.toThrow()
    }
    await expect(openSealed(`${sealed}A`, 'row')).rejects.toThrow()
    await expect(openSealed(`${sealed}=`, 'row')).rejects.toThrow()
  })

  test('is not opened with another key, of a known id or an unknown one', async () => {
    const sealed = await sealer.seal(new Uint8Array([1]), 'row')
    const next = ring.keys.find((key) => key.use === 'seal' && key.state === 'next')?.id
    await expect(openSealed(`${next}${sealed.slice(8)}`, 'row')).rejects.toThrow()
    await expect(openSealed(`00000000${sealed.slice(8)}`, 'row')).rejects.toThrow(
      'seal key 00000000 is not in the key ring',
    )
    const other = createSealer(nodePrimitives, await createTestKeyring())
    await expect(openSealed(sealed, 'row', other)).rejects.toThrow('is not in the key ring')
    for (const text of ['', '.', sealed.slice(0, 8)])
      await expect(openSealed(text, 'row')).rejects.toThrow()
  })

  test('is opened after the key ring has been rotated', async () => {
    const sealed = await sealer.seal(new Uint8Array([7]), 'row')
    let rotated = ring
    for (let n = 1; n <= 3; n++) rotated = await rotateRing(nodePrimitives, rotated, 'seal', n)
    const later = createSealer(nodePrimitives, toKeyring(rotated))
    expect([...(await openSealed(sealed, 'row', later))]).toEqual([7])
    expect((await later.seal(new Uint8Array([7]), 'row')).slice(0, 8)).not.toBe(sealed.slice(0, 8))
  })
})
