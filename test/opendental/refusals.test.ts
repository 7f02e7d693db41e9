import { describe, expect, test } from 'vitest'
import { createOpendentalHandler } from '../../src/http/vendors/opendental/api.ts'
import { StorageUnavailableError } from '../../src/service/ports/storage.ts'
import { createBrokenServer } from '../support/composed-server.ts'
import {
  createOdfhirHeaders,
  expectedOpendentalRefusal,
  seedCustomerKey,
  seedDeveloper,
} from '../support/opendental.ts'
import { readResponse } from '../support/responses.ts'
import { createTestServer, unwrap } from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'
import {
  createFixture,
  DATA,
  DATA_HEADER,
  enforceAllowlist,
  type Fault,
  getOfficeHeaders,
  getPortalHeaders,
  HERE,
  sendCall,
  server,
  useOpendentalServer,
  WRONG,
} from './refusal-fixture.ts'

useOpendentalServer()

describe('the Open Dental data API', () => {
  const faults: Fault[] = [
    ['the header is garbled', () => 0, () => ({ Authorization: 'ODFHIR' }), 401, DATA_HEADER],
    [
      'the developer key is unknown',
      () => 0,
      ({ office }) => createOdfhirHeaders('AAAAAAAAAAAAAAAA', office.secret),
      401,
      WRONG,
    ],
    [
      'the customer key is unknown',
      () => 0,
      ({ developer }) => createOdfhirHeaders(developer.developerKey, 'AAAAAAAAAAAAAAAA'),
      401,
      WRONG,
    ],
    [
      'the key is the developer’s own',
      () => 0,
      getPortalHeaders,
      401,
      'This API key may not do that: it opens no data.',
    ],
    [
      'the key is not assigned',
      ({ office }) => server.keys.assign(office.keyId, null).then(unwrap),
      getOfficeHeaders,
      400,
      'API key has not been assigned.',
    ],
    [
      'the key is disabled',
      ({ office }) => server.keys.disable(office.keyId, 'customer').then(unwrap),
      getOfficeHeaders,
      401,
      'API key is disabled.',
    ],
    [
      'the key is revoked',
      ({ office }) => server.keys.revoke(office.keyId).then(unwrap),
      getOfficeHeaders,
      401,
      'API key has been revoked.',
    ],
    [
      'the key has expired',
      async ({ office }) => {
        unwrap(await server.keys.edit(office.keyId, { expiresAt: server.clock() + 1 }))
        server.clock.advance(1)
      },
      getOfficeHeaders,
      401,
      'API key has expired.',
    ],
    [
      'the account is closed',
      ({ developer }) => server.accounts.setStatus(developer.accountId, 'closed').then(unwrap),
      getOfficeHeaders,
      401,
      'API access of this account is closed.',
    ],
    [
      'the address is not in the list',
      ({ developer }) => enforceAllowlist(developer),
      getOfficeHeaders,
      401,
      `This API key may not be used from the address ${HERE}.`,
    ],
  ]

  test.each(faults)(
    'answers with the documented error when %s',
    async (_, breakFixture, headers, ...told) => {
      const brokenFixture = await createFixture()
      await breakFixture(brokenFixture)
      expect(await readResponse(await sendCall(DATA, headers(brokenFixture)))).toEqual(
        expectedOpendentalRefusal(...told),
      )
    },
  )

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    'answers 401 when a read-only key writes: %s',
    async (method) => {
      const { developer } = await createFixture()
      const reader = await seedCustomerKey(server, developer, { access: 'read' })
      expect(await readResponse(await sendCall(DATA, reader.headers, method, '{}'))).toEqual(
        expectedOpendentalRefusal(401, 'This API key may not do that: it only reads.'),
      )
      server.clock.advance(5000)
      expect((await sendCall(DATA, reader.headers)).status).toBe(200)
    },
  )

  test.each([
    ['read', '5', 5000],
    ['standard', '1', 1000],
    ['enterprise', '1', 500],
  ] as const)(
    'limits a key with %s access to one request per interval, and answers with the remaining seconds',
    async (access, seconds, ms) => {
      const { developer } = await createFixture()
      const [key, other] = [
        await seedCustomerKey(server, developer, { access }),
        await seedCustomerKey(server, developer, { access }),
      ]
      expect((await sendCall(DATA, key.headers)).status).toBe(200)
      const tooMany = expectedOpendentalRefusal(
        429,
        `Too many requests. Seconds until you may try again: ${seconds}.`,
        { 'retry-after': seconds },
      )
      expect(await readResponse(await sendCall(DATA, key.headers))).toEqual(tooMany)
      // Each key has its own.
      expect((await sendCall(DATA, other.headers)).status).toBe(200)
      server.clock.advance(ms - 1)
      expect((await sendCall(DATA, key.headers)).status).toBe(429)
      server.clock.advance(1)
      expect((await sendCall(DATA, key.headers)).status).toBe(200)
    },
  )
})

