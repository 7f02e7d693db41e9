import { afterAll, beforeAll, expect, test } from 'vitest'
import { scopeStorage } from '../../../src/service/account-scope.ts'
import type { ActorServices } from '../../../src/service/actor-services.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'
import { seedTenant, type Tenant } from '../../support/tenancy/tenant.ts'

/*
 * An operator has joined a source of one account to a destination of another.
 */

let server: TestServer
let sender: Tenant
let receiver: Tenant
let subscriptionId: string
let senderServices: ActorServices

const HIDDEN_REASON = 'it was not reached. Only its own account can see the reason'

const createAdministratorServices = ({ accountId, administratorId }: Tenant) =>
  server.servicesFor({ actor: administratorId, role: 'administrator', accountId })

beforeAll(async () => {
  server = await createTestServer()
  sender = await seedTenant(server)
  receiver = await seedTenant(server)
  const { sourceId } = sender
  const { destinationId } = receiver
  const joined = unwrap(await server.subscriptions.create({ sourceId, destinationId }))
  subscriptionId = joined.id
  senderServices = createAdministratorServices(sender)
})
afterAll(() => server.close())

const readErrorKind = async (work: Promise<{ ok: boolean; failure?: { problem: string } }>) =>
  (await work).failure?.problem

test('the sender sees the receiving account, and if the destination is verified', async () => {
  const { name, verifiedAt } = unwrap(await server.destinations.find(receiver.destinationId))
  expect(unwrap(await senderServices.subscriptions.findTarget(subscriptionId))).toEqual({
    id: receiver.destinationId,
    name,
    verifiedAt,
  })
})

test('the sender does not see the URL of the destination, and cannot change it', async () => {
  const { destinations } = senderServices
  const id = receiver.destinationId
  expect(await readErrorKind(destinations.find(id))).toBe('not_found')
  expect(await readErrorKind(destinations.setUrl(id, 'https://mine.example'))).toBe('not_found')
  expect(await readErrorKind(destinations.setVerificationToken(id, 'mine'))).toBe('not_found')
  expect(await readErrorKind(destinations.setVerified(id, false))).toBe('not_found')
  expect(await readErrorKind(destinations.verify(id))).toBe('not_found')
  const listed = await destinations.list({ limit: 100 })
  expect(listed.map((destination) => destination.id)).toEqual([sender.destinationId])
})

test('a subscription belongs to the sender: the sender stops it, and the receiver does not see it', async () => {
  expect(
    unwrap(await senderServices.subscriptions.setStatus(subscriptionId, 'paused')).status,
  ).toBe('paused')
  unwrap(await senderServices.subscriptions.setStatus(subscriptionId, 'active'))
  const receiverServices = createAdministratorServices(receiver)
  expect(await readErrorKind(receiverServices.subscriptions.find(subscriptionId))).toBe('not_found')
  const listed = await receiverServices.subscriptions.list({ limit: 100 })
  expect(listed.map(({ id }) => id)).toEqual([receiver.subscriptionId])
})

test('only an operator can connect two accounts', async () => {
  const { sourceId } = sender
  const { destinationId } = receiver
  const input = { sourceId, destinationId, dataModel: 'Device' }
  expect(await readErrorKind(senderServices.subscriptions.create(input))).toBe('not_found')
  expect(
    await readErrorKind(createAdministratorServices(receiver).subscriptions.create(input)),
  ).toBe('not_found')
  unwrap(await server.subscriptions.create(input))
})

test.each([
  ['failed', 'getaddrinfo ENOTFOUND emr.receiver.example'],
  ['forbidden', 'LATCHKEY_DESTINATIONS_ALLOWED does not allow the address of emr.receiver.example'],
] as const)(
  'why an attempt %s, which may say where the destination is, is told to the receiver’s operator alone',
  async (outcome, detail) => {
    const { storage, clock } = server
    const input = { sourceId: sender.sourceId, destinationId: receiver.destinationId }
    const dataModel = outcome === 'failed' ? 'Order' : 'Results'
    const subscriptionId = unwrap(await server.subscriptions.create({ ...input, dataModel })).id
    const id = crypto.randomUUID()
    await storage.addMessage({
      id,
      serial: 1,
      keyId: sender.keyId,
      sourceId: sender.sourceId,
      sealedPayload: '',
      payloadPartCount: 0,
      dataModel,
      eventType: 'New',
      test: false,
      receivedAt: clock(),
      deliveries: [
        {
          id: crypto.randomUUID(),
          subscriptionId,
          destinationId: receiver.destinationId,
          attemptId: crypto.randomUUID(),
        },
      ],
    })
    const by = 'test'
    await storage.leaseQueue({ subscriptionId, by, until: clock() + 1000 }, clock())
    const attempt = { at: clock(), ms: 1, outcome, httpStatus: null, detail } as const
    const tried = { subscriptionId, by, messageId: id, position: 0, attempt }
    expect(await storage.settleFailed(tried, clock())).toBe(true)

    expect(unwrap(await server.messages.listAttempts(id))).toMatchObject([{ detail }])
    expect(unwrap(await senderServices.messages.listAttempts(id))).toMatchObject([
      { outcome, detail: HIDDEN_REASON },
    ])
    const scope = scopeStorage(storage, sender.accountId)
    const subscription = await scope.findSubscriptionListItem(subscriptionId)
    expect(subscription?.destination.url).toBeNull()
    expect(subscription?.lastAttempt).toMatchObject({ outcome, detail: HIDDEN_REASON })
    expect(await scope.searchSubscriptions({ limit: 10 })).toContainEqual(subscription)
  },
)

test('the sender sees the URL and the failures of a destination of their own account', async () => {
  const scope = scopeStorage(server.storage, sender.accountId)
  expect((await scope.findSubscriptionListItem(sender.subscriptionId))?.destination.url).toBe(
    sender.url,
  )
  const [own] = unwrap(await senderServices.messages.listAttempts(sender.messageId))
  expect(own?.detail).toContain('getaddrinfo')
})
