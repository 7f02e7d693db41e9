import { DIALECTS, type Dialect } from '../../src/domain/dialect.ts'
import { done, type TestServer } from './server.ts'

/** One key of each dialect, all of one person and one account. */
export async function seedEveryDialect({ accounts, keys, places, routes }: TestServer) {
  const account = done(await accounts.create({ name: 'All Of Them' }))
  const accountId = account.id
  const username = `all-${crypto.randomUUID()}`
  const owner = done(
    await accounts.addUser({
      accountId,
      email: 'all@smiles.example',
      role: 'administrator',
      username,
    }),
  )
  const site = done(await places.addSite({ accountId, name: 'Main' }))
  const source = done(await routes.addSource({ accountId, name: 'Nightly' }))
  const developer = done(await places.addDeveloper({ accountId, name: 'Dev' }))
  const place = { source: { sourceId: source.id }, site: { siteId: site.id } }

  const made = []
  for (const [dialect, { belongsTo }] of Object.entries(DIALECTS)) {
    const where =
      belongsTo === 'owner'
        ? {}
        : belongsTo === 'developer'
          ? { developerId: developer.id }
          : place[belongsTo]
    const wish = { dialect: dialect as Dialect, ownerId: owner.id, name: dialect, ...where }
    const { key, secret } = done(await keys.create(wish))
    made.push({ dialect: wish.dialect, publicId: key.publicId, secret })
  }
  return { username, developerKey: developer.developerKey, keys: made }
}
