import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Desk } from '../../src/service/desk.ts'
import { createScope } from '../../src/service/scope.ts'
import { seedTenant, type Tenant } from '../support/desk/tenant.ts'
import { done, type TestServer, testServer } from '../support/server.ts'

/*
 * An operator has joined a source of one account to a destination of another.
 */

let server: TestServer
let sender: Tenant
let receiver: Tenant
let subscriptionId: string
let desk: Desk

const NOT_TOLD = 'it was not reached: why is told to the account that it belongs to'

const deskOf = ({ accountId, administratorId }: Tenant) =>
  server.deskOf({ actor: administratorId, role: 'administrator', accountId })

beforeAll(async () => {
  server = await testServer()
  sender = await seedTenant(server)
  receiver = await seedTenant(server)
  const { sourceId } = sender
  const { destinationId } = receiver
  const joined = done(await server.routes.subscribe({ sourceId, destinationId }))
  subscriptionId = joined.id
  desk = deskOf(sender)
})
afterAll(() => server.close())

const problemOf = async (work: Promise<{ ok: boolean; failure?: { problem: string } }>) =>
  (await work).failure?.problem

test('the sender is told who receives, and whether that is verified', async () => {
  const { name, verifiedAt } = done(await server.routes.findDestination(receiver.destinationId))
  expect(done(await desk.routes.findReceiver(subscriptionId))).toEqual({
    id: receiver.destinationId,
    name,
    verifiedAt,
  })
})

test('the sender is not told where that is, and changes nothing of it', async () => {
  const { routes } = desk
  const id = receiver.destinationId
  expect(await problemOf(routes.findDestination(id))).toBe('not_found')
  expect(await problemOf(routes.moveDestination(id, 'https://mine.example'))).toBe('not_found')
  expect(await problemOf(routes.setToken(id, 'mine'))).toBe('not_found')
  expect(await problemOf(routes.setVerified(id, false))).toBe('not_found')
  expect(await problemOf(routes.verify(id))).toBe('not_found')
  const listed = await routes.listDestinations({ limit: 100 })
  expect(listed.map((destination) => destination.id)).toEqual([sender.destinationId])
})

test('the feed is the sender’s: he stops it, and the receiver does not see it', async () => {
  expect(done(await desk.routes.setSubscriptionStatus(subscriptionId, 'paused')).status).toBe(
    'paused',
  )
  done(await desk.routes.setSubscriptionStatus(subscriptionId, 'active'))
  const theirs = deskOf(receiver).routes
  expect(await problemOf(theirs.findFeed(subscriptionId))).toBe('not_found')
  const listed = await theirs.listSubscriptions({ limit: 100 })
  expect(listed.map(({ id }) => id)).toEqual([receiver.subscriptionId])
})

test('nobody but an operator joins two accounts', async () => {
  const { sourceId } = sender
  const { destinationId } = receiver
  const wish = { sourceId, destinationId, dataModel: 'Device' }
  expect(await problemOf(desk.routes.subscribe(wish))).toBe('not_found')
  expect(await problemOf(deskOf(receiver).routes.subscribe(wish))).toBe('not_found')
  done(await server.routes.subscribe(wish))
})

test.each([
  ['failed', 'getaddrinfo ENOTFOUND emr.receiver.example'],
  ['forbidden', 'LATCHKEY_DESTINATIONS_ALLOWED does not allow the address of emr.receiver.example'],
] as const)(
  'why an attempt %s, which may say where the destination is, is told to the receiver’s operator alone',
  async (outcome, detail) => {
    const { storage, clock } = server
    const wish = { sourceId: sender.sourceId, destinationId: receiver.destinationId }
    const dataModel = outcome === 'failed' ? 'Order' : 'Results'
    const feedId = done(await server.routes.subscribe({ ...wish, dataModel })).id
    const id = crypto.randomUUID()
    await storage.addMessage({
      id,
      serial: 1,
      keyId: sender.keyId,
      sourceId: sender.sourceId,
      sealedPayload: '',
      dataModel,
      eventType: 'New',
      test: false,
      receivedAt: clock(),
      deliveries: [
        {
          id: crypto.randomUUID(),
          subscriptionId: feedId,
          destinationId: receiver.destinationId,
          attemptId: crypto.randomUUID(),
        },
      ],
    })
    const by = 'test'
    await storage.leaseFeed({ feedId, by, until: clock() + 1000 }, clock())
    const attempt = { at: clock(), ms: 1, outcome, httpStatus: null, detail } as const
    const tried = { feedId, by, messageId: id, position: 0, attempt }
    expect(await storage.settleFailed(tried, clock())).toBe(true)

    expect(done(await server.messages.attempts(id))).toMatchObject([{ detail }])
    expect(done(await desk.messages.attempts(id))).toMatchObject([{ outcome, detail: NOT_TOLD }])
    const scope = createScope(storage, sender.accountId)
    const feed = await scope.findListedFeed(feedId)
    expect(feed?.destination.url).toBeNull()
    expect(feed?.lastAttempt).toMatchObject({ outcome, detail: NOT_TOLD })
    expect(await scope.listFeeds({ limit: 10 })).toContainEqual(feed)
  },
)

test('why an attempt of the sender’s own destination failed, and where that is, is told', async () => {
  const scope = createScope(server.storage, sender.accountId)
  expect((await scope.findListedFeed(sender.subscriptionId))?.destination.url).toBe(sender.url)
  const [own] = done(await desk.messages.attempts(sender.messageId))
  expect(own?.detail).toContain('getaddrinfo')
})
