import type { JWK } from 'jose'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { z } from 'zod'
import { DAY_MS, isFromFuture, isWithinLast } from '../domain/instant.ts'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../domain/oauth-client.ts'
import { REFRESH_TOKEN_MS } from '../domain/token.ts'
import type { Primitives } from './primitives.ts'

/**
 * The use of a ring key: JWT access tokens, opaque access tokens, refresh tokens, data that must be read
 * again, secrets that are presented at every request, or the audit.
 */
export const RING_KEY_USES = ['sign', 'access', 'refresh', 'seal', 'digest', 'audit'] as const
export type RingKeyUse = (typeof RING_KEY_USES)[number]

/** Each slot has one current key, which works, and usually a next one: a use, or an algorithm to sign with. */
export const RING_SLOTS = [
  ...SIGNING_ALGORITHMS,
  'access',
  'refresh',
  'seal',
  'digest',
  'audit',
] as const satisfies (RingKeyUse | SigningAlgorithm)[]
export type RingSlot = (typeof RING_SLOTS)[number]
/** Slots that older rings lack. `completeRing` adds their keys. */
const DERIVED_SLOTS: readonly RingSlot[] = ['ES256', 'access', 'digest', 'audit']
/** The slot that a ring can lack: an RSA key cannot be derived, and takes long to make. */
const OPTIONAL_SLOT: RingSlot = 'RS256'
const INITIAL_SLOTS = RING_SLOTS.filter((slot) => slot !== OPTIONAL_SLOT)
/** Uses whose keys make tokens, which expire. */
const TOKEN_USES: readonly RingKeyUse[] = ['sign', 'access', 'refresh']
/** Uses whose key id is part of every token, in 4 bytes. */
const TAGGED_TOKEN_USES: readonly RingKeyUse[] = ['access', 'refresh']

/**
 * The time that a key is published before it signs. Verifiers that cache the JWK Set for less than this
 * know every key in time.
 */
export const PUBLICATION_MS = DAY_MS

const ringKeySchema = z.object({
  id: z.string().min(1),
  use: z.enum(RING_KEY_USES),
  /** A `next` key is known, and published if it signs, before it is used. */
  state: z.enum(['next', 'current', 'retired']),
  createdAt: z.number().int(),
  retiredAt: z.number().int().nullable(),
  jwk: z.looseObject({ kty: z.string() }),
})
const ringSchema = z.object({ version: z.literal(1), keys: z.array(ringKeySchema) })

const TAGGED_TOKEN_KEY_ID_PATTERN = /^[0-9a-f]{8}$/

export type RingKey = z.infer<typeof ringKeySchema>
/** The server's own keys, as the key ring file stores them. */
export type Ring = z.infer<typeof ringSchema>

const ALGORITHMS_BY_KEY_TYPE: Readonly<Record<string, SigningAlgorithm>> = {
  EC: 'ES256',
  RSA: 'RS256',
  OKP: 'EdDSA',
}

/** Finds the slot of a key. Throws for a signing key of a kind that this version does not know. */
export function findSlot({ use, jwk }: Pick<RingKey, 'use' | 'jwk'>): RingSlot {
  if (use !== 'sign') return use
  const algorithm = ALGORITHMS_BY_KEY_TYPE[jwk.kty]
  if (algorithm === undefined) throw new Error('the key ring has a signing key of an unknown kind')
  return algorithm
}

/**
 * Parses a key ring file. Throws an error that says what is wrong with it. Does not add keys that an
 * older file lacks: `completeRing` does.
 */
export function parseRing(text: string): Ring {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('the key ring is not JSON')
  }
  const ring = ringSchema.safeParse(value)
  if (!ring.success) throw new Error(`the key ring is damaged: ${z.prettifyError(ring.error)}`)
  const { keys } = ring.data
  if (new Set(keys.map(({ use, id }) => `${use} ${id}`)).size < keys.length) {
    throw new Error('the key ring has two keys of one use with one id')
  }
  const misnamed = keys.find(
    ({ use, id }) => TAGGED_TOKEN_USES.includes(use) && !TAGGED_TOKEN_KEY_ID_PATTERN.test(id),
  )
  if (misnamed !== undefined) {
    throw new Error(
      `the id of each ${misnamed.use} key must be 8 hex digits: it is part of every token`,
    )
  }
  for (const slot of RING_SLOTS) {
    const inSlot = keys.filter((key) => findSlot(key) === slot)
    if (inSlot.length === 0 && (slot === OPTIONAL_SLOT || DERIVED_SLOTS.includes(slot))) continue
    const current = inSlot.filter(({ state }) => state === 'current')
    if (current.length !== 1) {
      throw new Error(`the key ring has ${current.length} current ${slot} keys, not one`)
    }
  }
  return ring.data
}

