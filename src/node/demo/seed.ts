import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Latchkey } from '../../compose.ts'
import { demoFile } from './folder.ts'
import type { Hospital } from './hospital/open.ts'
import { done, seedAccount } from './seed-account.ts'
import { seedOperator } from './seed-operator.ts'
import { seedOpendental, seedPractice, seedXdent, seedXenrad } from './seed-surfaces.ts'

/** A key as a vendor's backend holds it. */
export interface DemoKey {
  readonly apiKey: string
  readonly secret: string
  readonly sourceId: string
}

/** What `demo --json` prints, but for the URLs, which change with the port. */
export interface Seeded {
  /** An account with one key: `Meta.Source` may be left out. */
  readonly redox: DemoKey & { readonly destinationId: string }
  /** An account with two: `Meta.Source.ID` is required. */
  readonly redoxPair: { readonly destinationId: string; readonly keys: readonly DemoKey[] }
  readonly xenrad: { readonly apiKey: string }
  readonly opendental: {
    readonly developerKey: string
    readonly portalKey: string
    /** An office has taken it into use. */
    readonly customerKey: string
    /** No office has. */
    readonly unassignedKey: string
  }
  readonly xdent: { readonly apiKey: string }
  readonly practice: { readonly username: string; readonly apiKey: string }
  /** Who may see and do everything, in a browser. */
  readonly console: { readonly username: string; readonly password: string }
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
 * Vendors, offices and a hospital. The secrets are made here and kept, for the owner's eyes, beside the
 * demo's database, so that a second start shows the same ones.
 */
export async function seed(
  latchkey: Latchkey,
  dataDir: string,
  hospital: Hospital,
): Promise<Seeded> {
  await seedHospital(latchkey, hospital)
  const path = demoFile(dataDir)
  const kept: Partial<Seeded> = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
  const seeded: Seeded = {
    ...(kept.redox && kept.redoxPair
      ? { redox: kept.redox, redoxPair: kept.redoxPair }
      : await seedRedox(latchkey)),
    xenrad: kept.xenrad ?? (await seedXenrad(latchkey)),
    opendental: kept.opendental ?? (await seedOpendental(latchkey)),
    xdent: kept.xdent ?? (await seedXdent(latchkey)),
    practice: kept.practice ?? (await seedPractice(latchkey)),
    console: kept.console ?? (await seedOperator(latchkey)),
  }
  writeFileSync(path, JSON.stringify(seeded), { mode: 0o600 })
  return seeded
}

async function seedRedox(latchkey: Latchkey): Promise<Pick<Seeded, 'redox' | 'redoxPair'>> {
  const destinationId = DESTINATIONS.messages.id
  const [redox] = await seedVendor(latchkey, 'Acme Health', ['Acme production'])
  const keys = await seedVendor(latchkey, 'Beacon Labs', ['Beacon orders', 'Beacon results'])
  if (redox === undefined) throw new Error('the demo vendor has no key')
  return { redox: { ...redox, destinationId }, redoxPair: { destinationId, keys } }
}

/** The destinations belong to an account of their own, as in life. They move with the demo's port. */
async function seedHospital({ accounts, routes, storage }: Latchkey, hospital: Hospital) {
  const { messagesUrl: url, token } = hospital
  let owner: string | undefined
  for (const { id, name } of Object.values(DESTINATIONS)) {
    if ((await storage.findDestination(id)) === null) {
      owner ??= done(await accounts.create({ name: 'Community Hospital' })).id
      const wish = { accountId: owner, name, id, url, token, development: true }
      done(await routes.addDestination(wish))
    } else {
      done(await routes.moveDestination(id, url))
      done(await routes.setToken(id, token))
    }
    const { verified } = done(await routes.verify(id))
    if (!verified) throw new Error('the demo hospital has not met the challenge')
  }
  // What waits since the last start need not wait for the schedule.
  for (const { id, status } of await routes.listSubscriptions({ limit: 100 })) {
    if (status === 'active') done(await routes.setSubscriptionStatus(id, 'active'))
  }
}

async function seedVendor(
  latchkey: Latchkey,
  name: string,
  sources: readonly string[],
): Promise<DemoKey[]> {
  const { keys, routes } = latchkey
  const { accountId, ownerId } = await seedAccount(latchkey, name, 'engineer')
  const made: DemoKey[] = []
  for (const sourceName of sources) {
    const source = done(await routes.addSource({ accountId, name: sourceName }))
    for (const { id } of Object.values(DESTINATIONS)) {
      done(await routes.subscribe({ sourceId: source.id, destinationId: id }))
    }
    const created = done(
      await keys.create({ dialect: 'redox', ownerId, sourceId: source.id, name: sourceName }),
    )
    made.push({ apiKey: created.key.publicId, secret: created.secret, sourceId: source.id })
  }
  return made
}
