import { describe, expect, test } from 'vitest'
import { refuseKeyChange } from '../../src/http/vendors/opendental/refusals.ts'
import { createOdfhirHeaders, expectedOpendentalRefusal } from '../support/opendental.ts'
import { readResponse } from '../support/responses.ts'
import { unwrap } from '../support/server.ts'
import {
  createFixture,
  enforceAllowlist,
  type Fault,
  getOfficeHeaders,
  getPortalHeaders,
  HERE,
  LIST_HEADER,
  LISTS,
  sendCall,
  server,
  useOpendentalServer,
  WRONG,
} from './refusal-fixture.ts'

useOpendentalServer()

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
      ({ developer }) => enforceAllowlist(developer),
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

  test.each(cases)('is refused with %s, and changes no key', async (_, body, ...told) => {
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

  test('is refused with a body that is not valid UTF-8', async () => {
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
