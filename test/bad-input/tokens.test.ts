import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { open } from '../../src/node/server.ts'
import {
  type Added,
  errorOf,
  type Hostile,
  post,
  seedStranger,
  startHostile,
} from '../support/hostile.ts'
import {
  seedKey,
  type TokenAnswer,
  temporaryFolder,
  testLog,
  testServer,
} from '../support/server.ts'

const PUBLIC_URL = 'https://latchkey.example'

let hostile: Hostile
let stranger: Awaited<ReturnType<typeof seedStranger>>
let unharmed: (added?: Added) => Promise<void>
let added: Added
beforeAll(async () => {
  hostile = await startHostile()
  stranger = await seedStranger(hostile)
})
beforeEach(() => {
  added = {}
  unharmed = hostile.watch()
})
afterEach(() => unharmed(added))
afterAll(() => hostile.close())

const send = (...authorization: string[]) => {
  const body = JSON.stringify(hostile.message)
  const lines = authorization.map((value) => `Authorization: ${value}\r\n`).join('')
  return hostile.send(
    `POST /endpoint HTTP/1.1\r\nHost: x\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`,
  )
}

async function expectRefused(...authorization: string[]) {
  const answer = await send(...authorization)
  expect([answer.status, errorOf(answer)]).toEqual([
    401,
    'The access token is missing, invalid or expired.',
  ])
  const error = authorization.length === 0 ? '' : ', error="invalid_token"'
  expect(answer.headers).toContainEqual(['WWW-Authenticate', `Bearer realm="Latchkey"${error}`])
}

