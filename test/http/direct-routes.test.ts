import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildPost, type HostileFixture, openHostileFixture } from '../support/hostile-client.ts'

let fixture: HostileFixture
beforeAll(async () => {
  fixture = await openHostileFixture()
})
afterAll(() => fixture.close())

/** Node routes a request with this Host itself. */
const PLAIN_HOST = 'latchkey.example'
/** Only a URL parser can judge this Host, so Hono routes its request. */
const OTHER_HOST = '[::1]'

/** The response, without what differs between equal requests. */
async function sendTo(host: string, path: string, body: string, headers: readonly string[]) {
  const request = Buffer.from(buildPost(path, body)).toString('latin1')
  const lines = [`Host: ${host}`, ...headers].join('\r\n')
  const {
    status,
    headers: received,
    body: text,
  } = await fixture.send(request.replace(`Host: ${PLAIN_HOST}`, lines))
  return {
    status,
    body: text.replaceAll(/\d{6,}/g, 'number'),
    headers: received
      .map(([name, value]) =>
        /^(?:content-length|date|x-request-id)$/i.test(name)
          ? name.toLowerCase()
          : `${name.toLowerCase()}: ${value}`,
      )
      .sort(),
  }
}

test.each<[what: string, path: string, status: number, body: string, headers: string[]]>([
  ['a body that is no JSON', '/auth/authenticate', 400, '{', []],
  ['a wrong secret', '/auth/authenticate', 401, '{"apiKey":"x","secret":"y"}', []],
  ['a query', '/auth/refreshToken?a=b', 401, '{"apiKey":"x","refreshToken":"y"}', []],
  ['an empty body', '/auth/refreshToken', 400, '', []],
  ['a body that is too long', '/auth/authenticate', 413, 'x'.repeat(5000), []],
  ['a compressed body', '/auth/authenticate', 400, '{}', ['Content-Encoding: gzip']],
  [
    'two credentials',
    '/endpoint',
    401,
    '{}',
    ['Authorization: Bearer a', 'authorization: Bearer b'],
  ],
  [
    'HTTP Basic',
    '/oauth2/token',
    401,
    'grant_type=client_credentials',
    [
      'Content-Type: application/x-www-form-urlencoded',
      `Authorization: Basic ${btoa('client:secret')}`,
    ],
  ],
  ['a status that the proxy asks for', '/forward-auth/xenrad?statuses=403', 403, '', []],
  ['a type of credentials that is none', '/forward-auth/none', 404, '', []],
])(
  'a request is answered alike by Node and by Hono: %s',
  async (_what, path, status, body, headers) => {
    const answer = await sendTo(PLAIN_HOST, path, body, headers)
    expect(answer.status).toBe(status)
    expect(answer).toEqual(await sendTo(OTHER_HOST, path, body, headers))
  },
)

test('a second Authorization is not ignored', async () => {
  const lines = [`Authorization: Bearer ${fixture.accessToken}`, 'Authorization: Bearer x']
  expect((await sendTo(PLAIN_HOST, '/forward-auth/redox', '', lines.slice(0, 1))).status).toBe(200)
  expect((await sendTo(PLAIN_HOST, '/forward-auth/redox', '', lines)).status).toBe(401)
})

test('a Host that is no host is refused', async () => {
  expect((await sendTo('a b', '/auth/authenticate', '{}', [])).status).toBe(400)
})
