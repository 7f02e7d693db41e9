import { rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { type DestinationBehavior, startDestination } from '../../support/delivery/destinations.ts'
import { startServerProcess } from '../../support/process.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  createTestServer,
  seedKey,
  type TokenResponse,
  unwrap,
} from '../../support/server.ts'

/** The receiver of these tests is on this machine. */
const LOOPBACK_SETTINGS = { LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' }

/*
 * The whole way: a vendor's request, a server in processes of its own, a destination behind a socket.
 */

let dir: string
let receiver: Awaited<ReturnType<typeof startDestination>>
let behavior: DestinationBehavior
beforeEach(async () => {
  dir = createTempFolder()
  behavior = 'take'
  receiver = await startDestination(() => behavior)
})
afterEach(async () => {
  await receiver.close()
  rmSync(dir, { recursive: true, force: true })
})

/** A vendor whose messages go to the receiver. */
async function seed() {
  const offline = await createTestServer(
    {},
    { dir, clock: Object.assign(Date.now, { advance() {}, set() {} }) },
  )
  const vendor = await seedKey(offline)
  const { accountId, sourceId } = vendor
  const input = { accountId, name: 'Local EMR', url: `${receiver.url}/messages`, development: true }
  const destination = unwrap(await offline.destinations.add(input))
  unwrap(await offline.destinations.setVerified(destination.id, true))
  const route = { sourceId, destinationId: destination.id }
  const { id: subscriptionId } = unwrap(await offline.subscriptions.create(route))
  await offline.storage.close()
  return { ...vendor, destinationId: destination.id, subscriptionId }
}

const post = (url: string, body: object, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  })

async function seedServerVendor(
  url: string,
  { apiKey, secret, destinationId }: Awaited<ReturnType<typeof seed>>,
) {
  const answer = await post(`${url}/auth/authenticate`, { apiKey, secret })
  const { accessToken } = (await answer.json()) as TokenResponse
  return async (FacilityCode: string) => {
    const message = createDeviceNewMessage(destinationId, { FacilityCode })
    const sent = await post(`${url}/endpoint`, message, { Authorization: `Bearer ${accessToken}` })
    expect(sent.status).toBe(200)
    return (await sent.json()) as { Meta: object }
  }
}

const listFacilityCodes = () =>
  receiver.requests.map(({ body }) => JSON.parse(body).Meta.FacilityCode as string)
const createFacilities = (count: number) => Array.from({ length: count }, (_, n) => `facility ${n}`)

/** Resolves when the database says so. */
async function waitUntilStored(question: string, wanted: unknown): Promise<void> {
  const db = new Database(join(dir, 'latchkey.db'), { readonly: true })
  const prepared = db.prepare(question).pluck()
  while (prepared.get() !== wanted) await new Promise((resolve) => setTimeout(resolve, 20))
  db.close()
}
const waitUntilDelivered = (count: number) =>
  waitUntilStored(`SELECT count(*) FROM deliveries WHERE status = 'delivered'`, count)

test('a message that is accepted arrives at once, with what its sender was answered', async () => {
  const vendor = await seed()
  const server = await startServerProcess(dir, LOOPBACK_SETTINGS)
  const send = await seedServerVendor(server.url, vendor)
  const { Meta } = await send('North')
  await waitUntilDelivered(1)
  const [arrived] = receiver.requests
  expect(arrived?.path).toBe('/messages')
  expect(arrived?.headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8' })
  expect(JSON.parse(arrived?.body ?? '')).toEqual({
    ...createDeviceNewMessage(vendor.destinationId),
    Meta: {
      ...Meta,
      Source: { ID: vendor.sourceId, Name: 'Acme Source' },
      EventDateTime: '2015-03-25T20:52:35.000Z',
      Test: false,
      FacilityCode: 'North',
    },
  })
  expect(await server.stop()).toBe(0)
})

test('messages that several processes accept are delivered once, in the order of their answers', async () => {
  const vendor = await seed()
  const server = await startServerProcess(dir, LOOPBACK_SETTINGS, ['--workers', '3'])
  const sends = await Promise.all([1, 2, 3].map(() => seedServerVendor(server.url, vendor)))
  for (const [n, code] of createFacilities(90).entries()) await sends[n % 3]?.(code)
  await waitUntilDelivered(90)
  expect(listFacilityCodes()).toEqual(createFacilities(90))
  expect(await server.stop()).toBe(0)
})

test('a server that is killed during a delivery continues it after its restart', async () => {
  const vendor = await seed()
  const first = await startServerProcess(dir, LOOPBACK_SETTINGS)
  const send = await seedServerVendor(first.url, vendor)
  behavior = 'hang'
  for (const code of createFacilities(3)) await send(code)
  await receiver.waitForRequests(1)
  await first.kill()
  behavior = 'take'
  const second = await startServerProcess(dir, LOOPBACK_SETTINGS)
  await waitUntilDelivered(3)
  // Nobody knew whether the first had arrived.
  expect(listFacilityCodes()).toEqual(['facility 0', ...createFacilities(3)])
  await second.stop()
})

test('an operator sees why a message waits, and has it tried, skipped or replayed', async () => {
  const vendor = await seed()
  const server = await startServerProcess(dir, {
    ...LOOPBACK_SETTINGS,
    LATCHKEY_RETENTION_DAYS: '1',
  })
  const send = await seedServerVendor(server.url, vendor)
  const runJsonCommand = async (...args: string[]) => {
    const { code, stdout, stderr } = await runWarmCli([...args, '--json'], { dir })
    expect([code, stderr]).toEqual([0, ''])
    return JSON.parse(stdout)
  }
  behavior = 'refuse'
  for (const code of createFacilities(2)) await send(code)
  await waitUntilStored('SELECT count(*) FROM attempts', 2)

  const [second, first] = (await runJsonCommand('messages', 'list')).items
  const attempts = await runJsonCommand('messages', 'attempts', first.id)
  const refused = {
    at: expect.stringMatching(/^20..-.*Z$/),
    ms: expect.any(Number),
    outcome: 'refused',
    httpStatus: 503,
    detail: 'we are closed',
    destinationId: vendor.destinationId,
  }
  expect(attempts).toEqual({
    items: [
      { ...refused, number: 2 },
      { ...refused, number: 1 },
    ],
    next: null,
  })
  const subscription = await runJsonCommand('subscriptions', 'show', vendor.subscriptionId)
  expect(subscription).toMatchObject({ status: 'active', queued: 2, attempts: 2, leasedBy: null })

  behavior = 'take'
  await runJsonCommand('messages', 'skip', first.id)
  await waitUntilDelivered(1)
  expect(listFacilityCodes()).toEqual(['facility 0', 'facility 0', 'facility 1'])
  await runJsonCommand('messages', 'replay', first.id)
  await runJsonCommand('messages', 'replay', second.id, '--destination', vendor.destinationId)
  await waitUntilDelivered(2)
  expect(listFacilityCodes().slice(3)).toEqual(['facility 0', 'facility 1'])
  const events = await runJsonCommand('audit', 'list', '--subject', first.id)
  expect(events.items.map(({ action }: { action: string }) => action)).toEqual([
    'message.replayed',
    'message.skipped',
  ])
  const queued = await runWarmCli(['messages', 'skip', first.id], { dir })
  expect(queued.stderr).toBe(`message ${first.id} is no longer queued\n`)
  await server.stop()
})
