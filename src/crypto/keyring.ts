import type { JWK } from 'jose'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { z } from 'zod'
import { REFRESH_TOKEN_MS } from '../domain/token.ts'
import type { AesGcm, Ed25519, Mac, Primitives } from './primitives.ts'

/**
 * The use of a ring key: JWT access tokens, opaque access tokens, refresh tokens, data that must be read
 * again, secrets that are presented at every request, or the audit.
 */
export const RING_KEY_USES = ['sign', 'access', 'refresh', 'seal', 'digest', 'audit'] as const
export type RingKeyUse = (typeof RING_KEY_USES)[number]
/** Uses that older rings lack. `completeRing` adds their keys. */
const ADDED_RING_KEY_USES = ['access', 'digest', 'audit'] as const satisfies RingKeyUse[]
/** Uses whose keys make tokens, which expire. */
const TOKEN_USES: readonly RingKeyUse[] = ['sign', 'access', 'refresh']
/** Uses whose key id is part of every token, in 4 bytes. */
const TAGGED_TOKEN_USES: readonly RingKeyUse[] = ['access', 'refresh']
/** Uses whose keys are keys of an HMAC. */
type MacUse = Exclude<RingKeyUse, 'sign' | 'seal'>

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
  for (const use of RING_KEY_USES) {
    const sameUse = keys.filter((key) => key.use === use)
    if (sameUse.length === 0 && ADDED_RING_KEY_USES.some((added) => added === use)) continue
    const current = sameUse.filter(({ state }) => state === 'current')
    if (current.length !== 1) {
      throw new Error(`the key ring has ${current.length} current keys to ${use} with, not one`)
    }
  }
  return ring.data
}

/** Creates a ring with a current and a next key for each use. */
export async function createRing(primitives: Primitives, now: number): Promise<Ring> {
  const keys: RingKey[] = []
  for (const use of RING_KEY_USES) {
    keys.push(await createRingKey(primitives, use, 'current', now))
    keys.push(await createRingKey(primitives, use, 'next', now))
  }
  return { version: 1, keys }
}

/**
 * Derives the keys that an older ring lacks from its first seal key, which all servers of a ring share
 * and never delete (compare RFC 5869). Each server derives the same keys independently, so no file or
 * secret has to be written first.
 */
export function completeRing(primitives: Primitives, ring: Ring): Ring {
  const missing = ADDED_RING_KEY_USES.filter((use) => !ring.keys.some((key) => key.use === use))
  if (missing.length === 0) return ring
  const root = ring.keys.find(({ use }) => use === 'seal')
  if (root === undefined) throw new Error('the key ring has no seal key')
  const derive = primitives.hmac(decodeKeyBytes(primitives, root.jwk))
  const keys = missing.flatMap((use) =>
    (['current', 'next'] as const).map((state): RingKey => {
      const id = toHex(derive(`latchkey ${use} ${state} id`).subarray(0, 4))
      const k = primitives.base64urlEncode(derive(`latchkey ${use} ${state} key`))
      return { id, use, state, createdAt: root.createdAt, retiredAt: null, jwk: { kty: 'oct', k } }
    }),
  )
  return { ...ring, keys: [...ring.keys, ...keys] }
}

/**
 * Makes the next key current, retires the current key and creates a new next key. A server that still
 * has the old file already knows the new current key, as its next key.
 */
export async function rotateRing(
  primitives: Primitives,
  ring: Ring,
  use: RingKeyUse,
  now: number,
): Promise<Ring> {
  const keys = ring.keys
    .filter((key) => !isExpiredKey(key, now))
    .map((key): RingKey => {
      if (key.use !== use || key.state === 'retired') return key
      return key.state === 'next'
        ? { ...key, state: 'current' }
        : { ...key, state: 'retired', retiredAt: now }
    })
  keys.push(await createRingKey(primitives, use, 'next', now))
  return { version: 1, keys }
}

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
  use: RingKeyUse,
  state: RingKey['state'],
  now: number,
): Promise<RingKey> {
  const entry = { use, state, createdAt: now, retiredAt: null }
  if (use === 'sign') {
    const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
    const jwk = await exportJWK(privateKey)
    return { ...entry, id: await calculateJwkThumbprint(jwk), jwk: { ...jwk, kty: 'OKP' } }
  }
  const id = toHex(primitives.randomBytes(4))
  const k = primitives.base64urlEncode(primitives.randomBytes(32))
  return { ...entry, id, jwk: { kty: 'oct', k } }
}

const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Gives access to the keys of a ring by id. `replace` loads a rotated file while the server runs. */
export class Keyring {
  readonly #primitives: Primitives
  #signers = new Map<string, Ed25519>()
  #macs = createMacs()
  #sealers = new Map<string, AesGcm>()
  #currentIds = new Map<RingKeyUse, string>()
  #publicKeys: JWK[] = []

  constructor(primitives: Primitives, ring: Ring) {
    this.#primitives = primitives
    this.replace(ring)
  }

  replace(newRing: Ring): void {
    const ring = completeRing(this.#primitives, newRing)
    const signers = new Map<string, Ed25519>()
    const macs = createMacs()
    const sealers = new Map<string, AesGcm>()
    const currentIds = new Map<RingKeyUse, string>()
    for (const { id, use, state, jwk } of ring.keys) {
      if (state === 'current') currentIds.set(use, id)
      if (use === 'sign') {
        signers.set(id, this.#primitives.ed25519(jwk))
        continue
      }
      const bytes = decodeKeyBytes(this.#primitives, jwk)
      if (use === 'seal') sealers.set(id, this.#primitives.aesGcm(bytes))
      else macs[use].set(id, this.#primitives.hmac(bytes))
    }
    this.#signers = signers
    this.#macs = macs
    this.#sealers = sealers
    this.#currentIds = currentIds
    this.#publicKeys = ring.keys.filter((key) => key.use === 'sign').map(toPublicJwk)
  }

  /** The next, current and retired signing keys, as the JWK set publishes them (RFC 7517). */
  get publicKeys(): readonly JWK[] {
    return this.#publicKeys
  }

  currentId(use: RingKeyUse): string {
    const id = this.#currentIds.get(use)
    if (id === undefined) throw new Error(`the key ring has no current key to ${use} with`)
    return id
  }

  signer = (id: string): Ed25519 | undefined => this.#signers.get(id)
  mac = (use: MacUse, id: string): Mac | undefined => this.#macs[use].get(id)
  sealer = (id: string): AesGcm | undefined => this.#sealers.get(id)
  /** The ids of all keys that may have digested a secret, the current one first. */
  get digesterIds(): readonly string[] {
    const current = this.currentId('digest')
    return [current, ...[...this.#macs.digest.keys()].filter((id) => id !== current)]
  }
}

const createMacs = (): Record<MacUse, Map<string, Mac>> => ({
  access: new Map(),
  refresh: new Map(),
  digest: new Map(),
  audit: new Map(),
})

function decodeKeyBytes(primitives: Primitives, jwk: RingKey['jwk']): Uint8Array {
  const bytes = typeof jwk.k === 'string' ? primitives.base64urlDecode(jwk.k) : null
  if (bytes?.length !== 32) throw new Error('the key ring holds a key that is not 256 bits long')
  return bytes
}

function toPublicJwk({ id, jwk }: RingKey): JWK {
  const { kty, crv, x } = jwk as JWK
  return { kty, crv, x, kid: id, alg: 'EdDSA', use: 'sig' } as JWK
}