/** Creates a ring with a current and a next key for each slot but RS256, which `addRsaKeys` adds. */
export async function createRing(primitives: Primitives, now: number): Promise<Ring> {
  const keys: RingKey[] = []
  for (const slot of INITIAL_SLOTS) keys.push(...(await createSlot(primitives, slot, now)))
  return { version: 1, keys }
}

/** Adds the keys that sign with RS256, unless the ring has them. */
export const addRsaKeys = async (primitives: Primitives, ring: Ring, now: number): Promise<Ring> =>
  listSlot(ring, OPTIONAL_SLOT).length > 0 ? ring : rotateRing(primitives, ring, OPTIONAL_SLOT, now)

const createSlot = async (primitives: Primitives, slot: RingSlot, now: number) => [
  await createRingKey(primitives, slot, 'current', now),
  await createRingKey(primitives, slot, 'next', now),
]

/**
 * Derives the keys that an older ring lacks from its first seal key, which all servers of a ring share
 * and never delete (compare RFC 5869). Each server derives the same keys independently, so no file or
 * secret has to be written first.
 */
export function completeRing(primitives: Primitives, ring: Ring): Ring {
  const missing = DERIVED_SLOTS.filter((slot) => listSlot(ring, slot).length === 0)
  if (missing.length === 0) return ring
  const root = ring.keys.find(({ use }) => use === 'seal')
  if (root === undefined) throw new Error('the key ring has no seal key')
  const mac = primitives.hmac(decodeKeyBytes(primitives, root.jwk))
  const keys = missing.flatMap((slot) =>
    (['current', 'next'] as const).map((state): RingKey => {
      const entry = { state, createdAt: root.createdAt, retiredAt: null }
      const idBytes = mac.compute(`latchkey ${slot} ${state} id`)
      const bytes = mac.compute(`latchkey ${slot} ${state} key`)
      if (slot === 'ES256') {
        const id = primitives.base64urlEncode(idBytes)
        return { ...entry, use: 'sign', id, jwk: toP256Jwk(primitives, bytes) }
      }
      const id = toHex(idBytes.subarray(0, 4))
      const k = primitives.base64urlEncode(bytes)
      return { ...entry, use: slot as RingKeyUse, id, jwk: { kty: 'oct', k } }
    }),
  )
  return { ...ring, keys: [...ring.keys, ...keys] }
}

/** A random scalar is too large for the curve once in 2³² rings; then the next one is tried. */
function toP256Jwk(primitives: Primitives, scalar: Uint8Array): RingKey['jwk'] {
  const point = primitives.findP256Point(scalar)
  if (point === null)
    return toP256Jwk(primitives, primitives.hmac(scalar).compute('latchkey P-256'))
  const encode = primitives.base64urlEncode
  return {
    kty: 'EC',
    crv: 'P-256',
    x: encode(point.subarray(0, 32)),
    y: encode(point.subarray(32)),
    d: encode(scalar),
  }
}

const listSlot = (ring: Ring, slot: RingSlot): RingKey[] =>
  ring.keys.filter((key) => findSlot(key) === slot)

/** Lists the slots that a use, or an algorithm to sign with, stands for. */
const listSlots = (target: RingKeyUse | RingSlot): readonly RingSlot[] =>
  target === 'sign' ? SIGNING_ALGORITHMS : [target]

/** The part of the ring that a rotation of a use changes. */
export const listRingKeys = (ring: Ring, target: RingKeyUse | RingSlot): RingKey[] =>
  ring.keys.filter((key) => listSlots(target).includes(findSlot(key)))

/**
 * Makes the next key current, retires the current key and creates a new next key. A server that still
 * has the old file already knows the new current key, as its next key.
 */
export async function rotateRing(
  primitives: Primitives,
  ring: Ring,
  target: RingKeyUse | RingSlot,
  now: number,
): Promise<Ring> {
  let rotated = dropExpiredKeys(ring, now)
  for (const slot of listSlots(target)) {
    if (listSlot(rotated, slot).length === 0) {
      // An algorithm is added only by its own name.
      if (slot !== target) continue
      rotated = { ...ring, keys: [...rotated.keys, ...(await createSlot(primitives, slot, now))] }
      continue
    }
    const keys = rotated.keys.map((key): RingKey => {
      if (findSlot(key) !== slot || key.state === 'retired') return key
      return key.state === 'next'
        ? { ...key, state: 'current' }
        : { ...key, state: 'retired', retiredAt: now }
    })
    if (!keys.some((key) => findSlot(key) === slot && key.state === 'current')) {
      keys.push(await createRingKey(primitives, slot, 'current', now))
    }
    rotated = { ...ring, keys: [...keys, await createRingKey(primitives, slot, 'next', now)] }
  }
  return rotated
}

