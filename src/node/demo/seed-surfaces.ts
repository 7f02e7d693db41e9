import type { Latchkey } from '../../compose.ts'
import type { Seeded } from './seed.ts'
import { done, seedAccount } from './seed-account.ts'

/** A radiology group with one site. */
export async function seedXenrad(latchkey: Latchkey): Promise<Seeded['xenrad']> {
  const { accountId, ownerId } = await seedAccount(latchkey, 'Coastal Imaging', 'administrator')
  const site = done(await latchkey.places.addSite({ accountId, name: 'Harbor Clinic' }))
  const wish = { dialect: 'xenrad', ownerId, siteId: site.id, name: 'Harbor Clinic RIS' } as const
  return { apiKey: done(await latchkey.keys.create(wish)).secret }
}

/** A developer with two customer keys, one of which an office has taken into use. */
export async function seedOpendental(latchkey: Latchkey): Promise<Seeded['opendental']> {
  const { keys, places } = latchkey
  const { accountId, ownerId } = await seedAccount(latchkey, 'Recall Software', 'engineer')
  const developer = done(await places.addDeveloper({ accountId, name: 'Recall Software' }))
  const of = { ownerId, developerId: developer.id }
  const portal = { ...of, dialect: 'opendental-portal', name: 'Developer portal' } as const
  const customer = { ...of, dialect: 'opendental' } as const
  const portalKey = done(await keys.create(portal)).secret
  const assigned = done(await keys.create({ ...customer, name: 'Maple Street Dental' }))
  const unassigned = done(await keys.create({ ...customer, name: 'Next office' }))

  const office = await seedAccount(latchkey, 'Maple Street Dental', 'administrator')
  const where = { accountId: office.accountId, name: 'Maple Street' }
  const site = done(await places.addSite(where))
  done(await keys.assign(assigned.key.id, site.id))
  return {
    developerKey: developer.developerKey,
    portalKey,
    customerKey: assigned.secret,
    unassignedKey: unassigned.secret,
  }
}

export async function seedXdent(latchkey: Latchkey): Promise<Seeded['xdent']> {
  const { ownerId } = await seedAccount(latchkey, 'Bright Smiles', 'administrator')
  const wish = { dialect: 'xdent', ownerId, name: 'Online booking' } as const
  const { key, secret } = done(await latchkey.keys.create(wish))
  return { apiKey: `${key.publicId}.${secret}` }
}

export async function seedPractice(latchkey: Latchkey): Promise<Seeded['practice']> {
  const username = 'frontdesk'
  const { ownerId } = await seedAccount(latchkey, 'Elm Practice', 'administrator', username)
  const wish = { dialect: 'practice', ownerId, name: 'Automation' } as const
  return { username, apiKey: done(await latchkey.keys.create(wish)).secret }
}
