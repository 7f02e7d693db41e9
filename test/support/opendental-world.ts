import type { Latchkey } from '../../src/compose.ts'
import { seedCustomerKey, seedDeveloper } from './developer.ts'
import { done } from './server.ts'

/** What the transcripts of Open Dental call by name. Each customer key is for one call: it has its pace. */
export async function seedOpendentalWorld(latchkey: Latchkey): Promise<Map<string, string>> {
  const { keys } = latchkey
  const fresh = await seedDeveloper(latchkey)
  const developer = await seedDeveloper(latchkey)
  const key = async (wish: Parameters<typeof seedCustomerKey>[2] = {}) =>
    seedCustomerKey(latchkey, developer, wish)
  const disabled = await key()
  done(await keys.disable(disabled.keyId, 'customer'))
  const revoked = await key()
  done(await keys.revoke(revoked.keyId))
  return new Map([
    // A developer who has no customers yet.
    ['freshDeveloperKey', fresh.developerKey],
    ['freshPortalKey', fresh.portalKey],
    // A developer of several offices.
    ['developerKey', developer.developerKey],
    ['portalKey', developer.portalKey],
    ['key', (await key()).secret],
    ['otherKey', (await key()).secret],
    ['readOnlyKey', (await key({ access: 'read' })).secret],
    ['quickKey', (await key()).secret],
    ['unassignedKey', (await key({ isAssigned: false })).secret],
    ['disabledKey', disabled.secret],
    ['revokedKey', revoked.secret],
  ])
}
