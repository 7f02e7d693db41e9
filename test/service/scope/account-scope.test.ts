import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Role } from '../../../src/domain/role.ts'
import { collectTexts, readAllRows, toRowText } from '../../support/database/data-folder.ts'
import { createTestServer, type TestServer } from '../../support/server.ts'
import { callToText, listServiceVerbs } from '../../support/tenancy/service-calls.ts'
import { seedTenant, type Tenant } from '../../support/tenancy/tenant.ts'

/*
 * Two accounts with everything in them. Every verb of the desk of the one is called with every id of
 * the other: it must be as if that other account were not there.
 */

let server: TestServer
let ownTenant: Tenant
let otherTenant: Tenant
/** Every text that is in the other account's rows and nowhere else, and its secrets. */
let otherTexts: string[]
/** Those of them that a verb could be called with. */
let ids: string[]

beforeAll(async () => {
  server = await createTestServer()
  ownTenant = await seedTenant(server)
  const before = readAllRows(server.dir)
  otherTenant = await seedTenant(server)
  const known = new Set(before.map(toRowText))
  const added = collectTexts(readAllRows(server.dir).filter((row) => !known.has(toRowText(row))))
  const common = collectTexts(before)
  otherTexts = [...[...added].filter((text) => !common.has(text)), ...otherTenant.secrets]
  ids = otherTexts.filter((mark) => mark.length <= 64 && !mark.includes(' '))
})
afterAll(() => server.close())

const createRoleServices = ({ accountId, administratorId }: Tenant, role: Role) =>
  server.servicesFor({ actor: administratorId, role, accountId })

/** Most answers are alike. */
const read = new Map<string, string[]>()
function findLeakedTexts(text: string): string[] {
  const known = read.get(text) ?? otherTexts.filter((mark) => text.includes(mark))
  read.set(text, known)
  return known
}

const listOtherRows = () =>
  readAllRows(server.dir)
    .map(toRowText)
    .filter((row) => findLeakedTexts(row).length > 0)

/** An id that is not there, beside one that is. */
const createMissingId = (id: string) => `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`

/** Calls each verb with each id and with a missing id; masks both ids so that answers compare. */
async function* callWithEachId(verbs: ReturnType<typeof listServiceVerbs>) {
  for (const { path, call, listArguments } of verbs) {
    for (const id of ids) {
      const twin = createMissingId(id)
      const twins = listArguments(twin, ownTenant)
      for (const [n, args] of listArguments(id, ownTenant).entries()) {
        yield {
          path,
          asked: `${path} of ${JSON.stringify(args)}`,
          answer: (await callToText(call, args)).replaceAll(id, '…'),
          none: (await callToText(call, twins[n] ?? [])).replaceAll(twin, '…'),
        }
      }
    }
  }
}

test('the accounts have all that an account can have', () => {
  const tables = new Set(listOtherRows().map((row) => (JSON.parse(row) as { table: string }).table))
  expect([...tables].sort()).toMatchInlineSnapshot(`
    [
      "accounts",
      "attempts",
      "audit_events",
      "deliveries",
      "destinations",
      "developers",
      "imported_keys",
      "imports",
      "ip_allowlist_entries",
      "key_sites",
      "key_sources",
      "key_uses",
      "keys",
      "message_periods",
      "messages",
      "oauth_clients",
      "oauth_uses",
      "peppers",
      "sessions",
      "sites",
      "sources",
      "subscriptions",
      "sunsets",
      "traffic",
      "users",
    ]
  `)
  expect(ids.length).toBeGreaterThan(50)
  expect(ids).toEqual(
    expect.arrayContaining([otherTenant.accountId, otherTenant.keyId, otherTenant.messageId]),
  )
})

describe.each<Role>(['operator', 'administrator'])('the desk of one account, as %s', (role) => {
  test('reveals nothing of another account, not even which ids it has, and changes nothing of it', async () => {
    const before = listOtherRows()
    for await (const { asked, answer, none } of callWithEachId(
      listServiceVerbs(createRoleServices(ownTenant, role)),
    )) {
      expect(findLeakedTexts(answer), asked).toEqual([])
      expect(answer, asked).toBe(none)
    }
    expect(listOtherRows()).toEqual(before)
  })
})

test('the same calls return the rows to their own account', async () => {
  // (A census is numbers without an id: of accounts that are alike it is the same.)
  const reading = listServiceVerbs(createRoleServices(otherTenant, 'operator')).filter(
    ({ path, permission }) =>
      /\.(read|explain)$/.test(permission) && path !== 'dashboard.countKeysByType',
  )
  const silent = new Set(reading.map(({ path }) => path))
  for await (const { path, answer, none } of callWithEachId(reading)) {
    if (findLeakedTexts(answer).length > 0 || answer !== none) silent.delete(path)
  }
  expect([...silent]).toEqual([])
})
