import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type CustomerKeyJson,
  createDeveloperClient,
  createOdfhirHeaders,
  type SeededDeveloper,
  seedDeveloper,
} from '../support/opendental.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { DAY_MS } from '../support/time.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let server: TestServer
let developer: SeededDeveloper
let developerClient: ReturnType<typeof createDeveloperClient>
beforeAll(async () => {
  upstream = await startHttpUpstream()
  server = await createTestServer({ LATCHKEY_UPSTREAM_OPENDENTAL: upstream.url })
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

const MADE = {
  CustomerKey: expect.stringMatching(/^[A-Z0-9]{16}$/),
  KeyStatus: 'Enabled',
  DateCreated: '2026-01-02',
  DateDisabled: '0001-01-01',
  DateTimeAssigned: '0001-01-01 00:00:00',
  DevRefId: '',
}

/** The status of a call for the office's data, a while after the last one. */
async function requestDataStatus(record: CustomerKeyJson, method = 'GET'): Promise<number> {
  server.clock.advance(5000)
  const headers = createOdfhirHeaders(developer.developerKey, record.CustomerKey)
  const body = method === 'GET' ? {} : { body: '{}' }
  return (await server.call('/api/v1/patients', { method, headers, ...body })).status
}

/** The row of the only key that the developer has. */
async function findRowId({ developerId }: SeededDeveloper): Promise<string> {
  const keys = await server.keys.list({ developerId, limit: 10 })
  return keys.find(({ keyType }) => keyType === 'opendental')?.id ?? ''
}

describe('a customer key', () => {
  beforeAll(async () => {
    server.clock.set(Date.UTC(2026, 0, 2, 23, 59, 50))
    developer = await seedDeveloper(server)
    developerClient = createDeveloperClient(server, developer)
  })

  let made: CustomerKeyJson
  let keyId: string

  test('begins enabled and unassigned, with only its creation date, and opens no data', async () => {
    expect(await developerClient.list()).toEqual([])
    made = await developerClient.create()
    expect(made).toEqual(MADE)
    keyId = await findRowId(developer)
    expect(await developerClient.list()).toEqual([made])
    expect(await requestDataStatus(made)).toBe(400)
  })

  test('opens the data of the office that assigns it, and shows the date of the assignment', async () => {
    server.clock.set(Date.UTC(2026, 0, 3, 4, 5, 6, 999))
    unwrap(await server.keys.assign(keyId, developer.siteId))
    expect(await developerClient.list()).toEqual([
      { ...made, DateTimeAssigned: '2026-01-03 04:05:06' },
    ])
    expect(await requestDataStatus(made)).toBe(200)
    expect(Object.fromEntries(upstream.requests.at(-1)?.headers ?? [])).toMatchObject({
      'x-latchkey-account': developer.accountId,
      'x-latchkey-key-type': 'opendental',
      'x-latchkey-owner': developer.ownerId,
      'x-latchkey-site': developer.siteId,
    })
  })

  test('can be disabled and enabled by its developer, which sets and resets DateDisabled', async () => {
    server.clock.set(Date.UTC(2026, 0, 4))
    const CustomerKey = made.CustomerKey
    const assigned = { ...made, DateTimeAssigned: '2026-01-03 04:05:06' }
    const disabled = { ...assigned, KeyStatus: 'DisabledByDeveloper', DateDisabled: '2026-01-04' }
    expect(await developerClient.put({ CustomerKey, KeyStatus: 'DisabledByDeveloper' })).toEqual({
      status: 200,
      body: disabled,
    })
    expect(await requestDataStatus(made)).toBe(401)
    // Again, another day: it is disabled since the first time.
    server.clock.advance(DAY_MS)
    expect(await developerClient.put({ CustomerKey, KeyStatus: 'DisabledByDeveloper' })).toEqual({
      status: 200,
      body: disabled,
    })
    expect(await developerClient.list()).toEqual([disabled])
    const named = { KeyStatus: 'DisabledByDeveloper', DevRefId: 'gone' }
    expect((await developerClient.put({ CustomerKey, ...named })).body).toEqual({
      ...disabled,
      ...named,
    })
    expect(await developerClient.put({ CustomerKey, KeyStatus: 'Enabled', DevRefId: '' })).toEqual({
      status: 200,
      body: assigned,
    })
    expect(await requestDataStatus(made)).toBe(200)
  })

  test('keeps the fields that a change leaves out', async () => {
    const CustomerKey = made.CustomerKey
    const named = { DevRefId: 'Sarah’s Super Dental' }
    expect((await developerClient.put({ CustomerKey, ...named })).body).toMatchObject({
      ...named,
      KeyStatus: 'Enabled',
    })
    for (const KeyStatus of ['DisabledByDeveloper', 'Enabled']) {
      expect((await developerClient.put({ CustomerKey, KeyStatus })).body).toMatchObject({
        ...named,
        KeyStatus,
      })
    }
    const [whole] = await developerClient.list()
    for (const nothing of [
      { CustomerKey },
      { CustomerKey, KeyStatus: null, DevRefId: null },
      { ...whole },
    ]) {
      expect(await developerClient.put(nothing)).toEqual({ status: 200, body: whole })
    }
    expect((await developerClient.put({ CustomerKey, DevRefId: '' })).body).toEqual({
      ...whole,
      DevRefId: '',
    })
  })

  test.each([
    ['customer', 'DisabledByCustomer', 'the customer'],
    ['operator', 'DisabledByHQ', 'headquarters'],
  ] as const)(
    'cannot be enabled by its developer after the %s has disabled it: %s',
    async (by, KeyStatus, who) => {
      unwrap(await server.keys.disable(keyId, by))
      const [disabled] = await developerClient.list()
      expect(disabled).toMatchObject({ KeyStatus, DateDisabled: '2026-01-05' })
      expect(await requestDataStatus(made)).toBe(401)
      for (const input of ['Enabled', 'DisabledByDeveloper']) {
        expect(
          await developerClient.put({
            CustomerKey: made.CustomerKey,
            KeyStatus: input,
            DevRefId: 'not even this',
          }),
        ).toEqual({
          status: 400,
          body: `This CustomerKey was disabled by ${who}: ${who} alone can set its KeyStatus.`,
        })
      }
      expect(await developerClient.list()).toEqual([disabled])
      // Fields other than KeyStatus can still be changed.
      expect(
        (await developerClient.put({ CustomerKey: made.CustomerKey, DevRefId: by })).body,
      ).toMatchObject({ KeyStatus, DateDisabled: '2026-01-05', DevRefId: by })
      expect((await server.keys.enable(keyId, 'developer')).ok).toBe(false)
      unwrap(await server.keys.enable(keyId, by))
      expect(await requestDataStatus(made)).toBe(200)
    },
  )

  test('cannot be enabled by another party after its developer has disabled it', async () => {
    await developerClient.put({ CustomerKey: made.CustomerKey, KeyStatus: 'DisabledByDeveloper' })
    for (const by of ['customer', 'operator'] as const) {
      expect((await server.keys.enable(keyId, by)).ok).toBe(false)
    }
    expect(await requestDataStatus(made)).toBe(401)
    await developerClient.put({ CustomerKey: made.CustomerKey, KeyStatus: 'Enabled' })
    expect(await requestDataStatus(made)).toBe(200)
  })

  test('can read but not write while its access is read-only', async () => {
    unwrap(await server.keys.edit(keyId, { access: 'read' }))
    expect(await developerClient.list()).toMatchObject([{ KeyStatus: 'EnabledReadOnly' }])
    expect([
      await requestDataStatus(made),
      await requestDataStatus(made, 'PUT'),
      await requestDataStatus(made, 'DELETE'),
    ]).toEqual([200, 401, 401])
    // The key is already enabled, so its access stays read-only.
    const { CustomerKey } = made
    expect(await developerClient.put({ CustomerKey, KeyStatus: 'Enabled' })).toMatchObject({
      status: 200,
      body: { KeyStatus: 'EnabledReadOnly' },
    })
    await developerClient.put({ CustomerKey, KeyStatus: 'DisabledByDeveloper' })
    expect(await developerClient.list()).toMatchObject([{ KeyStatus: 'DisabledByDeveloper' }])
    await developerClient.put({ CustomerKey, KeyStatus: 'Enabled' })
    expect(await developerClient.list()).toMatchObject([{ KeyStatus: 'EnabledReadOnly' }])
    unwrap(await server.keys.edit(keyId, { access: 'standard' }))
    expect(await requestDataStatus(made, 'PUT')).toBe(200)
  })

  test('has the status Unknown after it expires, and opens no data until its expiry is extended', async () => {
    unwrap(await server.keys.edit(keyId, { expiresAt: server.clock() + 1 }))
    expect(await developerClient.list()).toMatchObject([{ KeyStatus: 'Enabled' }])
    server.clock.advance(1)
    expect(await developerClient.list()).toMatchObject([
      { KeyStatus: 'Unknown', DateDisabled: '0001-01-01' },
    ])
    expect(await requestDataStatus(made)).toBe(401)
    unwrap(await server.keys.edit(keyId, { expiresAt: null }))
    expect(await requestDataStatus(made)).toBe(200)
  })

  test('opens no data after its office has unassigned it', async () => {
    unwrap(await server.keys.assign(keyId, null))
    expect(await developerClient.list()).toMatchObject([
      { DateTimeAssigned: '0001-01-01 00:00:00' },
    ])
    expect(await requestDataStatus(made)).toBe(400)
    unwrap(await server.keys.assign(keyId, developer.siteId))
    expect(await requestDataStatus(made)).toBe(200)
  })

  test('stays listed after its revocation, and can no longer be changed', async () => {
    server.clock.set(Date.UTC(2026, 1, 1))
    unwrap(await server.keys.revoke(keyId))
    expect(await requestDataStatus(made)).toBe(401)
    const revoked = await developerClient.list()
    expect(revoked).toMatchObject([{ KeyStatus: 'DisabledByHQ', DateDisabled: '2026-02-01' }])
    const { CustomerKey } = made
    for (const change of [{ KeyStatus: 'Enabled' }, { DevRefId: 'x' }, {}]) {
      expect(await developerClient.put({ CustomerKey, ...change })).toEqual({
        status: 400,
        body: 'This CustomerKey has been revoked, which is final.',
      })
    }
    expect(await developerClient.list()).toEqual(revoked)
  })

  test('is audited: each change names the developer key as the actor, and each listing is one event', async () => {
    const events = await server.storage.listEvents({ subject: keyId, limit: 100 })
    const { portalKeyId, developerId, ownerId } = developer
    const own = events.filter(({ actor }) => actor !== 'operator').toReversed()
    expect(own.slice(0, 4).map(({ actor, action, facts }) => [actor, action, facts])).toEqual([
      [
        portalKeyId,
        'key.created',
        { keyType: 'opendental', publicId: expect.any(String), ownerId, developerId },
      ],
      [portalKeyId, 'key.disabled', { by: 'developer' }],
      [portalKeyId, 'key.edited', { reference: 'gone' }],
      [portalKeyId, 'key.enabled', { by: 'developer', reference: '' }],
    ])
    const before = await server.storage.listEvents({ subject: developerId, limit: 1000 })
    await developerClient.list()
    const after = await server.storage.listEvents({ subject: developerId, limit: 1000 })
    expect(after.length).toBe(before.length + 1)
    expect(after[0]).toMatchObject({
      actor: portalKeyId,
      action: 'keys.viewed',
      facts: { keys: 1 },
    })
  })
})

test('a PUT that changes no field of a customer key is not audited', async () => {
  const own = await seedDeveloper(server)
  const ownClient = createDeveloperClient(server, own)
  const { CustomerKey } = await ownClient.create()
  const subject = await findRowId(own)
  for (const nothing of [{}, { KeyStatus: 'Enabled' }, { DevRefId: ' ' }]) {
    expect((await ownClient.put({ CustomerKey, ...nothing })).status).toBe(200)
  }
  expect(await server.storage.listEvents({ subject, limit: 10 })).toHaveLength(1)
})

test('two changed fields in one PUT of a customer key are one audit event', async () => {
  const own = await seedDeveloper(server)
  const ownClient = createDeveloperClient(server, own)
  const { CustomerKey } = await ownClient.create()
  await ownClient.put({ CustomerKey, KeyStatus: 'DisabledByDeveloper', DevRefId: 'gone' })
  const [last] = await server.storage.listEvents({ subject: await findRowId(own), limit: 10 })
  expect(last).toMatchObject({
    action: 'key.disabled',
    facts: { by: 'developer', reference: 'gone' },
  })
})

test('a thousand customer keys are listed oldest first with one audit event, without the developer key', async () => {
  const own = await seedDeveloper(server, {})
  const ownClient = createDeveloperClient(server, own)
  const made = []
  for (let n = 0; n < 1001; n++) {
    const { secret } = unwrap(
      await server.keys.create({
        keyType: 'opendental',
        ownerId: own.ownerId,
        developerId: own.developerId,
        name: `${n}`,
      }),
    )
    made.push(secret)
  }
  const { developerId } = own
  const before = await server.storage.listEvents({ limit: 2000 })
  expect((await ownClient.list()).map(({ CustomerKey }) => CustomerKey)).toEqual(made)
  const after = await server.storage.listEvents({ limit: 2000 })
  expect(after.slice(0, after.length - before.length)).toMatchObject([
    { action: 'keys.viewed', subject: developerId, facts: { keys: 1001 } },
  ])
})

test('a customer key with a rotated secret is listed and changed only by the new secret', async () => {
  const own = await seedDeveloper(server)
  const ownClient = createDeveloperClient(server, own)
  const { CustomerKey } = await ownClient.create()
  const { secret } = unwrap(
    await server.keys.rotateSecret(await findRowId(own), { overlapMs: 1_000_000 }),
  )
  expect(await ownClient.list()).toMatchObject([{ CustomerKey: secret }])
  expect((await ownClient.put({ CustomerKey })).status).toBe(404)
  expect(await ownClient.put({ CustomerKey: ` ${secret}\n` })).toMatchObject({
    status: 200,
    body: { CustomerKey: secret },
  })
})
