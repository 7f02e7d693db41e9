import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createOpendentalHandler } from '../../src/http/vendors/opendental/api.ts'
import { refuseKeyChange } from '../../src/http/vendors/opendental/refusals.ts'
import { StorageUnavailableError } from '../../src/service/ports/storage.ts'
import { createBrokenServer } from '../support/composed-server.ts'
import {
  type CustomerKey,
  createOdfhirHeaders,
  expectedOpendentalRefusal,
  type SeededDeveloper,
  seedCustomerKey,
  seedDeveloper,
} from '../support/opendental.ts'
import { readResponse } from '../support/responses.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

const HERE = '203.0.113.7'
const PLENTY = '1000000'

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let server: TestServer
beforeAll(async () => {
  upstream = await startHttpUpstream()
  server = await createTestServer({
    LATCHKEY_UPSTREAM_OPENDENTAL: upstream.url,
    LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
    LATCHKEY_QUOTA_REQUESTS: PLENTY,
  })
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

const DATA = '/api/v1/patients'
const LISTS = ['/apikeys', '/api/v1/apikeys', '/apikeys/']

const sendCall = (path: string, headers: Record<string, string>, method = 'GET', body?: string) =>
  server.call(path, { method, headers, address: HERE, ...(body !== undefined && { body }) })

const WRONG = 'The keys in the Authorization header are not valid.'
const DATA_HEADER = 'The Authorization header must be: ODFHIR {DeveloperKey}/{CustomerKey}'
const LIST_HEADER = 'The Authorization header must be: ODFHIR {DeveloperKey}/{DeveloperPortalKey}'

interface RefusalFixture {
  readonly developer: SeededDeveloper
  readonly office: CustomerKey
}

async function createFixture(): Promise<RefusalFixture> {
  const developer = await seedDeveloper(server)
  return { developer, office: await seedCustomerKey(server, developer) }
}

type Fault = [
  what: string,
  spoil: (world: RefusalFixture) => unknown,
  headers: (world: RefusalFixture) => Record<string, string>,
  status: number,
  explanation: string,
]

const getOfficeHeaders = ({ office }: RefusalFixture) => office.headers
const getPortalHeaders = ({ developer }: RefusalFixture) => developer.portalHeaders

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
      ({ developer }) => enforce(developer),
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
    'limits a key with %s access to one request per interval, and says how many seconds remain',
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

const enforce = async ({ accountId }: SeededDeveloper) => {
  unwrap(await server.ipAllowlist.add({ accountId, network: '198.51.100.0/24' }))
  unwrap(await server.ipAllowlist.setEnforced(accountId, true))
}

describe.each(LISTS)('the Open Dental key list at %s', (path) => {
  const faults: Fault[] = [
    ['the header is garbled', () => 0, () => ({ Authorization: 'ODFHIR a' }), 401, LIST_HEADER],
    [
      'the developer key is unknown',
      () => 0,
      ({ developer }) => createOdfhirHeaders('AAAAAAAAAAAAAAAA', developer.portalKey),
      401,
      WRONG,
    ],
    [
      'the portal key is unknown',
      () => 0,
      ({ developer }) => createOdfhirHeaders(developer.developerKey, 'AAAAAAAAAAAAAAAA'),
      401,
      WRONG,
    ],
    [
      'the key is an office’s',
      () => 0,
      getOfficeHeaders,
      401,
      'This API key may not do that: it opens no list of keys.',
    ],
    [
      'the key is of no office yet',
      ({ office }) => server.keys.assign(office.keyId, null).then(unwrap),
      getOfficeHeaders,
      401,
      'This API key may not do that: it opens no list of keys.',
    ],
    [
      'the portal key is disabled',
      ({ developer }) => server.keys.disable(developer.portalKeyId).then(unwrap),
      getPortalHeaders,
      401,
      'API key is disabled.',
    ],
    [
      'the portal key is revoked',
      ({ developer }) => server.keys.revoke(developer.portalKeyId).then(unwrap),
      getPortalHeaders,
      401,
      'API key has been revoked.',
    ],
    [
      'the account is closed',
      ({ developer }) => server.accounts.setStatus(developer.accountId, 'closed').then(unwrap),
      getPortalHeaders,
      401,
      'API access of this account is closed.',
    ],
    [
      'the address is not in the list',
      ({ developer }) => enforce(developer),
      getPortalHeaders,
      401,
      `This API key may not be used from the address ${HERE}.`,
    ],
  ]

  test.each(faults)('answers 401 when %s', async (_, breakFixture, headers, ...told) => {
    const brokenFixture = await createFixture()
    await breakFixture(brokenFixture)
    for (const method of ['GET', 'POST', 'PUT']) {
      server.clock.advance(1000)
      const answer = await sendCall(
        path,
        headers(brokenFixture),
        method,
        method === 'GET' ? undefined : '{}',
      )
      expect([method, await readResponse(answer)]).toEqual([
        method,
        expectedOpendentalRefusal(...told),
      ])
    }
  })

  test.each(['DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])('answers 405 to %s', async (method) => {
    const { developer } = await createFixture()
    for (const headers of [developer.portalHeaders, { Authorization: 'ODFHIR' }]) {
      expect(await readResponse(await sendCall(path, headers, method))).toEqual(
        expectedOpendentalRefusal(405, 'This resource takes GET, POST and PUT only.', {
          allow: 'GET, HEAD, POST, PUT',
        }),
      )
    }
  })

  test('answers HEAD as GET, without the body', async () => {
    const { developer } = await createFixture()
    const { body, ...head } = await readResponse(
      await sendCall(path, developer.portalHeaders, 'HEAD'),
    )
    const whole = await readResponse(await sendCall(path, developer.portalHeaders))
    expect({ ...head, body }).toEqual({
      ...whole,
      headers: { ...whole.headers, 'x-request-id': expect.any(String) },
      body: '',
    })
  })
})

test.each(['/apikeys/AAAAAAAAAAAAAAAA', '/api/v1/apikeys/AAAAAAAAAAAAAAAA', '/apikeys//'])(
  'a path below the Open Dental key list is answered with 404 for every caller: %s',
  async (path) => {
    const { developer, office } = await createFixture()
    const nothing = expectedOpendentalRefusal(404, 'There is no such resource.')
    for (const headers of [developer.portalHeaders, office.headers, { Authorization: 'ODFHIR' }]) {
      for (const method of ['GET', 'DELETE']) {
        expect(await readResponse(await sendCall(path, headers, method))).toEqual(nothing)
      }
    }
  },
)

test('the Open Dental key list needs an ODFHIR header, and accepts no other key type', async () => {
  for (const headers of [{}, { 'X-Api-Key': 'a.b' }, { Authorization: 'Basic YTpi' }]) {
    expect(await readResponse(await sendCall('/apikeys', headers))).toEqual(
      expectedOpendentalRefusal(401, LIST_HEADER),
    )
  }
})

describe('an invalid request to the Open Dental key list', () => {
  const cases: [what: string, body: string, status: number, explanation: string][] = [
    ['no body', '', 400, 'CustomerKey is missing.'],
    ['no key', '{"KeyStatus":"Enabled"}', 400, 'CustomerKey is missing.'],
    ['null as the key', '{"CustomerKey":null}', 400, 'CustomerKey is missing.'],
    ['a blank key', '{"CustomerKey":" "}', 400, 'CustomerKey is missing.'],
    ['a number as the key', '{"CustomerKey":7}', 400, 'CustomerKey must be a string.'],
    ['keys in a list', '{"CustomerKey":["K"]}', 400, 'CustomerKey must be a string.'],
    ['an unknown key', '{"CustomerKey":"AAAAAAAAAAAAAAAA"}', 404, 'You have no such CustomerKey.'],
    ['a key in lower case', '{"CustomerKey":"{{lower}}"}', 404, 'You have no such CustomerKey.'],
    ['another’s key', '{"CustomerKey":"{{other}}"}', 404, 'You have no such CustomerKey.'],
    [
      'the developer’s own key',
      '{"CustomerKey":"{{portal}}"}',
      404,
      'You have no such CustomerKey.',
    ],
    ...[
      'DisabledByCustomer',
      'DisabledByHQ',
      'EnabledReadOnly',
      'Unknown',
      'enabled',
      'Enabled ',
      '',
      'constructor',
      '__proto__',
      'Revoked',
    ].map((status): [string, string, number, string] => [
      `the status ${JSON.stringify(status)}`,
      JSON.stringify({ CustomerKey: '{{own}}', KeyStatus: status, DevRefId: 'x' }),
      400,
      'KeyStatus must be Enabled or DisabledByDeveloper.',
    ]),
    [
      'a status that is no text',
      '{"CustomerKey":"{{own}}","KeyStatus":true}',
      400,
      'KeyStatus must be a string.',
    ],
    [
      'a reference that is no text',
      '{"CustomerKey":"{{own}}","DevRefId":{}}',
      400,
      'DevRefId must be a string.',
    ],
    [
      'a reference that is too long',
      `{"CustomerKey":"{{own}}","DevRefId":"${'é'.repeat(201)}"}`,
      400,
      'DevRefId cannot be set: it must not be longer than 200 characters.',
    ],
    [
      'a reference with a NUL',
      '{"CustomerKey":"{{own}}","DevRefId":"a\\u0000b"}',
      400,
      'DevRefId cannot be set: it must be plain text.',
    ],
    [
      'half a character as the reference',
      '{"CustomerKey":"{{own}}","DevRefId":"\\ud800"}',
      400,
      'DevRefId cannot be set: it must be plain text.',
    ],
    ...['customerKey', 'Keystatus', 'constructor', '__proto__', ''].map(
      (name): [string, string, number, string] => [
        `the member ${JSON.stringify(name)}`,
        `{"CustomerKey":"{{own}}",${JSON.stringify(name)}:"Enabled"}`,
        400,
        'The body must have no members but those of a key, spelled as they are.',
      ],
    ),
    [
      'a member that is there twice',
      '{"CustomerKey":"{{own}}","KeyStatus":"Enabled","KeyStatus":"DisabledByDeveloper"}',
      400,
      'The request cannot be read: "KeyStatus" is there twice.',
    ],
    [
      'a comma too many',
      '{"CustomerKey":"{{own}}",}',
      400,
      'The request cannot be read: the body is not valid JSON.',
    ],
    ...['[]', 'null', '"{{own}}"', '7'].map((body): [string, string, number, string] => [
      `the body ${body}`,
      body,
      400,
      'The request cannot be read: the body is not a JSON object.',
    ]),
    [
      'a form',
      'CustomerKey={{own}}',
      400,
      'The request cannot be read: the body is not valid JSON.',
    ],
  ]

  test.each(cases)('with %s is refused, and changes no key', async (_, body, ...told) => {
    const { developer, office } = await createFixture()
    const other = await createFixture()
    const filled = body
      .replace('{{own}}', office.secret)
      .replace('{{lower}}', office.secret.toLowerCase())
      .replace('{{other}}', other.office.secret)
      .replace('{{portal}}', developer.portalKey)
    const before = await server.keys.list({ developerId: developer.developerId, limit: 10 })
    const answer = await sendCall('/apikeys', developer.portalHeaders, 'PUT', filled)
    expect(await readResponse(answer)).toEqual(expectedOpendentalRefusal(...told))
    expect(await server.keys.list({ developerId: developer.developerId, limit: 10 })).toEqual(
      before,
    )
  })

  test('with a body that is not valid UTF-8 is refused', async () => {
    const { developer } = await createFixture()
    const answer = await server.call('/apikeys', {
      method: 'PUT',
      headers: developer.portalHeaders,
      body: Buffer.from('{"CustomerKey":"\xff"}', 'latin1'),
    })
    expect(await readResponse(answer)).toEqual(
      expectedOpendentalRefusal(400, 'The request cannot be read: the body is not valid UTF-8.'),
    )
  })

  test.each(['POST', 'PUT'])(
    'with a body of 10 MB is refused, with a Content-Length or without: %s',
    async (method) => {
      const { developer } = await createFixture()
      const body = `{"CustomerKey":"${'A'.repeat(10_000_000)}"}`
      const tooLarge = expectedOpendentalRefusal(
        413,
        'The body must not be longer than 4096 bytes.',
        {
          connection: 'close',
        },
      )
      for (const sent of [body, Buffer.from(body)]) {
        const answer = await server.call('/apikeys', {
          method,
          headers: developer.portalHeaders,
          body: sent,
        })
        expect(await readResponse(answer)).toEqual(tooLarge)
      }
    },
  )
})

test('a contended change of a customer key is answered with 503 and Retry-After', () => {
  expect(refuseKeyChange({ reason: 'contended' })).toEqual({
    status: 503,
    type: 'application/json; charset=utf-8',
    body: '"Others are changing this CustomerKey. Seconds until you may try again: 1."',
    headers: { 'Retry-After': '1' },
  })
})

describe('a new customer key', () => {
  test.each([undefined, '', ' \n', '{}', ' { } '])('is created with the body %j', async (body) => {
    const { developer } = await createFixture()
    expect((await sendCall('/apikeys', developer.portalHeaders, 'POST', body)).status).toBe(201)
  })

  test.each(['{"KeyStatus":"Enabled"}', '{"x":1}', '[]', 'null', '""', '0', 'x', '{'])(
    'is not created with the body %s',
    async (body) => {
      const { developer } = await createFixture()
      const { developerId } = developer
      const answer = await readResponse(
        await sendCall('/apikeys', developer.portalHeaders, 'POST', body),
      )
      const [told] = [
        'The body must be empty: a new key takes no parameters.',
        'The request cannot be read: the body is not a JSON object.',
        'The request cannot be read: the body is not valid JSON.',
      ].filter((text) => answer.body === JSON.stringify(text))
      expect(answer).toEqual(expectedOpendentalRefusal(400, told ?? 'one of these'))
      expect(await server.keys.list({ developerId, limit: 10 })).toHaveLength(2)
    },
  )

  test('is not created for a deactivated owner', async () => {
    const { developer } = await createFixture()
    unwrap(await server.users.deactivate(developer.ownerId))
    expect(await readResponse(await sendCall('/apikeys', developer.portalHeaders, 'POST'))).toEqual(
      expectedOpendentalRefusal(
        400,
        'No CustomerKey can be made: the owner of this DeveloperPortalKey may own no more keys.',
      ),
    )
  })
})

const failUnreachable = () => {
  throw new Error('nobody comes this far')
}
const nobodyComesThisFar = {
  list: failUnreachable,
  create: failUnreachable,
  update: failUnreachable,
}

describe('Open Dental error responses outside of the key checks:', () => {
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