const failUnreachable = () => {
  throw new Error('nobody comes this far')
}
const nobodyComesThisFar = {
  list: failUnreachable,
  create: failUnreachable,
  update: failUnreachable,
}

describe('error responses of the Open Dental API that do not depend on the key', () => {
  test('429 for an address with too many failures, but never for valid keys', async () => {
    const strict = await createTestServer({
      LATCHKEY_FAILURES_PER_ADDRESS: '2',
      LATCHKEY_FAILURES_SECONDS: '60',
    })
    const developer = await seedDeveloper(strict)
    const requestKeys = (headers: Record<string, string>) =>
      strict.call('/apikeys', { method: 'GET', headers })
    const guess = createOdfhirHeaders(developer.developerKey, 'AAAAAAAAAAAAAAAA')
    expect([(await requestKeys(guess)).status, (await requestKeys(guess)).status]).toEqual([
      401, 401,
    ])
    strict.clock.advance(1000)
    expect(await readResponse(await requestKeys(guess))).toEqual(
      expectedOpendentalRefusal(429, 'Too many failures. Seconds until you may try again: 59.', {
        'retry-after': '59',
      }),
    )
    expect((await requestKeys(developer.portalHeaders)).status).toBe(200)
    await strict.close()
  })

  test('502 without a reachable upstream, and 504 when the upstream does not answer in time', async () => {
    const silent = await startHttpUpstream(() => undefined)
    const unavailable = expectedOpendentalRefusal(502, 'The office did not answer as it should.')
    for (const [settings, expected] of [
      [{}, unavailable],
      [{ LATCHKEY_UPSTREAM_OPENDENTAL: 'http://127.0.0.1:1' }, unavailable],
      [
        {
          LATCHKEY_UPSTREAM_OPENDENTAL: silent.url,
          LATCHKEY_UPSTREAM_TIMEOUT_SECONDS: '1',
        },
        expectedOpendentalRefusal(504, 'The office did not answer in time.'),
      ],
    ] as const) {
      const other = await createTestServer(settings)
      const { headers } = await seedCustomerKey(other, await seedDeveloper(other))
      expect(await readResponse(await other.call(DATA, { method: 'GET', headers }))).toEqual(
        expected,
      )
      await other.close()
    }
    silent.close()
  })

  test('503 while the database is unavailable, and 500 for a bug of the server', async () => {
    for (const [thrown, expected] of [
      [
        new StorageUnavailableError('it restarts'),
        expectedOpendentalRefusal(503, 'The server is busy. Seconds until you may try again: 5.', {
          'retry-after': '5',
        }),
      ],
      [new Error('a bug'), expectedOpendentalRefusal(500, 'The server failed. Try again later.')],
    ] as const) {
      const broken = createBrokenServer(
        (deps) =>
          createOpendentalHandler({
            ...deps,
            clock: server.clock,
            customerKeys: nobodyComesThisFar,
          }),
        thrown,
      )
      for (const path of [DATA, '/apikeys']) {
        expect(
          await readResponse(
            await broken.request(path, { headers: createOdfhirHeaders('a', 'b') }),
          ),
        ).toEqual(expected)
      }
      expect(broken.log.lines.map(({ level, message }) => [level, message])).toEqual([
        ['error', 'a request failed'],
        ['error', 'a request failed'],
      ])
    }
  })

  test('400 for a path with dot segments', async () => {
    const { office } = await createFixture()
    expect(await readResponse(await sendCall('/api/v1/..%2fadmin', office.headers))).toEqual(
      expectedOpendentalRefusal(
        400,
        'The path must have no dot segments and no control characters.',
      ),
    )
  })
})
