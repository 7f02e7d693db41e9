import type { Latchkey } from '../../src/compose.ts'
import { done } from './server.ts'
import { seedSite } from './site.ts'

/** What the transcripts of Xenrad call by name. */
export async function seedXenradWorld(latchkey: Latchkey): Promise<Map<string, string>> {
  const { keys, places } = latchkey
  const site = await seedSite(latchkey)
  const other = await seedSite(latchkey)
  const revoked = await seedSite(latchkey)
  done(await keys.revoke(revoked.keyId))
  const reader = await seedSite(latchkey, { access: 'read' })
  const elsewhere = await seedSite(latchkey)
  done(await places.addAddress({ accountId: elsewhere.accountId, network: '192.0.2.0/24' }))
  done(await places.enforceAddresses(elsewhere.accountId, true))
  return new Map([
    ['key', site.secret],
    ['site', site.siteId],
    ['otherKey', other.secret],
    ['otherSite', other.siteId],
    ['revokedKey', revoked.secret],
    ['readOnlyKey', reader.secret],
    ['elsewhereKey', elsewhere.secret],
    // Segments of HL7 v2 end in it, and no line of a transcript does.
    ['CR', '\r'],
    // What ends a body, and not the line of it.
    ['LF', '\n'],
  ])
}