/** Tokens from a server on the same database that differs in one thing. */
async function tokensOf(settings: Record<string, string>, publicUrl: string) {
  const config = readConfig({ LATCHKEY_DATA: hostile.dir, ...settings })
  const other = await open(config, { publicUrl, log: testLog() })
  const answer = await other.app.request('/auth/authenticate', {
    method: 'POST',
    body: hostile.credentials,
  })
  await other.storage.close()
  return (await answer.json()) as TokenAnswer
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>

describe('the header', () => {
  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('%s opens', async (scheme) => {
    expect((await send(`${scheme} ${hostile.accessToken}`)).status).toBe(200)
    added.messages = 1
  })

  test('blanks around the token are passed over', async () => {
    expect((await send(`  Bearer   ${hostile.accessToken}  `)).status).toBe(200)
    added.messages = 1
  })

  test('none: refused', () => expectRefused())
  test('two: refused, even where one or both open', async () => {
    await expectRefused(`Bearer ${hostile.accessToken}`, 'Bearer x')
    await expectRefused('Bearer x', `Bearer ${hostile.accessToken}`)
    await expectRefused(`Bearer ${hostile.accessToken}`, `Bearer ${hostile.accessToken}`)
  })

  test.each<[string, (token: string) => string]>([
    ['nothing', () => ''],
    ['a scheme alone', () => 'Bearer'],
    ['a scheme and blanks', () => 'Bearer    '],
    ['no scheme', (token) => token],
    ['no blank', (token) => `Bearer${token}`],
    ['a tab', (token) => `Bearer\t${token}`],
    ['another scheme', (token) => `Basic ${token}`],
    ['a scheme that begins alike', (token) => `BearerX ${token}`],
    ['a comma', (token) => `Bearer ${token},`],
    ['quotes', (token) => `Bearer "${token}"`],
    ['two tokens', (token) => `Bearer ${token} ${token}`],
    ['a parameter', (token) => `Bearer token=${token}`],
    ['letters that are no ASCII', () => 'Bearer \xe9\xff'],
    ['15 KB', () => `Bearer ${'a.b'.repeat(5000)}`],
  ])('%s: refused', (_, header) => expectRefused(header(hostile.accessToken)))
})

describe('the access token', () => {
  const parts = () => hostile.accessToken.split('.')

  test.each<[string, () => string]>([
    ['cut short', () => hostile.accessToken.slice(0, -1)],
    ['with a tail', () => `${hostile.accessToken}A`],
    ['with a part more', () => `${hostile.accessToken}.AAAA`],
    ['without a signature', () => `${parts()[0]}.${parts()[1]}.`],
    ['with padding', () => `${hostile.accessToken}==`],
    ['alg none', () => `${encode({ alg: 'none', typ: 'at+jwt' })}.${parts()[1]}.`],
    ['alg none, signature kept', () => `${encode({ alg: 'none' })}.${parts()[1]}.${parts()[2]}`],
    [
      'alg HS256 with our key id',
      () => `${encode({ ...decode(parts()[0]), alg: 'HS256' })}.${parts()[1]}.${parts()[2]}`,
    ],
    [
      'a header of ours in other words',
      () => `${encode({ ...decode(parts()[0]), extra: 1 })}.${parts()[1]}.${parts()[2]}`,
    ],
    [
      'a key of its own in the header',
      () => `${encode({ ...decode(parts()[0]), jwk: { kty: 'OKP' } })}.${parts()[1]}.${parts()[2]}`,
    ],
    [
      'a later expiry',
      () => `${parts()[0]}.${encode({ ...decode(parts()[1]), exp: 9e9, iat: 8e9 })}.${parts()[2]}`,
    ],
    [
      'the payload of another key',
      () => `${parts()[0]}.${stranger.accessToken.split('.')[1]}.${parts()[2]}`,
    ],
    ['a refresh token', () => hostile.refreshToken],
    ['a secret', () => hostile.key.secret],
  ])('%s: refused', (_, token) => expectRefused(`Bearer ${token()}`))

  test('of another issuer on the same database and key ring: refused', async () => {
    const { accessToken } = await tokensOf({}, 'https://other.example')
    await expectRefused(`Bearer ${accessToken}`)
  })

  test('of another key ring: refused', async () => {
    const foreign = await testServer({ LATCHKEY_URL: PUBLIC_URL })
    const key = await seedKey(foreign)
    const answer = await foreign.authenticate(key.apiKey, key.secret)
    const { accessToken } = (await answer.json()) as TokenAnswer
    await foreign.close()
    await expectRefused(`Bearer ${accessToken}`)
  })

  test('opens until its last millisecond, and not at its end', async () => {
    const server = await testServer({}, { dir: temporaryFolder() })
    const key = await seedKey(server)
    const answer = await server.authenticate(key.apiKey, key.secret)
    const { accessToken, expires } = (await answer.json()) as TokenAnswer
    const message = {
      ...hostile.message,
      Meta: { ...hostile.message.Meta, Destinations: [{ ID: key.destinationId }] },
    }
    server.clock.set(Date.parse(expires) - 1)
    expect((await server.endpoint(accessToken, message)).status).toBe(200)
    server.clock.turn(1)
    expect((await server.endpoint(accessToken, message)).status).toBe(401)
    server.clock.turn(1)
    expect((await server.endpoint(accessToken, message)).status).toBe(401)
    await server.close()
  })
})

describe('the refresh token', () => {
  const refresh = (refreshToken: string) =>
    hostile.send(
      post('/auth/refreshToken', JSON.stringify({ apiKey: hostile.key.apiKey, refreshToken })),
    )

  test.each<[string, () => string]>([
    ['of another key', () => stranger.refreshToken],
    ['an access token', () => hostile.accessToken],
    ['cut short', () => hostile.refreshToken.slice(0, -1)],
    ['with a tail', () => `${hostile.refreshToken}A`],
    ['without its prefix', () => hostile.refreshToken.slice(3)],
    ['its prefix alone', () => 'rt_'],
    ['with blanks', () => ` ${hostile.refreshToken} `],
    ['in capitals', () => hostile.refreshToken.toUpperCase()],
    ['with another last letter', () => swapLast(hostile.refreshToken)],
  ])('%s: refused', async (_, token) => {
    const answer = await refresh(token())
    expect([answer.status, answer.body]).toEqual([401, 'Invalid request'])
  })
})

const swapLast = (token: string) => token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')
