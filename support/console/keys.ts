import type { Dialect } from '../../src/domain/dialect.ts'
import { done, type TestServer } from '../../test/support/server.ts'

const DAY = 86_400_000

interface Owners {
  readonly accountId: string
  readonly engineerId: string
  readonly administratorId: string
  readonly departedId: string
}

/** Keys of each dialect and in each state of their life; answers their row ids by name. */
export async function seedKeys(server: TestServer, of: Owners, destinations: readonly string[]) {
  const { accounts, clock } = server
  const { accountId, engineerId, administratorId, departedId } = of
  const { keys, routes } = server.deskOf({ actor: engineerId, role: 'engineer', accountId })
  const { places } = server.deskOf({ actor: administratorId, role: 'administrator', accountId })
  const ids: Record<string, string> = {}
  const secrets: Record<string, { apiKey: string; secret: string }> = {}

  const make = async (
    name: string,
    dialect: Dialect,
    where: { sourceId?: string; siteId?: string; developerId?: string; expiresAt?: number } = {},
    ownerId = engineerId,
  ) => {
    const { key, secret } = done(await keys.create({ dialect, name, ownerId, ...where }))
    ids[name] = key.id
    secrets[name] = { apiKey: key.publicId, secret }
    return key.id
  }
  const source = async (name: string) => done(await routes.addSource({ accountId, name })).id
  const site = async (name: string) => done(await places.addSite({ accountId, name })).id

  const harbour = await site('Harbour Lane')
  const mill = await site('Mill Street')
  await site('North Quay')
  const laboratory = await source('Laboratory results')
  await make('Nightly results', 'redox', { sourceId: laboratory })
  await make('Old lab interface', 'redox', { sourceId: await source('Old lab interface') })
  clock.turn(60 * DAY)
  await make('Radiology desk', 'xenrad', { siteId: harbour }, administratorId)
  const soon = clock() + 41 * DAY
  await make('Imaging archive', 'xenrad', { siteId: mill, expiresAt: soon })
  const developer = done(await places.addDeveloper({ accountId, name: 'Recall Reminders' })).id
  await make('Recall portal', 'opendental-portal', { developerId: developer })
  const office = await make('Maple Street Dental', 'opendental', { developerId: developer })
  done(await keys.assign(office, mill))
  await make('Next dental office', 'opendental', { developerId: developer })
  await make('Online booking', 'xdent')
  clock.turn(20 * DAY)
  await make('Front desk automation', 'practice', {}, administratorId)
  await make('Claims exporter', 'practice', {}, departedId)
  done(await accounts.leave(departedId))
  const trial = await make('Vendor trial', 'xdent')
  clock.turn(10 * DAY)
  done(await keys.revoke(trial))
  const paused = await make('Scheduling bridge', 'redox', { sourceId: await source('Scheduling') })
  done(await keys.disable(paused))
  done(
    await keys.edit(ids['Nightly results'] ?? '', {
      description: 'Carries the results of the night to the registry, at half past four.',
    }),
  )
  const feeds: string[] = []
  for (const destinationId of destinations) {
    feeds.push(done(await routes.subscribe({ sourceId: laboratory, destinationId })).id)
  }
  return { ids, secrets, developer, site: harbour, source: laboratory, feeds }
}
