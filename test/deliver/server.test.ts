import { rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runStaying } from '../support/cli/staying.ts'
import { startServer } from '../support/process.ts'
import { type Conduct, startReceiver } from '../support/receiver.ts'
import {
  deviceNew,
  done,
  seedKey,
  type TokenAnswer,
  temporaryFolder,
  testServer,
} from '../support/server.ts'

/** The receiver of these tests is on this machine. */
const LOOPBACK = { LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' }

/*
 * The whole way: a vendor's request, a server in processes of its own, a destination behind a socket.
 */

let dir: string
let receiver: Awaited<ReturnType<typeof startReceiver>>
let conduct: Conduct
beforeEach(async () => {
  dir = temporaryFolder()
  conduct = 'take'
  receiver = await startReceiver(() => conduct)
})
afterEach(async () => {
  await receiver.close()
  rmSync(dir, { recursive: true, force: true })
})

/** A vendor whose messages go to the receiver. */
async function seed() {
  const offline = await testServer(
    {},
    { dir, clock: Object.assign(Date.now, { turn() {}, set() {} }) },
  )
  const vendor = await seedKey(offline)
  const { accountId, sourceId } = vendor
  const wish = { accountId, name: 'Local EMR', url: `${receiver.url}/messages`, development: true }
  const destination = done(await offline.routes.addDestination(wish))
  done(await offline.routes.setVerified(destination.id, true))
  const route = { sourceId, destinationId: destination.id }
  const { id: feedId } = done(await offline.routes.subscribe(route))
  await offline.storage.close()
  return { ...vendor, destinationId: destination.id, feedId }
}

const post = (url: string, body: object, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  })

async function vendorOf(
  url: string,
  { apiKey, secret, destinationId }: Awaited<ReturnType<typeof seed>>,
) {
  const answer = await post(`${url}/auth/authenticate`, { apiKey, secret })
  const { accessToken } = (await answer.json()) as TokenAnswer
  return async (FacilityCode: string) => {
    const message = deviceNew(destinationId, { FacilityCode })
    const sent = await post(`${url}/endpoint`, message, { Authorization: `Bearer ${accessToken}` })
    expect(sent.status).toBe(200)
    return (await sent.json()) as { Meta: object }
  }
}

const codes = () => receiver.arrived.map(({ body }) => JSON.parse(body).Meta.FacilityCode as string)
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `facility ${n}`)

/** Resolves when the database says so. */
async function untilStored(question: string, wanted: unknown): Promise<void> {
  const db = new Database(join(dir, 'latchkey.db'), { readonly: true })
  const prepared = db.prepare(question).pluck()
  while (prepared.get() !== wanted) await new Promise((resolve) => setTimeout(resolve, 20))
  db.close()
}
const untilDelivered = (count: number) =>
  untilStored(`SELECT count(*) FROM deliveries WHERE status = 'delivered'`, count)

test('a message that is accepted arrives at once, with what its sender was answered', async () => {
  const vendor = await seed()
  const server = await startServer(dir, LOOPBACK)
  const send = await vendorOf(server.url, vendor)
  const { Meta } = await send('North')
  await untilDelivered(1)
  const [arrived] = receiver.arrived
  expect(arrived?.path).toBe('/messages')
  expect(arrived?.headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8' })
  expect(JSON.parse(arrived?.body ?? '')).toEqual({
    ...deviceNew(vendor.destinationId),
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
  const server = await startServer(dir, LOOPBACK, ['--workers', '3'])
  const sends = await Promise.all([1, 2, 3].map(() => vendorOf(server.url, vendor)))
  for (const [n, code] of numbered(90).entries()) await sends[n % 3]?.(code)
  await untilDelivered(90)
  expect(codes()).toEqual(numbered(90))
  expect(await server.stop()).toBe(0)
})

test('a server that is killed in the midst of a delivery goes on with it when it is started again', async () => {
  const vendor = await seed()
  const first = await startServer(dir, LOOPBACK)
  const send = await vendorOf(first.url, vendor)
  conduct = 'hang'
  for (const code of numbered(3)) await send(code)
  await receiver.until(1)
  await first.kill()
  conduct = 'take'
  const second = await startServer(dir, LOOPBACK)
  await untilDelivered(3)
  // Nobody knew whether the first had arrived.
  expect(codes()).toEqual(['facility 0', ...numbered(3)])
  await second.stop()
})

test('an operator sees why a message waits, and has it tried, skipped or replayed', async () => {
  const vendor = await seed()
  const server = await startServer(dir, { ...LOOPBACK, LATCHKEY_RETENTION_DAYS: '1' })
  const send = await vendorOf(server.url, vendor)
  const ask = async (...args: string[]) => {
    const { code, stdout, stderr } = await runStaying([...args, '--json'], { dir })
    expect([code, stderr]).toEqual([0, ''])
    return JSON.parse(stdout)
  }
  conduct = 'refuse'
  for (const code of numbered(2)) await send(code)
  await untilStored('SELECT count(*) FROM attempts', 2)

  const [second, first] = await ask('messages', 'list')
  const shown = await ask('messages', 'show', first.id)
  const refused = {
    at: expect.any(Number),
    ms: expect.any(Number),
    outcome: 'refused',
    httpStatus: 503,
    detail: 'we are closed',
    destinationId: vendor.destinationId,
  }
  expect(shown.attempts).toEqual([
    { ...refused, number: 2 },
    { ...refused, number: 1 },
  ])
  const feed = await ask('subscriptions', 'show', vendor.feedId)
  expect(feed).toMatchObject({ status: 'active', queued: 2, attempts: 2, leasedBy: null })

  conduct = 'take'
  await ask('messages', 'skip', first.id)
  await untilDelivered(1)
  expect(codes()).toEqual(['facility 0', 'facility 0', 'facility 1'])
  await ask('messages', 'replay', first.id)
  await ask('messages', 'replay', second.id, '--destination', vendor.destinationId)
  await untilDelivered(2)
  expect(codes().slice(3)).toEqual(['facility 0', 'facility 1'])
  const events = await ask('audit', 'list', '--subject', first.id)
  expect(events.map(({ action }: { action: string }) => action)).toEqual([
    'message.replayed',
    'message.skipped',
  ])
  const queued = await runStaying(['messages', 'skip', first.id], { dir })
  expect(queued.stderr).toBe(`nothing of message ${first.id} is queued any more\n`)
  await server.stop()
})
