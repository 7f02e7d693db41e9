import { Keyring } from '../../src/crypto/keyring.ts'
import { createRing, type Ring } from '../../src/crypto/ring.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'

/** A key ring as a first start makes it. */
export const createTestRing = (now = 0): Promise<Ring> => createRing(nodePrimitives, now)

export const toKeyring = (ring: Ring): Keyring => new Keyring(nodePrimitives, ring)

export const createTestKeyring = async (): Promise<Keyring> => toKeyring(await createTestRing())
