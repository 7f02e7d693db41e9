import { type LiveServer, startLive } from '../../test/support/live.ts'
import {
  deviceNew,
  done,
  temporaryFolder,
  testClock,
  testServer,
} from '../../test/support/server.ts'
import { seedKeys } from './keys.ts'
import { seedPast } from './past.ts'
import { SIGNS_IN, seedOperator, seedSignedUp } from './people.ts'
import { openReceiver } from './receiver.ts'

const DAY = 86_400_000
const MINUTE_MS = 60_000
/** Of the keys' first day: old enough for one that nobody has used for a season. */
const LIVED_MS = 95 * DAY

const SETTINGS = { LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1', LATCHKEY_RETENTION_DAYS: '30' }

/**
 * A server on a socket, as the console of a small group of clinics has it after three months: keys of
 * each dialect and state, routes, feeds of which one stands still, a month of requests.
 */
export async function openWorld(settings: Record<string, string> = {}) {
  const receiver = await openReceiver()
  const dir = temporaryFolder()
  const seeded = await seedMonths(dir, receiver.url, Date.now())
  const server = await startLive({ ...SETTINGS, ...settings }, { dir })
  await sendMessages((path, init) => fetch(server.url + path, init), seeded)
  const ids = { ...seeded, ...(await happened(server)) }
  return {
    ...server,
    ids,
    receiver,
    async close() {
      await Promise.all([server.close(), receiver.close()])
    },
  }
}

/**
 * The same without sockets, at an instant that stays, so that its pages are the same in each run. Its
 * messages have been attempted once.
 */
export async function openWorldAt(now: number) {
  const receiver = await openReceiver()
  const dir = temporaryFolder()
  // Ids that two processes make in one millisecond are in no order.
  const seeded = await seedMonths(dir, receiver.url, now - MINUTE_MS)
  const server = await testServer(SETTINGS, { dir, clock: testClock(now) })
  await sendMessages(server.call, seeded)
  server.deliver.start()
  await server.deliver.look()
  await server.deliver.finish()
  const ids = { ...seeded, ...(await happened(server)) }
  return {
    ...server,
    ids,
    async close() {
      await Promise.all([server.close(), receiver.close()])
    },
  }
}

export type World = Awaited<ReturnType<typeof openWorld>>
export type WorldIds = World['ids']

async function seedMonths(dir: string, receiverUrl: string, now: number) {
  const clock = testClock(now - LIVED_MS)
  const server = await testServer({}, { dir, clock })
  const { accounts, places, routes, people } = server
  const operator = await seedOperator(server)
  const accountId = done(await accounts.create({ name: 'Harbour Lane Clinics' })).id
  const otherAccountId = done(await accounts.create({ name: 'Northfield Dental Group' })).id
  done(await places.addSite({ accountId: otherAccountId, name: 'Northfield Square' }))

  const signedUp = (role: 'administrator' | 'engineer' | 'member') =>
    seedSignedUp(server, { accountId, role, username: SIGNS_IN[role] })
  const administrator = await signedUp('administrator')
  const engineer = await signedUp('engineer')
  const member = await signedUp('member')
  const of = { accountId, role: 'engineer' } as const
  const departed = done(
    await accounts.addUser({
      ...of,
      email: 'joel.banks@harbour-lane.example',
      username: 'joel.banks',
    }),
  )
  const invited = done(await accounts.addUser({ ...of, email: 'nia.castell@harbour-lane.example' }))
  const expired = done(await people.invite(invited.id))

  const destination = async (name: string, path: string, isVerified = true) => {
    const url = `${receiverUrl}${path}`
    const made = done(await routes.addDestination({ accountId, name, url, development: true }))
    if (isVerified) done(await routes.setVerified(made.id, true))
    return made.id
  }
  const registry = await destination('State registry', '/registry')
  const closed = await destination('Night ward', '/closed/ward')
  const unverified = await destination('New referral desk', '/referrals', false)

  const owners = { engineerId: engineer.id, administratorId: administrator.id }
  const keys = await seedKeys(server, { accountId, ...owners, departedId: departed.id }, [
    registry,
    closed,
  ])
  const addresses: string[] = []
  for (const [network, note] of [
    ['127.0.0.0/8', 'This machine'],
    ['203.0.113.0/24', 'Harbour Lane, main line'],
    ['2001:db8:40::/48', 'Mill Street'],
  ] as const) {
    addresses.push(done(await places.addAddress({ accountId, network, note })).id)
  }
  clock.set(now)
  const newcomer = done(
    await accounts.addUser({
      accountId,
      role: 'member',
      email: 'sam.ortiz@harbour-lane.example',
    }),
  )
  const fresh = done(await people.invite(newcomer.id))
  await seedPast(server, accountId, keys.ids, now)
  await server.record()
  await server.seal()
  await server.storage.close()
  return {
    accountId,
    otherAccountId,
    people: {
      operator: operator.id,
      administrator: administrator.id,
      engineer: engineer.id,
      member: member.id,
      departed: departed.id,
    },
    addresses,
    destinations: { registry, closed, unverified },
    /** Of a link that was sent three months ago, and never opened. */
    expiredLink: expired.secret,
    /** Of one that was sent just now. */
    freshLink: fresh.secret,
    ...keys,
  }
}

/** What pages of one message, one request and one event are about. */
async function happened({
  messages,
  audit,
  record,
}: Pick<LiveServer, 'messages' | 'audit' | 'record'>) {
  await record()
  const [[message], [refusal]] = await Promise.all([
    messages.list({ limit: 1 }),
    audit.list({ action: 'key.refused', limit: 1 }),
  ])
  return { message: message?.id ?? '', request: refusal?.requestId ?? '' }
}

/** As the key's holder sends them: some arrive, some wait before a closed door. */
async function sendMessages(
  send: (path: string, init: RequestInit) => Promise<Response>,
  ids: Awaited<ReturnType<typeof seedMonths>>,
): Promise<void> {
  const { apiKey, secret } = ids.secrets['Nightly results'] ?? {}
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    send(path, { method: 'POST', body: JSON.stringify(body), headers })
  const tokens = await post('/auth/authenticate', { apiKey, secret })
  const { accessToken } = (await tokens.json()) as { accessToken: string }
  await post('/auth/authenticate', ids.secrets['Scheduling bridge'] ?? {})
  const { registry, closed } = ids.destinations
  const from = { Source: { ID: ids.source } }
  for (const destination of [registry, closed, registry, registry, closed]) {
    const sent = await post('/endpoint', deviceNew(destination, from), {
      Authorization: `Bearer ${accessToken}`,
    })
    if (!sent.ok) throw new Error(`the message was not taken: ${await sent.text()}`)
  }
}
