import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Role } from '../../src/domain/key.ts'
import { dump, textOf, textsOf } from '../support/desk/rows.ts'
import { seedTenant, type Tenant } from '../support/desk/tenant.ts'
import { answerOf, verbsOf } from '../support/desk/verbs.ts'
import { type TestServer, testServer } from '../support/server.ts'

/*
 * Two accounts with everything in them. Every verb of the desk of the one is called with every id of
 * the other: it must be as if that other account were not there.
 */

let server: TestServer
let mine: Tenant
let theirs: Tenant
/** Every text that is in the other account's rows and nowhere else, and its secrets. */
let marks: string[]
/** Those of them that a verb could be called with. */
let ids: string[]

beforeAll(async () => {
  server = await testServer()
  mine = await seedTenant(server)
  const before = dump(server.dir)
  theirs = await seedTenant(server)
  const known = new Set(before.map(textOf))
  const added = textsOf(dump(server.dir).filter((row) => !known.has(textOf(row))))
  const common = textsOf(before)
  marks = [...[...added].filter((text) => !common.has(text)), ...theirs.secrets]
  ids = marks.filter((mark) => mark.length <= 64 && !mark.includes(' '))
})
afterAll(() => server.close())

const deskOf = ({ accountId, administratorId }: Tenant, role: Role) =>
  server.deskOf({ actor: administratorId, role, accountId })

/** Most answers are alike. */
const read = new Map<string, string[]>()
function told(text: string): string[] {
  const known = read.get(text) ?? marks.filter((mark) => text.includes(mark))
  read.set(text, known)
  return known
}

const theirRows = () =>
  dump(server.dir)
    .map(textOf)
    .filter((row) => told(row).length > 0)

/** An id that is not there, beside one that is. */
const twinOf = (id: string) => `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`

/** What each verb that is given answers to each id, beside the id itself, and to one that is not there. */
async function* answers(verbs: ReturnType<typeof verbsOf>) {
  for (const { path, verb, calls } of verbs) {
    for (const id of ids) {
      const twin = twinOf(id)
      const twins = calls(twin, mine)
      for (const [n, args] of calls(id, mine).entries()) {
        yield {
          path,
          asked: `${path} of ${JSON.stringify(args)}`,
          answer: (await answerOf(verb, args)).replaceAll(id, '…'),
          none: (await answerOf(verb, twins[n] ?? [])).replaceAll(twin, '…'),
        }
      }
    }
  }
}

test('the accounts have all that an account can have', () => {
  const tables = new Set(theirRows().map((row) => (JSON.parse(row) as { table: string }).table))
  expect([...tables].sort()).toMatchInlineSnapshot(`
    [
      "accounts",
      "address_rules",
      "attempts",
      "audit_events",
      "deliveries",
      "destinations",
      "developers",
      "key_uses",
      "keys",
      "messages",
      "sessions",
      "sites",
      "sources",
      "subscriptions",
      "traffic",
      "users",
    ]
  `)
  expect(ids.length).toBeGreaterThan(50)
  expect(ids).toEqual(expect.arrayContaining([theirs.accountId, theirs.keyId, theirs.messageId]))
})

describe.each<Role>(['operator', 'administrator'])('the desk of one account, as %s', (role) => {
  test('tells nothing of another: not even which ids it has; and changes nothing of it', async () => {
    const before = theirRows()
    for await (const { asked, answer, none } of answers(verbsOf(deskOf(mine, role)))) {
      expect(told(answer), asked).toEqual([])
      expect(answer, asked).toBe(none)
    }
    expect(theirRows()).toEqual(before)
  })
})

test('the same calls tell the other account of itself: what is looked for would be found', async () => {
  // (A census is numbers without an id: of accounts that are alike it is the same.)
  const reading = verbsOf(deskOf(theirs, 'operator')).filter(
    ({ path, permission }) => /\.(read|explain)$/.test(permission) && path !== 'overview.keys',
  )
  const silent = new Set(reading.map(({ path }) => path))
  for await (const { path, answer, none } of answers(reading)) {
    if (told(answer).length > 0 || answer !== none) silent.delete(path)
  }
  expect([...silent]).toEqual([])
})
