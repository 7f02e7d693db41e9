import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { seedOwnerKey, seedSiteKey } from '../../support/key-seeds.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from '../../support/server.ts'
import { DAY_MS, HOUR_MS } from '../../support/time.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

let vendor: Awaited<ReturnType<typeof seedKey>>
beforeEach(async () => {
  vendor = await seedKey(server)
})

type SetInput = Parameters<TestServer['sunsets']['set']>[0]
const set = (more: Partial<SetInput> = {}) =>
  server.sunsets.set({
    accountId: vendor.accountId,
    keyType: 'redox',
    sunsetAt: server.clock() + 10 * DAY_MS,
    ...more,
  })
const listActions = async (subject: string) =>
  (await server.storage.listEvents({ subject, limit: 10 })).map(({ action, facts }) => [
    action,
    facts,
  ])

describe('setting a sunset', () => {
  test('stores the sunset with its event, deprecated from now on by default', async () => {
    const now = server.clock()
    const plan = unwrap(await set())
    expect(plan).toEqual({
      id: expect.any(String),
      accountId: vendor.accountId,
      keyType: 'redox',
      sourceId: null,
      siteId: null,
      deprecatedAt: now,
      sunsetAt: now + 10 * DAY_MS,
      documentationUrl: null,
      brownouts: [],
      createdAt: now,
    })
    expect(unwrap(await server.sunsets.find(plan.id))).toEqual(plan)
    const facts = {
      accountId: vendor.accountId,
      keyType: 'redox',
      sunsetAt: plan.sunsetAt,
      brownouts: 0,
    }
    expect(await listActions(plan.id)).toEqual([['sunset.set', facts]])
    unwrap(await server.sunsets.cancel(plan.id))
    expect(await listActions(plan.id)).toEqual([
      ['sunset.cancelled', facts],
      ['sunset.set', facts],
    ])
    expect((await server.sunsets.cancel(plan.id)).ok).toBe(false)
  })

  test('replaces the sunset of the same keys, and keeps its id and its deprecation', async () => {
    const first = unwrap(await set({ documentationUrl: 'https://clinic.example/' }))
    server.clock.advance(DAY_MS)
    const sunsetAt = first.sunsetAt + DAY_MS
    const second = unwrap(await set({ sunsetAt }))
    expect(second).toEqual({ ...first, sunsetAt, documentationUrl: null })
    const page = { accountId: vendor.accountId, limit: 10 }
    expect(await server.sunsets.list(page)).toEqual([second])
    unwrap(await set({ sourceId: vendor.sourceId }))
    expect(await server.sunsets.list(page)).toHaveLength(2)
  })

  test('at once by ten users stores one sunset', async () => {
    const results = await Promise.all(Array.from({ length: 10 }, () => set()))
    expect(results.filter(({ ok }) => ok).length).toBeGreaterThan(0)
    expect(await server.sunsets.list({ accountId: vendor.accountId, limit: 10 })).toHaveLength(1)
  })

  test.each<[string, () => Promise<Partial<SetInput>>, object]>([
    [
      'in the past',
      async () => ({ sunsetAt: server.clock() }),
      { problem: 'invalid', message: 'the sunset must be in the future' },
    ],
    [
      'with a brownout after it, which the message names',
      async () => {
        const startsAt = Date.UTC(2099, 0, 2, 3)
        return { brownouts: [{ startsAt, endsAt: startsAt + HOUR_MS }] }
      },
      {
        problem: 'invalid',
        message: 'the brownout at 2099-01-02T03:00:00.000Z must not end after the sunset',
      },
    ],
    ['for no account', async () => ({ accountId: vendor.ownerId }), { problem: 'not_found' }],
    [
      'for a source of another account',
      async () => ({ sourceId: (await seedKey(server)).sourceId }),
      { problem: 'not_found', message: expect.stringContaining('the account has no source') },
    ],
    [
      'for a site of another account',
      async () => ({ keyType: 'xenrad', siteId: (await seedSiteKey(server)).siteId }),
      { problem: 'not_found', message: expect.stringContaining('the account has no site') },
    ],
    [
      'for a source of keys that have none',
      async () => ({ keyType: 'xdent', sourceId: vendor.sourceId }),
      { problem: 'invalid', message: 'xdent keys belong to no source: leave it out' },
    ],
    [
      'for a site of keys that have none',
      async () => ({ siteId: vendor.sourceId }),
      { problem: 'invalid', message: 'redox keys belong to no site: leave it out' },
    ],
  ])('is refused %s', async (_, more, failure) => {
    expect(await set(await more())).toMatchObject({ ok: false, failure })
    expect(await server.sunsets.list({ accountId: vendor.accountId, limit: 10 })).toEqual([])
  })
})

describe('a preview', () => {
  test('has the keys that are not ready and proposed brownouts, and stores nothing', async () => {
    const sunsetAt = server.clock() + 10 * DAY_MS
    const target = { accountId: vendor.accountId, keyType: 'redox', sunsetAt } as const
    const preview = async () => unwrap(await server.sunsets.plan(target, { limit: 10 }))
    expect(await preview()).toEqual({
      deprecatedAt: server.clock(),
      sunsetAt,
      brownouts: [
        { startsAt: sunsetAt - 7 * DAY_MS, endsAt: sunsetAt - 7 * DAY_MS + 4 * HOUR_MS },
        { startsAt: sunsetAt - 2 * DAY_MS, endsAt: sunsetAt - 2 * DAY_MS + 12 * HOUR_MS },
      ],
      keys: [expect.objectContaining({ id: vendor.keyId, ready: false })],
    })
    const at = server.clock()
    await server.storage.addOAuthUses([{ resourceId: vendor.sourceId, firstAt: at, lastAt: at }])
    expect((await preview()).keys).toEqual([])
    expect(await server.sunsets.list({ accountId: vendor.accountId, limit: 10 })).toEqual([])
  })

  test('is refused for a date that a sunset must not have', async () => {
    const target = { accountId: vendor.accountId, keyType: 'redox', sunsetAt: 1 } as const
    expect(await server.sunsets.plan(target, { limit: 10 })).toMatchObject({
      ok: false,
      failure: { problem: 'invalid' },
    })
  })
})

test('keys of an owner are ready by the owner’s use of OAuth, and those of a site by the site’s', async () => {
  const owner = await seedOwnerKey(server, 'xdent')
  const site = await seedSiteKey(server)
  const list = async (accountId: string) =>
    (await server.sunsets.listKeys({ accountId, limit: 10 })).map(({ id, ready }) => [id, ready])
  expect(await list(owner.accountId)).toEqual([[owner.keyId, false]])
  const at = server.clock()
  await server.storage.addOAuthUses([
    { resourceId: owner.ownerId, firstAt: at, lastAt: at },
    { resourceId: site.siteId, firstAt: at, lastAt: at },
  ])
  expect(await list(owner.accountId)).toEqual([[owner.keyId, true]])
  expect(await list(site.accountId)).toEqual([[site.keyId, true]])
  server.clock.advance(7 * DAY_MS)
  expect(await list(owner.accountId)).toEqual([[owner.keyId, false]])
  expect(await list(site.accountId)).toEqual([[site.keyId, false]])
})
