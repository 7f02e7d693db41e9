import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type CustomerKeyJson,
  createDeveloperClient,
  type SeededDeveloper,
  seedDeveloper,
} from '../support/opendental.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'

let server: TestServer
let developer: SeededDeveloper
let developerClient: ReturnType<typeof createDeveloperClient>
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_QUOTA_REQUESTS: '1000000' })
  developer = await seedDeveloper(server)
  developerClient = createDeveloperClient(server, developer)
})
afterAll(() => server.close())

const TWENTY_ATTEMPTS = Array.from({ length: 20 }, (_, n) => n)

test('20 customer keys created concurrently are 20 different keys, all of them listed', async () => {
  const createdKeys = await Promise.all(TWENTY_ATTEMPTS.map(() => developerClient.create()))
  expect(new Set(createdKeys.map(({ CustomerKey }) => CustomerKey)).size).toBe(20)
  const listed = await developerClient.list()
  expect(listed).toHaveLength(20)
  expect(listed).toEqual(expect.arrayContaining(createdKeys))
})

describe('a server that limits a developer to two customer keys', () => {
  let few: TestServer
  beforeAll(async () => {
    few = await createTestServer({ LATCHKEY_CUSTOMER_KEYS_PER_DEVELOPER: '2' })
  })
  afterAll(() => few.close())

  test('answers the third POST with 429 and a JSON string, and still serves another developer', async () => {
    const [first, second] = [await seedDeveloper(few), await seedDeveloper(few)]
    const create = ({ developerKey, portalKey }: SeededDeveloper) =>
      few.call('/apikeys', { headers: { Authorization: `ODFHIR ${developerKey}/${portalKey}` } })
    expect([(await create(first)).status, (await create(first)).status]).toEqual([201, 201])
    const refused = await create(first)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('Retry-After')).toBe('3600')
    expect(refused.headers.get('Content-Type')).toBe('application/json; charset=utf-8')
    expect(await refused.json()).toMatch(/^You have 2 CustomerKeys or more,/)
    expect(await createDeveloperClient(few, first).list()).toHaveLength(2)
    expect((await create(second)).status).toBe(201)
  })

  test('creates two of 20 keys requested concurrently, and answers the others with 429', async () => {
    const { developerKey, portalKey } = await seedDeveloper(few)
    const headers = { Authorization: `ODFHIR ${developerKey}/${portalKey}` }
    const answers = await Promise.all(TWENTY_ATTEMPTS.map(() => few.call('/apikeys', { headers })))
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([201, 201, ...Array<number>(18).fill(429)])
  })
})

interface Change {
  readonly KeyStatus?: string
  readonly DevRefId?: string
}

/** Applies one change to a key's state, independently of the code under test. */
const applyChange = (state: Required<Change>, change: Change): Required<Change> => ({
  ...state,
  ...change,
})
const toChange = ({ KeyStatus, DevRefId }: CustomerKeyJson): Required<Change> => ({
  KeyStatus,
  DevRefId,
})
const isSameChange = (a: Required<Change>, b: Required<Change>) =>
  a.KeyStatus === b.KeyStatus && a.DevRefId === b.DevRefId

/**
 * Returns true if some order of the changes explains every answer as the state right after its
 * change (linearizability).
 */
function isExplainedBy(
  state: Required<Change>,
  calls: readonly { change: Change; answer: Required<Change> }[],
  end: Required<Change>,
  seen = new Set<string>(),
): boolean {
  if (calls.length === 0) return isSameChange(state, end)
  const place = JSON.stringify([state, calls])
  if (seen.has(place)) return false
  seen.add(place)
  return calls.some(
    (call, n) =>
      isSameChange(applyChange(state, call.change), call.answer) &&
      isExplainedBy(call.answer, calls.toSpliced(n, 1), end, seen),
  )
}

describe('20 concurrent changes of one customer key', () => {
  async function raceChanges(changes: readonly Change[]) {
    const { CustomerKey } = await developerClient.create()
    const answers = await Promise.all(
      changes.map((change) => developerClient.put({ CustomerKey, ...change })),
    )
    expect(answers.map(({ status }) => status)).toEqual(changes.map(() => 200))
    const listed = await developerClient.list()
    const end = listed.find((record) => record.CustomerKey === CustomerKey)
    if (end === undefined) throw new Error('the key is gone')
    const calls = changes.map((change, n) => ({
      change,
      answer: toChange(answers[n]?.body as CustomerKeyJson),
    }))
    return { CustomerKey, calls, end: toChange(end) }
  }
  const NEW = { KeyStatus: 'Enabled', DevRefId: '' }

  test('leave the state of exactly one change when each change sets every field', async () => {
    const changes = TWENTY_ATTEMPTS.map((n) => ({
      KeyStatus: n % 2 === 0 ? 'Enabled' : 'DisabledByDeveloper',
      DevRefId: `${n}`,
    }))
    const { calls, end } = await raceChanges(changes)
    expect(changes).toContainEqual(end)
    for (const { change, answer } of calls) expect(answer).toEqual(change)
  })

  test('are linearizable when each change sets some fields: one order explains every response', async () => {
    const change = fc.oneof(
      fc.record(
        {
          KeyStatus: fc.constantFrom('Enabled', 'DisabledByDeveloper'),
          DevRefId: fc.constantFrom('a', 'b'),
        },
        { requiredKeys: [] },
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 2, maxLength: 6 }), async (changes) => {
        const { calls, end } = await raceChanges(changes)
        expect([isExplainedBy(NEW, calls, end), calls, end]).toEqual([true, calls, end])
      }),
      { numRuns: 60 },
    )
  })

  test('by developer and customer let only the party that disabled the key enable it', async () => {
    const { CustomerKey } = await developerClient.create()
    const keys = await server.keys.list({ developerId: developer.developerId, limit: 1000 })
    const keyId = keys.at(-1)?.id ?? ''
    await Promise.all(
      TWENTY_ATTEMPTS.map(async (n) => {
        const KeyStatus = n % 2 === 0 ? 'DisabledByDeveloper' : 'Enabled'
        if (n % 4 < 2) await developerClient.put({ CustomerKey, KeyStatus, DevRefId: `${n}` })
        else await server.keys[n % 2 === 0 ? 'disable' : 'enable'](keyId, 'customer')
      }),
    )
    const events = (await server.storage.listEvents({ subject: keyId, limit: 100 })).toReversed()
    let disabledBy: unknown = null
    for (const { action, facts } of events) {
      if (action === 'key.disabled') {
        expect(disabledBy).toBeNull()
        disabledBy = facts.by
      }
      if (action === 'key.enabled') {
        expect(facts.by).toBe(disabledBy)
        disabledBy = null
      }
    }
    const key = unwrap(await server.keys.find(keyId))
    expect(key.disabledBy).toBe(disabledBy)
    expect(key.status).toBe(disabledBy === null ? 'enabled' : 'disabled')
  })
})

test('a customer key that is revoked during concurrent changes stays revoked', async () => {
  const { CustomerKey } = await developerClient.create()
  const keys = await server.keys.list({ developerId: developer.developerId, limit: 1000 })
  const keyId = keys.at(-1)?.id ?? ''
  await Promise.all(
    TWENTY_ATTEMPTS.map((n) =>
      n === 10
        ? server.keys.revoke(keyId)
        : developerClient.put({
            CustomerKey,
            KeyStatus: n % 2 === 0 ? 'Enabled' : 'DisabledByDeveloper',
          }),
    ),
  )
  expect((await developerClient.list()).at(-1)).toMatchObject({
    CustomerKey,
    KeyStatus: 'DisabledByHQ',
  })
})
