import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Latchkey } from '../../compose.ts'
import type { Done } from '../../service/operator.ts'

/** A key as a vendor's backend holds it. */
export interface DemoKey {
  readonly apiKey: string
  readonly secret: string
  readonly sourceId: string
}

/** What `demo --json` prints of the first dialect. */
export interface Seeded {
  /** An account with one key: `Meta.Source` may be left out. */
  readonly redox: DemoKey & { readonly destinationId: string }
  /** An account with two: `Meta.Source.ID` is required. */
  readonly redoxPair: { readonly destinationId: string; readonly keys: readonly DemoKey[] }
}

/** The ids of the vendor's own samples, so that those work as they stand. */
export const DESTINATIONS = {
  messages: { id: 'af394f14-b34a-464f-8d24-895f370af4c9', name: 'Redox EMR' },
  patientSearch: {
    id: '0f4bd1d1-451d-4351-8cfd-b767d1b488d6',
    name: 'Patient Search Endpoint',
  },
  clinicalSummary: {
    id: 'ef9e7448-7f65-4432-aa96-059647e9b357',
    name: 'Clinical Summary Endpoint',
  },
}

/**
 * Two vendors and a hospital. The secrets are made here and kept, for the owner's eyes, beside the
 * demo's database, so that a second start shows the same ones.
 */
export async function seed(latchkey: Latchkey, dataDir: string, hospitalUrl: string) {
  await seedHospital(latchkey, hospitalUrl)
  const kept = join(dataDir, 'demo.json')
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8')) as Seeded

  const destinationId = DESTINATIONS.messages.id
  const [redox] = await seedVendor(latchkey, 'Acme Health', ['Acme production'])
  const pair = await seedVendor(latchkey, 'Beacon Labs', ['Beacon orders', 'Beacon results'])
  if (redox === undefined) throw new Error('the demo vendor has no key')
  const seeded: Seeded = {
    redox: { ...redox, destinationId },
    redoxPair: { destinationId, keys: pair },
  }
  writeFileSync(kept, JSON.stringify(seeded), { mode: 0o600 })
  return seeded
}

/** The destinations belong to an account of their own, as in life. They move with the demo's port. */
async function seedHospital({ accounts, routes, storage }: Latchkey, url: string) {
  let owner: string | undefined
  for (const { id, name } of Object.values(DESTINATIONS)) {
    if ((await storage.findDestination(id)) === null) {
      owner ??= done(await accounts.create({ name: 'Community Hospital' })).id
      done(await routes.addDestination({ accountId: owner, name, id, url, development: true }))
    } else {
      done(await routes.moveDestination(id, url))
    }
    done(await routes.setVerified(id, true))
  }
}

async function seedVendor(
  { accounts, keys, routes }: Latchkey,
  name: string,
  sources: readonly string[],
): Promise<DemoKey[]> {
  const account = done(await accounts.create({ name }))
  const email = `engineer@${name.toLowerCase().replaceAll(' ', '-')}.example`
  const owner = done(await accounts.addUser({ accountId: account.id, email, role: 'engineer' }))
  const made: DemoKey[] = []
  for (const sourceName of sources) {
    const source = done(await routes.addSource({ accountId: account.id, name: sourceName }))
    for (const { id } of Object.values(DESTINATIONS)) {
      done(await routes.subscribe({ sourceId: source.id, destinationId: id }))
    }
    const created = done(
      await keys.create({
        dialect: 'redox',
        ownerId: owner.id,
        sourceId: source.id,
        name: sourceName,
      }),
    )
    made.push({ apiKey: created.key.publicId, secret: created.secret, sourceId: source.id })
  }
  return made
}

function done<T>(result: Done<T>): T {
  if (!result.ok) throw new Error(`the demo cannot be seeded: ${result.failure.message}`)
  return result.value
}
