import type { Role } from '../../../src/domain/role.ts'
import { startConsoleDestination } from '../delivery/destinations.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  createTestServer,
  type LiveServer,
  startLiveServer,
  type TestServer,
  unwrap,
} from '../server.ts'
import { createTestClock, DAY_MS, MINUTE_MS } from '../time.ts'
import { createTestCaller, PASSWORD } from '../users.ts'
import { seedConsoleKeys, seedRequestHistory } from './console-fixture-data.ts'

/** Age of the accounts and their keys: enough for a key unused for 90 days. */
const ACCOUNT_AGE_MS = 95 * DAY_MS

const SETTINGS = { LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1', LATCHKEY_RETENTION_DAYS: '30' }

/**
 * A server on a socket, as the console of a small group of clinics has it after three months: keys of
 * each key type and state, routes, subscriptions of which one stands still, a month of requests.
 */
export async function openConsoleFixture(settings: Record<string, string> = {}) {
  const receiver = await startConsoleDestination()
  const dir = createTempFolder()
  const seededIds = await seedConsoleData(dir, receiver.url, Date.now())
  const server = await startLiveServer({ ...SETTINGS, ...settings }, { dir })
  await sendMessages((path, init) => fetch(server.url + path, init), seededIds)
  const ids = { ...seededIds, ...(await findRecordedIds(server)) }
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
  const receiver = await startConsoleDestination()
  const dir = createTempFolder()
  // Ids that two processes make in one millisecond are in no order.
  const seeded = await seedConsoleData(dir, receiver.url, now - MINUTE_MS)
  const server = await createTestServer(SETTINGS, { dir, clock: createTestClock(now) })
  await sendMessages(server.call, seeded)
  server.deliveryWorker.start()
  await server.deliveryWorker.startDueQueues()
  await server.deliveryWorker.finish()
  const ids = { ...seeded, ...(await findRecordedIds(server)) }
  return {
    ...server,
    ids,
    async close() {
      await Promise.all([server.close(), receiver.close()])
    },
  }
}

export type ConsoleFixture = Awaited<ReturnType<typeof openConsoleFixture>>
export type ConsoleFixtureIds = ConsoleFixture['ids']

async function seedConsoleData(dir: string, receiverUrl: string, now: number) {
  const clock = createTestClock(now - ACCOUNT_AGE_MS)
  const server = await createTestServer({}, { dir, clock })
  const { accounts, sites, ipAllowlist, destinations, users, sunsets } = server
  const operator = await seedFirstOperator(server)
  const accountId = unwrap(await accounts.create({ name: 'Harbour Lane Clinics' })).id
  const otherAccountId = unwrap(await accounts.create({ name: 'Northfield Dental Group' })).id
  unwrap(await sites.add({ accountId: otherAccountId, name: 'Northfield Square' }))

  const addSignedInUser = (role: 'administrator' | 'engineer' | 'member') =>
    seedInvitedUser(server, { accountId, role, username: USERNAMES[role] })
  const administrator = await addSignedInUser('administrator')
  const engineer = await addSignedInUser('engineer')
  const member = await addSignedInUser('member')
  const engineerInput = { accountId, role: 'engineer' } as const
  const departedUser = unwrap(
    await users.add({
      ...engineerInput,
      email: 'joel.banks@harbour-lane.example',
      username: 'joel.banks',
    }),
  )
  const invitedUser = unwrap(
    await users.add({ ...engineerInput, email: 'nia.castell@harbour-lane.example' }),
  )
  const expiredInvitation = unwrap(await users.invite(invitedUser.id))

  const addDestination = async (name: string, path: string, isVerified = true) => {
    const url = `${receiverUrl}${path}`
    const destination = unwrap(await destinations.add({ accountId, name, url, development: true }))
    if (isVerified) unwrap(await destinations.setVerified(destination.id, true))
    return destination.id
  }
  const registry = await addDestination('State registry', '/registry')
  const closed = await addDestination('Night ward', '/closed/ward')
  const unverified = await addDestination('New referral desk', '/referrals', false)

  const owners = { engineerId: engineer.id, administratorId: administrator.id }
  const keys = await seedConsoleKeys(
    server,
    { accountId, ...owners, departedId: departedUser.id },
    [registry, closed],
  )
  const allowlistIds: string[] = []
  for (const [network, note] of [
    ['127.0.0.0/8', 'This machine'],
    ['203.0.113.0/24', 'Harbour Lane, main line'],
    ['2001:db8:40::/48', 'Mill Street'],
  ] as const) {
    allowlistIds.push(unwrap(await ipAllowlist.add({ accountId, network, note })).id)
  }
  const quarter = now + 90 * DAY_MS
  const sunset = unwrap(
    await sunsets.set({
      accountId,
      keyType: 'practice',
      sunsetAt: quarter,
      documentationUrl: 'https://harbour-lane.example/move-to-oauth',
      brownouts: [{ startsAt: quarter - 7 * DAY_MS, endsAt: quarter - 6 * DAY_MS }],
    }),
  )
  clock.set(now)
  const newUser = unwrap(
    await users.add({
      accountId,
      role: 'member',
      email: 'sam.ortiz@harbour-lane.example',
    }),
  )
  const newInvitation = unwrap(await users.invite(newUser.id))
  await seedRequestHistory(server, accountId, keys.ids, now)
  await server.flushAuditEvents()
  await server.sealAudit()
  await server.storage.close()
  return {
    accountId,
    otherAccountId,
    users: {
      operator: operator.id,
      administrator: administrator.id,
      engineer: engineer.id,
      member: member.id,
      departedUser: departedUser.id,
    },
    allowlistIds,
    sunset: sunset.id,
    destinations: { registry, closed, unverified },
    /** The secret of a link that was sent three months ago, and never opened. */
    expiredLink: expiredInvitation.secret,
    /** The secret of a link that was sent just now. */
    freshLink: newInvitation.secret,
    ...keys,
  }
}

/** Finds the message, request and event that the pages of one of them show. */
async function findRecordedIds({
  messages,
  audit,
  flushAuditEvents,
}: Pick<LiveServer, 'messages' | 'audit' | 'flushAuditEvents'>) {
  await flushAuditEvents()
  const [[message], [refusalEvent]] = await Promise.all([
    messages.list({ limit: 1 }),
    audit.list({ action: 'key.refused', limit: 1 }),
  ])
  return { message: message?.id ?? '', request: refusalEvent?.requestId ?? '' }
}

/** As the key's holder sends them: some arrive, some wait before a closed door. */
async function sendMessages(
  send: (path: string, init: RequestInit) => Promise<Response>,
  ids: Awaited<ReturnType<typeof seedConsoleData>>,
): Promise<void> {
  const { apiKey, secret } = ids.secrets['Nightly results'] ?? {}
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    send(path, { method: 'POST', body: JSON.stringify(body), headers })
  const tokens = await post('/auth/authenticate', { apiKey, secret })
  const { accessToken } = (await tokens.json()) as { accessToken: string }
  await post('/auth/authenticate', ids.secrets['Scheduling bridge'] ?? {})
  const { registry, closed } = ids.destinations
  const from = { Source: { ID: ids.addSource } }
  for (const destination of [registry, closed, registry, registry, closed]) {
    const sent = await post('/endpoint', createDeviceNewMessage(destination, from), {
      Authorization: `Bearer ${accessToken}`,
    })
    if (!sent.ok) throw new Error(`the message was not taken: ${await sent.text()}`)
  }
}

/** The users who can sign in to the console: one of each role, by username. */
export const USERNAMES = {
  operator: 'mara.olsen',
  administrator: 'tom.adeyemi',
  engineer: 'ines.roth',
  member: 'lena.park',
} as const satisfies Record<Role, string>

/** The first operator, with an account of its own, as the printed link makes it. */
export async function seedFirstOperator({ signInServices, users }: TestServer) {
  const { secret } = unwrap(await users.inviteFirstOperator())
  const input = {
    accountName: 'Meridian Health IT',
    email: 'mara.olsen@meridian.example',
    username: USERNAMES.operator,
    password: PASSWORD,
  }
  return unwrap(await signInServices.acceptInvitation(secret, input, createTestCaller()))
}

/** Creates a user of the account who has chosen a password. */
export async function seedInvitedUser(
  { users, signInServices }: TestServer,
  { accountId, role, username }: { accountId: string; role: Role; username: string },
) {
  const email = `${username}@harbour-lane.example`
  const user = unwrap(await users.add({ accountId, email, role, username }))
  const { secret } = unwrap(await users.invite(user.id))
  unwrap(await signInServices.acceptInvitation(secret, { password: PASSWORD }, createTestCaller()))
  return user
}