/** Finds a signing key that would sign before it was published for long enough. */
export const findUnpublishedKey = (
  ring: Ring,
  target: RingKeyUse | RingSlot,
  now: number,
): RingKey | undefined =>
  listRingKeys(ring, target).find(
    ({ use, state, createdAt }) =>
      use === 'sign' && state === 'next' && isWithinLast(PUBLICATION_MS, createdAt, now),
  )

/**
 * Rotates each signing algorithm whose current key has signed for `rotateAfterMs`, and drops expired keys.
 * Returns the same ring if nothing is due.
 */
export async function maintainRing(
  primitives: Primitives,
  ring: Ring,
  rotateAfterMs: number,
  now: number,
): Promise<Ring> {
  let maintained = await addRsaKeys(primitives, ring, now)
  for (const slot of SIGNING_ALGORITHMS) {
    if (now - findSigningStart(maintained, slot, now) < rotateAfterMs) continue
    if (findUnpublishedKey(maintained, slot, now) !== undefined) continue
    maintained = await rotateRing(primitives, maintained, slot, now)
  }
  return maintained.keys.some((key) => isExpiredKey(key, now))
    ? dropExpiredKeys(maintained, now)
    : maintained
}

/**
 * The current key began when the key before it was retired; the first one, when it was created. An instant
 * that a fast clock wrote counts as past, or the keys would not be rotated until then.
 */
function findSigningStart(ring: Ring, slot: RingSlot, now: number): number {
  const instants = listSlot(ring, slot).map(({ state, createdAt, retiredAt }) =>
    state === 'current' ? createdAt : (retiredAt ?? 0),
  )
  return Math.max(0, ...instants.filter((at) => !isFromFuture(at, now)))
}

/**
 * Takes a key out of the ring, with everything that it made: for a key that leaked. The next key takes
 * over at once. Returns null for a key that is not in the ring, or whose data would be lost.
 */
export async function revokeRingKey(
  primitives: Primitives,
  ring: Ring,
  id: string,
  now: number,
): Promise<Ring | null> {
  const revoked = ring.keys.find((key) => key.id === id && TOKEN_USES.includes(key.use))
  if (revoked === undefined) return null
  const slot = findSlot(revoked)
  const moved = revoked.state === 'current' ? await rotateRing(primitives, ring, slot, now) : ring
  const keys = moved.keys.filter((key) => key.use !== revoked.use || key.id !== id)
  if (revoked.state === 'next') keys.push(await createRingKey(primitives, slot, 'next', now))
  return { ...ring, keys }
}

const dropExpiredKeys = (ring: Ring, now: number): Ring => ({
  ...ring,
  keys: ring.keys.filter((key) => !isExpiredKey(key, now)),
})

/**
 * True if everything that the retired key made has expired. Keys that sealed or digested data never
 * expire.
 */
function isExpiredKey(key: RingKey, now: number): boolean {
  return (
    TOKEN_USES.includes(key.use) && key.retiredAt !== null && now > key.retiredAt + REFRESH_TOKEN_MS
  )
}

async function createRingKey(
  primitives: Primitives,
  slot: RingSlot,
  state: RingKey['state'],
  now: number,
): Promise<RingKey> {
  const entry = { state, createdAt: now, retiredAt: null }
  if (isSigningSlot(slot)) {
    const { privateKey } = await generateKeyPair(slot, { extractable: true })
    const { kty = '', ...jwk } = await exportJWK(privateKey)
    const id = await calculateJwkThumbprint({ kty, ...jwk } as JWK)
    return { ...entry, use: 'sign', id, jwk: { ...jwk, kty } }
  }
  const id = toHex(primitives.randomBytes(4))
  const k = primitives.base64urlEncode(primitives.randomBytes(32))
  return { ...entry, use: slot, id, jwk: { kty: 'oct', k } }
}

const isSigningSlot = (slot: RingSlot): slot is SigningAlgorithm =>
  SIGNING_ALGORITHMS.some((algorithm) => algorithm === slot)

const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Decodes a key that is not part of a pair. */
export function decodeKeyBytes(primitives: Primitives, jwk: RingKey['jwk']): Uint8Array {
  const bytes = typeof jwk.k === 'string' ? primitives.base64urlDecode(jwk.k) : null
  if (bytes?.length !== 32) throw new Error('the key ring holds a key that is not 256 bits long')
  return bytes
}
