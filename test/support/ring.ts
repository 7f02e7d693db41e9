import { createRing, Keyring, type Ring } from '../../src/crypto/keyring.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'

/** A key ring as a first start makes it. */
export const testRing = (now = 0): Promise<Ring> => createRing(nodePrimitives, now)

export const keyringOf = (ring: Ring): Keyring => new Keyring(nodePrimitives, ring)

export const testKeyring = async (): Promise<Keyring> => keyringOf(await testRing())
