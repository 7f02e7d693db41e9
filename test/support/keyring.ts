import { join } from 'node:path'
import { Keyring } from '../../src/crypto/keyring.ts'
import {
  createRing,
  type Ring,
  type RingKeyUse,
  type RingSlot,
  rotateRing,
} from '../../src/crypto/ring.ts'
import { loadRing, updateRing } from '../../src/node/keyring-file.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'

/** A key ring as a first start makes it. */
export const createTestRing = (now = 0): Promise<Ring> => createRing(nodePrimitives, now)

export const toKeyring = (ring: Ring): Keyring => new Keyring(nodePrimitives, ring)

export const createTestKeyring = async (): Promise<Keyring> => toKeyring(await createTestRing())

/** Rotates keys in the key ring file of a data folder, which it creates if there is none, as the command does. */
export async function rotateRingFile(dir: string, target: RingKeyUse | RingSlot): Promise<void> {
  const path = join(dir, 'keyring.json')
  await loadRing(path, { canCreate: true })
  const now = Date.now()
  await updateRing(path, now, (ring) => rotateRing(nodePrimitives, ring, target, now))
}
