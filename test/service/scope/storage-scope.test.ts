import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AuditEvent } from '../../../src/service/ports/audit.ts'
import { type ManagementStorage, scopeStorage } from '../../../src/service/scope/storage.ts'
import { readAllRows, toRowText } from '../../support/database/data-folder.ts'
import { createTestServer, type TestServer } from '../../support/server.ts'
import { callToText } from '../../support/tenancy/service-calls.ts'
import { STORAGE_CALLS } from '../../support/tenancy/storage-calls.ts'
import { seedTenant, type Tenant } from '../../support/tenancy/tenant.ts'

/*
 * The storage of one account by itself: it is no service's care that it asks for no other.
 */

let server: TestServer
let ownTenant: Tenant
let otherTenant: Tenant

beforeAll(async () => {
  server = await createTestServer()
  ownTenant = await seedTenant(server)
  otherTenant = await seedTenant(server)
})
afterAll(() => server.close())

const newEvent = (): AuditEvent => ({
  id: crypto.randomUUID(),
  at: 1,
  actor: 'me',
  action: 'test.done',
  subject: crypto.randomUUID(),
  facts: {},
  requestId: null,
})

type Verb = (...args: unknown[]) => unknown

/** Every row but the one that counts changes, those too whose guard did not hold. */
const listRows = () =>
  readAllRows(server.dir)
    .filter(({ table }) => table !== 'authority')
    .map(toRowText)

async function* callEachVerb(scope: ManagementStorage, of = /./) {
  const verbs = Object.entries(scope).filter(([name]) => of.test(name))
  for (const [name, verb] of verbs as [keyof ManagementStorage, Verb][]) {
    for (const args of STORAGE_CALLS[name]?.(otherTenant, newEvent(), ownTenant) ?? []) {
      yield { name, answer: await callToText(verb, args as unknown[]) }
    }
  }
}

test('each verb of it is said how it is called', () => {
  const scope = scopeStorage(server.storage, ownTenant.accountId)
  expect(new Set(Object.keys(scope))).toEqual(new Set(Object.keys(STORAGE_CALLS)))
})

test('whatever is another account’s is not found, not listed and not changed', async () => {
  const before = listRows()
  for await (const { name, answer } of callEachVerb(
    scopeStorage(server.storage, ownTenant.accountId),
  )) {
    const none = '{"keys":[],"next":null,"count":0}'
    const nothing = [
      'null',
      'false',
      '0',
      '[]',
      none,
      'OutOfScope: this storage method is not of one account',
    ]
    expect(nothing, `${name} answers ${answer}`).toContain(answer)
  }
  expect(listRows()).toEqual(before)
})

test('the same calls find and list, where it is their own', async () => {
  const scope = scopeStorage(server.storage, otherTenant.accountId)
  for await (const { name, answer } of callEachVerb(scope, /^(find|list)/)) {
    if (answer.startsWith('OutOfScope')) continue
    expect(['null', '[]'], name).not.toContain(answer)
  }
})
