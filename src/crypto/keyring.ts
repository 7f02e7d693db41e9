import type { JWK } from 'jose'
import type { SigningAlgorithm } from '../domain/oauth-client.ts'
import type { AesGcm, Mac, Primitives, Signer } from './primitives.ts'
import {
  completeRing,
  decodeKeyBytes,
  findSlot,
  type Ring,
  type RingKey,
  type RingKeyUse,
  type RingSlot,
} from './ring.ts'

/** Uses whose keys are keys of an HMAC. */
type MacUse = Exclude<RingKeyUse, 'sign' | 'seal'>

/** Gives access to the keys of a ring by id. `replace` loads a rotated file while the server runs. */
export class Keyring {
  readonly #primitives: Primitives
  #signers = new Map<string, Signer>()
  #macs = createMacs()
  #sealers = new Map<string, AesGcm>()
  #currentIds = new Map<RingSlot, string>()
  #publicKeys: PublicKey[] = []
  #digesterIds: string[] = []
  #version = 0
  #oldestDigesterId = ''

  constructor(primitives: Primitives, ring: Ring) {
    this.#primitives = primitives
    this.replace(ring)
  }

  replace(newRing: Ring): void {
    const ring = completeRing(this.#primitives, newRing)
    const signers = new Map<string, Signer>()
    const macs = createMacs()
    const sealers = new Map<string, AesGcm>()
    const currentIds = new Map<RingSlot, string>()
    for (const key of ring.keys) {
      const { id, use, state, jwk } = key
      if (state === 'current') currentIds.set(findSlot(key), id)
      if (use === 'sign') {
        signers.set(id, this.#primitives.signer(jwk))
        continue
      }
      const bytes = decodeKeyBytes(this.#primitives, jwk)
      if (use === 'seal') sealers.set(id, this.#primitives.aesGcm(bytes))
      else macs[use].set(id, this.#primitives.hmac(bytes))
    }
    this.#version++
    this.#signers = signers
    this.#macs = macs
    this.#sealers = sealers
    this.#currentIds = currentIds
    const digesterId = this.currentId('digest')
    this.#digesterIds = [...new Set([digesterId, ...macs.digest.keys()])]
    ;[this.#oldestDigesterId = digesterId] = macs.digest.keys()
    this.#publicKeys = ring.keys.filter((key) => key.use === 'sign').map(toPublicKey)
  }

  /** Changes when the ring is replaced. */
  get version(): number {
    return this.#version
  }

  /** The next, current and retired signing keys, as the JWK Set publishes them (RFC 7517). */
  get publicKeys(): readonly PublicKey[] {
    return this.#publicKeys
  }

  /** Returns the id of the key that signs with this algorithm, or has this use. Only RS256 can be absent. */
  findCurrentId(slot: RingSlot): string | undefined {
    return this.#currentIds.get(slot)
  }

  currentId(slot: RingSlot): string {
    const id = this.findCurrentId(slot)
    if (id === undefined) throw new Error(`the key ring has no current ${slot} key`)
    return id
  }

  signer = (id: string): Signer | undefined => this.#signers.get(id)
  mac = (use: MacUse, id: string): Mac | undefined => this.#macs[use].get(id)
  sealer = (id: string): AesGcm | undefined => this.#sealers.get(id)
  /** The ids of all keys that may have digested a secret, the current one first. */
  get digesterIds(): readonly string[] {
    return this.#digesterIds
  }
  /** The id of the first of them, which no rotation changes. */
  get oldestDigesterId(): string {
    return this.#oldestDigesterId
  }
}

const createMacs = (): Record<MacUse, Map<string, Mac>> => ({
  access: new Map(),
  refresh: new Map(),
  digest: new Map(),
  audit: new Map(),
})

/** The public half of a signing key. */
export type PublicKey = JWK & { readonly kid: string; readonly alg: SigningAlgorithm }

/** The public members of each key type (RFC 7518 §6, RFC 8037 §2). */
const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const

function toPublicKey(key: RingKey): PublicKey {
  const members = PUBLIC_MEMBERS.filter((name) => name in key.jwk)
  const jwk = Object.fromEntries(members.map((name) => [name, key.jwk[name]])) as JWK
  return { ...jwk, kid: key.id, alg: findSlot(key) as SigningAlgorithm, use: 'sig' }
}
