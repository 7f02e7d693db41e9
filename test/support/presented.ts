import { readConfig } from '../../src/config.ts'
import { open } from '../../src/node/server.ts'
import { done, testLog } from './server.ts'

/** Keys whose secret is presented at every request, and how often each of them was used. */
export interface Presented {
  readonly xdent: { readonly keyId: string; readonly secret: string }
  readonly practice: { readonly id: string; readonly secret: string }
  /** Rows in the tables that no exchanged key needs. */
  readonly rows: Readonly<Record<string, number>>
}

/**
 * Beside what is in this folder's database: a username, a site, a developer, an address rule, a key of
 * each dialect that is presented, one of them in an overlap, and their uses.
 */
export async function seedPresented(dir: string): Promise<Presented> {
  const config = readConfig({ LATCHKEY_DATA: dir })
  const latchkey = await open(config, { publicUrl: 'http://localhost', log: testLog() })
  const { accounts, places, keys, storage } = latchkey
  try {
    const [account] = await accounts.list({ limit: 1 })
    const accountId = account?.id ?? ''
    const email = 'it\'s "quoted" 🏥@acme.example'.replaceAll(' ', '')
    const person = { accountId, email, role: 'administrator', username: 'north.office' } as const
    const { id: ownerId } = done(await accounts.addUser(person))
    const site = done(await places.addSite({ accountId, name: 'Nord — ﷺ' }))
    const developer = done(await places.addDeveloper({ accountId, name: "O'Maker" }))
    const note = "the office's own line"
    done(await places.addAddress({ accountId, network: '2001:db8::/32', note }))
    const common = { ownerId, name: 'key', description: 'two\nlines', reference: 'PO-17' }
    const make = async (wish: Parameters<typeof keys.create>[0]) => done(await keys.create(wish))
    const made = [
      await make({ ...common, dialect: 'xenrad', siteId: site.id }),
      await make({ ...common, dialect: 'opendental', developerId: developer.id, access: 'read' }),
      await make({ ...common, dialect: 'opendental-portal', developerId: developer.id }),
    ]
    const xdent = await make({ ...common, dialect: 'xdent' })
    const practice = await make({ ...common, dialect: 'practice' })
    done(await keys.assign(made[1]?.key.id ?? '', site.id))
    done(await keys.disable(made[0]?.key.id ?? '', 'customer'))
    const replaced = done(await keys.rotateSecret(practice.key.id, { overlapMs: 86_400_000 }))
    await storage.addKeyUses([
      { keyId: xdent.key.id, day: 20_000, uses: 3, lastAt: 20_000 * 86_400_000 },
      { keyId: xdent.key.id, day: 20_001, uses: 4, lastAt: 20_001 * 86_400_000 },
      { keyId: practice.key.id, day: 20_001, uses: 1, lastAt: 20_001 * 86_400_000 },
    ])
    return {
      xdent: { keyId: xdent.key.publicId, secret: xdent.secret },
      practice: { id: practice.key.id, secret: replaced.secret },
      rows: { users: 1, sites: 1, developers: 1, address_rules: 1, keys: 5, key_uses: 3 },
    }
  } finally {
    await storage.close()
  }
}
