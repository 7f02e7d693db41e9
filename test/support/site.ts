import type { KeyWish } from '../../src/service/keys/wish.ts'
import { done, type TestServer } from './server.ts'

type Services = Pick<TestServer, 'accounts' | 'keys' | 'places'>

/** A site, the person who answers for it, and a key that opens its surfaces. */
export type SiteKey = Awaited<ReturnType<typeof seedSite>>

export async function seedSite(
  { accounts, keys, places }: Services,
  { region, ...wish }: Partial<KeyWish> & { region?: string } = {},
) {
  const account = done(
    await accounts.create({ name: 'North Imaging', ...(region && { region, otherRegion: true }) }),
  )
  const accountId = account.id
  const email = `${crypto.randomUUID()}@imaging.example`
  const owner = done(await accounts.addUser({ accountId, email, role: 'administrator' }))
  const site = done(await places.addSite({ accountId, name: 'Main Street' }))
  const { key, secret } = done(
    await keys.create({
      dialect: 'xenrad',
      ownerId: owner.id,
      siteId: site.id,
      name: 'PACS',
      ...wish,
    }),
  )
  return {
    accountId,
    ownerId: owner.id,
    siteId: site.id,
    /** Its row, as an operator names it. */
    keyId: key.id,
    publicId: key.publicId,
    secret,
  }
}
