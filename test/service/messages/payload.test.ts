import { randomBytes } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { createSealer } from '../../../src/crypto/secrets.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import {
  type OpenPayloadDeps,
  openPayload,
  type SealPayloadDeps,
  sealPayload,
} from '../../../src/service/messages/payload.ts'
import { createTestRing, toKeyring } from '../../support/keyring.ts'
import { createTestClock } from '../../support/time.ts'

const PART_BYTES = 512 * 1024

/** Parts by message and number. */
const parts = new Map<string, string>()
const toKey = (messageId: string, part: number) => `${messageId} ${part}`
const storage = {
  addPayloadPart: async (messageId: string, part: number, sealed: string) => {
    parts.set(toKey(messageId, part), sealed)
  },
  deletePayloadParts: async (messageId: string) => {
    const keys = [...parts.keys()].filter((key) => key.startsWith(`${messageId} `))
    for (const key of keys) parts.delete(key)
    return keys.length
  },
  findPayloadPart: async (messageId: string, part: number) =>
    parts.get(toKey(messageId, part)) ?? null,
}
let deps: SealPayloadDeps & OpenPayloadDeps
beforeAll(async () => {
  const sealer = createSealer(nodePrimitives, toKeyring(await createTestRing()))
  deps = { storage, sealer, clock: createTestClock() }
})

test.each([
  [0, 0],
  [1, 0],
  [PART_BYTES, 0],
  [PART_BYTES + 1, 2],
  [2 * PART_BYTES, 2],
  [3 * PART_BYTES - 1, 3],
])('a payload of %i bytes is stored in %i parts and opened to the byte', async (length, count) => {
  const payload = randomBytes(length)
  const stored = await sealPayload(deps, `message-${length}`, payload)
  expect(stored.payloadPartCount).toBe(count)
  expect(stored.sealedPayload === '').toBe(count > 0)
  expect(Buffer.from(await openPayload(deps, `message-${length}`, stored)).equals(payload)).toBe(
    true,
  )
})

test('a payload of which a part cannot be stored leaves none', async () => {
  const { addPayloadPart } = storage
  const addTwoParts: typeof addPayloadPart = async (messageId, part, sealed) => {
    if (part === 2) throw new Error('the disk is full')
    await addPayloadPart(messageId, part, sealed)
  }
  const failing = { ...deps, storage: { ...storage, addPayloadPart: addTwoParts } }
  const payload = randomBytes(3 * PART_BYTES)
  await expect(sealPayload(failing, 'refused', payload)).rejects.toThrow('the disk is full')
  expect([...parts.keys()].filter((key) => key.startsWith('refused'))).toEqual([])
})

test('parts that were swapped, taken from another message or left out are noticed', async () => {
  const [stored] = [
    await sealPayload(deps, 'one', randomBytes(3 * PART_BYTES)),
    await sealPayload(deps, 'two', randomBytes(3 * PART_BYTES)),
  ]
  const original = new Map(parts)
  const openWith = (change: () => void) => {
    change()
    return openPayload(deps, 'one', stored).finally(() => {
      for (const [key, sealed] of original) parts.set(key, sealed)
    })
  }
  const get = (messageId: string, part: number) => original.get(toKey(messageId, part)) ?? ''
  await expect(
    openWith(() => {
      parts.set(toKey('one', 0), get('one', 1))
      parts.set(toKey('one', 1), get('one', 0))
    }),
  ).rejects.toThrow()
  await expect(openWith(() => parts.set(toKey('one', 1), get('two', 1)))).rejects.toThrow()
  await expect(openWith(() => parts.delete(toKey('one', 2)))).rejects.toThrow(
    'a part of the payload is missing',
  )
  await expect(openPayload(deps, 'one', { ...stored, payloadPartCount: 2 })).rejects.toThrow()
  await expect(openPayload(deps, 'one', stored)).resolves.toHaveLength(3 * PART_BYTES)
})
