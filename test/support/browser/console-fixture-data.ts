import type { KeyType } from '../../../src/domain/key-type.ts'
import type { CreateKeyInput } from '../../../src/service/keys/input.ts'
import type { HourlyTraffic } from '../../../src/service/ports/dashboard.ts'
import { type TestServer, unwrap } from '../server.ts'
import { DAY_MS, HOUR_MS } from '../time.ts'

interface KeyOwners {
  readonly accountId: string
  readonly engineerId: string
  readonly administratorId: string
  readonly departedId: string
}

/** Keys of each key type and in each state of their life; answers their row ids by name. */
export async function seedConsoleKeys(
  server: TestServer,
  owners: KeyOwners,
  destinations: readonly string[],
) {
  const { clock } = server
  const { accountId, engineerId, administratorId, departedId } = owners
  const { keys, sources, subscriptions } = server.servicesFor({
    actor: engineerId,
    role: 'engineer',
    accountId,
  })
  const { sites, developers } = server.servicesFor({
    actor: administratorId,
    role: 'administrator',
    accountId,
  })
  const ids: Record<string, string> = {}
  const secrets: Record<string, { apiKey: string; secret: string }> = {}

  const createKey = async (
    name: string,
    keyType: KeyType,
    keyOwner: Partial<Omit<CreateKeyInput, 'keyType' | 'name' | 'ownerId'>> = {},
    ownerId = engineerId,
  ) => {
    const { key, secret } = unwrap(await keys.create({ keyType, name, ownerId, ...keyOwner }))
    ids[name] = key.id
    secrets[name] = { apiKey: key.publicId, secret: secret ?? '' }
    return key.id
  }
  const addSource = async (name: string) => unwrap(await sources.add({ accountId, name })).id
  const addSite = async (name: string) => unwrap(await sites.add({ accountId, name })).id

  const harbour = await addSite('Harbour Lane')
  const mill = await addSite('Mill Street')
  await addSite('North Quay')
  const laboratory = await addSource('Laboratory results')
  await createKey('Nightly results', 'redox', { sourceId: laboratory })
  await createKey('Old lab interface', 'redox', { sourceId: await addSource('Old lab interface') })
  clock.advance(60 * DAY_MS)
  await createKey('Radiology desk', 'xenrad', { siteId: harbour }, administratorId)
  const expiresSoonAt = clock() + 41 * DAY_MS
  await createKey('Imaging archive', 'xenrad', { siteId: mill, expiresAt: expiresSoonAt })
  const developer = unwrap(await developers.add({ accountId, name: 'Recall Reminders' })).id
  await createKey('Recall portal', 'opendental-portal', { developerId: developer })
  const officeKeyId = await createKey('Maple Street Dental', 'opendental', {
    developerId: developer,
  })
  unwrap(await keys.assign(officeKeyId, mill))
  await createKey('Next dental office', 'opendental', { developerId: developer })
  await createKey('Online booking', 'xdent')
  clock.advance(20 * DAY_MS)
  await createKey('Front desk automation', 'practice', {}, administratorId)
  await createKey('Claims exporter', 'practice', {}, departedId)
  unwrap(await server.users.deactivate(departedId))
  const trialKeyId = await createKey('Vendor trial', 'xdent')
  clock.advance(10 * DAY_MS)
  unwrap(await keys.revoke(trialKeyId))
  const pausedKeyId = await createKey('Scheduling bridge', 'redox', {
    sourceId: await addSource('Scheduling'),
  })
  unwrap(await keys.disable(pausedKeyId))
  unwrap(
    await keys.edit(ids['Nightly results'] ?? '', {
      description: 'Carries the results of the night to the registry, at half past four.',
    }),
  )
  const clientKeyId = await createKey('Results feed', 'oauth', {
    oauthClient: {
      jwksUrl: 'https://vendor.example/jwks.json',
      scopes: ['fhir:production', 'system/Observation.rs'],
      sourceIds: [laboratory],
      siteIds: [harbour, mill],
    },
  })
  const why = 'audience_other: its aud is "https://old.example"'
  await server.storage.setLastRefusals([{ keyId: clientKeyId, at: clock(), why }])
  const subscriptionIds: string[] = []
  for (const destinationId of destinations) {
    subscriptionIds.push(
      unwrap(await subscriptions.create({ sourceId: laboratory, destinationId })).id,
    )
  }
  return {
    ids,
    secrets,
    developer,
    addSite: harbour,
    addSource: laboratory,
    subscriptions: subscriptionIds,
  }
}

const HISTORY_DAYS = 30

/** How busy each key is; the others were never used. */
const MAX_DAILY_USES: Readonly<Record<string, number>> = {
  'Nightly results': 140,
  'Radiology desk': 60,
  'Imaging archive': 24,
  'Recall portal': 3,
  'Maple Street Dental': 38,
  'Front desk automation': 17,
  'Claims exporter': 9,
}

const ADMITTED_PER_HOUR: readonly (readonly [KeyType, number])[] = [
  ['redox', 90],
  ['xenrad', 40],
  ['opendental', 22],
  ['xdent', 9],
  ['practice', 12],
]

const REFUSED_PER_HOUR: readonly (readonly [KeyType, HourlyTraffic['outcome'], number])[] = [
  ['redox', 'secret_wrong', 4],
  ['redox', 'token_expired', 7],
  ['xenrad', 'address_refused', 3],
  ['opendental', 'key_unassigned', 2],
  ['xdent', 'key_disabled', 5],
]

/** A month of requests: busy by day, quiet by night and at weekends. */
export async function seedRequestHistory(
  { storage }: TestServer,
  accountId: string,
  keyIds: Readonly<Record<string, string>>,
  now: number,
): Promise<void> {
  const today = Math.floor(now / (24 * HOUR_MS))
  const uses = Object.entries(MAX_DAILY_USES).flatMap(([name, maximum], key) =>
    Array.from({ length: HISTORY_DAYS }, (_, ago) => {
      const day = today - ago
      const lastAt = Math.min(day * 24 * HOUR_MS + 20 * HOUR_MS, now - HOUR_MS)
      return {
        keyId: keyIds[name] ?? '',
        day,
        uses: computeActivity(maximum, day, ago + 3 * key),
        lastAt,
      }
    }),
  )
  await storage.addKeyUses(uses.filter((use) => use.uses > 0))

  const thisHour = Math.floor(now / HOUR_MS)
  const rows: HourlyTraffic[] = []
  for (let ago = 0; ago < HISTORY_DAYS * 24; ago++) {
    const hour = thisHour - ago
    const share = computeActivity(100, Math.floor(hour / 24), hour) * (hour % 24 < 6 ? 0.2 : 1)
    const count = (maximum: number) => Math.round((maximum * share) / 100)
    for (const [keyType, maximum] of ADMITTED_PER_HOUR) {
      rows.push({ hour, accountId, keyType, outcome: 'admitted', requests: count(maximum) })
    }
    for (const [n, [keyType, outcome, maximum]] of REFUSED_PER_HOUR.entries()) {
      if ((hour + n) % 5 === 0)
        rows.push({ hour, accountId, keyType, outcome, requests: count(maximum) })
    }
  }
  await storage.addTraffic(rows.filter(({ requests }) => requests > 0))
}

/** Up to so many, less at weekends; the same at every start, for chance draws no picture twice. */
function computeActivity(maximum: number, day: number, n: number): number {
  const weekday = (day + 4) % 7
  const rest = weekday === 0 || weekday === 6 ? 0.25 : 1
  return Math.round(maximum * rest * (0.65 + 0.35 * Math.sin(n * 1.7)))
}
