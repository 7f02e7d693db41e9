import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AuditEvent } from '../../src/service/ports.ts'
import { createScope, type DeskStorage } from '../../src/service/scope.ts'
import { dump, textOf } from '../support/desk/rows.ts'
import { STORAGE_CALLS } from '../support/desk/storage-calls.ts'
import { seedTenant, type Tenant } from '../support/desk/tenant.ts'
import { answerOf } from '../support/desk/verbs.ts'
import { type TestServer, testServer } from '../support/server.ts'

/*
 * The storage of one account by itself: it is no service's care that it asks for no other.
 */

let server: TestServer
let mine: Tenant
let theirs: Tenant

beforeAll(async () => {
  server = await testServer()
  mine = await seedTenant(server)
  theirs = await seedTenant(server)
})
afterAll(() => server.close())

const eventOf = (): AuditEvent => ({
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
const rows = () =>
  dump(server.dir)
    .filter(({ table }) => table !== 'authority')
    .map(textOf)

async function* answers(scope: DeskStorage, of = /./) {
  const verbs = Object.entries(scope).filter(([name]) => of.test(name))
  for (const [name, verb] of verbs as [keyof DeskStorage, Verb][]) {
    for (const args of STORAGE_CALLS[name]?.(theirs, eventOf(), mine) ?? []) {
      yield { name, answer: await answerOf(verb, args as unknown[]) }
    }
  }
}

test('each verb of it is said how it is called', () => {
  const scope = createScope(server.storage, mine.accountId)
  expect(new Set(Object.keys(scope))).toEqual(new Set(Object.keys(STORAGE_CALLS)))
})

test('whatever is another account’s is not found, not listed and not changed', async () => {
  const before = rows()
  for await (const { name, answer } of answers(createScope(server.storage, mine.accountId))) {
    const none = '{"keys":[],"next":null,"count":0}'
    const nothing = ['null', 'false', '0', '[]', none, `OutOfScope: ${name} is not of one account`]
    expect(nothing, `${name} answers ${answer}`).toContain(answer)
  }
  expect(rows()).toEqual(before)
})

test('the same calls find and list, where it is their own', async () => {
  const scope = createScope(server.storage, theirs.accountId)
  for await (const { name, answer } of answers(scope, /^(find|list)/)) {
    if (answer.startsWith('OutOfScope')) continue
    expect(['null', '[]'], name).not.toContain(answer)
  }
})
