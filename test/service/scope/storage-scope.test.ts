import { afterAll, beforeAll, expect, test } from 'vitest'
import { scopeStorage } from '../../../src/service/account-scope.ts'
import type { AuditEvent } from '../../../src/service/ports/audit.ts'
import { createTestServer, type TestServer } from '../../support/server.ts'
import { seedTenant, type Tenant } from '../../support/tenancy/tenant.ts'

/*
 * The storage of one account by itself: it does not rely on a service that looks for the row first.
 */

let server: TestServer
let ownTenant: Tenant
let otherTenant: Tenant

beforeAll(async () => {
  server = await createTestServer()
  ownTenant = await seedTenant(server)
  otherTenant = await seedTenant(server)
  await server.storage.addEvent({ ...otherEvent, subject: otherTenant.keyId })
})
afterAll(() => server.close())

const event: AuditEvent = {
  id: crypto.randomUUID(),
  at: 1,
  actor: 'me',
  action: 'test.done',
  subject: crypto.randomUUID(),
  facts: {},
  requestId: null,
}

/** An event of the other account, found by its request. */
const otherEvent: AuditEvent = { ...event, id: crypto.randomUUID(), requestId: crypto.randomUUID() }

const listIds = ({ secrets: _, url: __, sealedToken: ___, ...ids }: Tenant) => Object.values(ids)

/** Arguments of every shape that storage methods have, with the tenant's ids. */
function listArguments(tenant: Tenant): unknown[][] {
  const row = {
    ...tenant,
    id: tenant.keyId,
    userId: tenant.memberId,
    limit: 100,
    fromHour: 0,
    hours: 24,
    order: 'newest',
    text: 'clinic',
    since: 0,
    now: 0,
    ids: listIds(tenant),
    userIds: listIds(tenant),
    keyIds: listIds(tenant),
    fromDay: 0,
    requestId: otherEvent.requestId,
  }
  const kinds = ['account', 'user', 'site', 'developer', 'source', 'destination', 'subscription']
  return [
    [row, event],
    [tenant.importId, [{ accountId: tenant.accountId }]],
    ...['owner', 'site', 'developer'].map((holder) => [{ ...row, accountId: undefined, holder }]),
    ...listIds(tenant).flatMap((id) => [
      [id, event, event, event],
      [id, null, event],
      ...kinds.map((kind) => [kind, id, 'name', event]),
    ]),
  ]
}

/** The methods of which no argument or result says an account: the table says why they are safe. */
const UNLIMITED = ['addEvent', 'addPayloadPart', 'deletePayloadParts', 'findKeysBySecret']
/** Reads that find by any id, and then leave out what is another account's. */
const FILTERED =
  /^find(?:Site|Developer|User|KeySummary|Source|Destination|Message|Sunset|SubscriptionListItem)$/

/** Calls every method of the account's storage, and notes which reach the server's storage, and which without the account's id. */
async function callEachMethod(tenant: Tenant) {
  const reached = new Set<string>()
  const unlimited = new Set<string>()
  const answers = new Map<string, string>()
  let called = ''
  const recording = Object.fromEntries(
    Object.entries(server.storage).map(([name, method]) => [
      name,
      async (...args: unknown[]) => {
        if (name !== called) return method(...args)
        reached.add(name)
        if (!JSON.stringify(args).includes(ownTenant.accountId)) unlimited.add(name)
        return /^(?:find|list|search)/.test(name) ? method(...args) : false
      },
    ]),
  ) as unknown as typeof server.storage
  const scope = scopeStorage(recording, ownTenant.accountId)
  for (const [name, method] of Object.entries(scope) as [string, (...a: unknown[]) => unknown][]) {
    called = name
    for (const args of listArguments(tenant)) {
      const answer = await Promise.resolve(method(...args)).catch(String)
      answers.set(name, `${answers.get(name) ?? ''}${JSON.stringify(answer)}`)
    }
  }
  return { names: Object.keys(scope), reached, unlimited, answers }
}

test('no call with another account’s ids reaches the storage, or finds a row', async () => {
  const { unlimited, answers } = await callEachMethod(otherTenant)
  const unexpected = [...unlimited].filter((name) => !FILTERED.test(name))
  expect(new Set(unexpected)).toEqual(new Set(UNLIMITED))
  for (const [name, answer] of answers) {
    for (const id of listIds(otherTenant)) expect(answer, name).not.toContain(id)
  }
})

test('calls with the account’s own ids do', async () => {
  const { names, reached } = await callEachMethod(ownTenant)
  const missing = names.filter((name) => !reached.has(name))
  // No account is added by another, and none has the whole server's operators.
  expect(new Set(missing)).toEqual(new Set(['addAccount', 'hasActiveOperator']))
})

test('a row of the account is not joined to one of another account', async () => {
  const scope = scopeStorage(server.storage, ownTenant.accountId)
  const assignment = { siteId: otherTenant.siteId, at: 1 }
  expect(await scope.assignKey(ownTenant.keyId, assignment, event)).toBe(false)
  for (const [source, destination] of [
    [ownTenant, otherTenant],
    [otherTenant, ownTenant],
  ] as const) {
    const subscription = {
      id: crypto.randomUUID(),
      sourceId: source.sourceId,
      destinationId: destination.destinationId,
      dataModel: 'Device',
      status: 'active',
      createdAt: 1,
    } as const
    expect(await scope.addSubscription(subscription, event)).toBe(false)
  }
})
