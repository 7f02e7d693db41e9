import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { openLatchkey } from '../../../src/node/open-latchkey.ts'
import { composeNodeApps } from '../../../src/node/server.ts'
import {
  buildPost,
  type ExpectedRows,
  type HostileFixture,
  openHostileFixture,
  readMetaError,
  seedOtherKey,
} from '../../support/hostile-client.ts'
import {
  createTempFolder,
  createTestLog,
  createTestServer,
  seedKey,
  type TokenResponse,
} from '../../support/server.ts'

const PUBLIC_URL = 'https://latchkey.example'

let fixture: HostileFixture
let stranger: Awaited<ReturnType<typeof seedOtherKey>>
/** The same key's tokens of a server that issues JWTs, and another key's. */
let jwt: string
let strangerJwt: string
let expectUnchanged: (added?: ExpectedRows) => Promise<void>
let added: ExpectedRows
beforeAll(async () => {
  fixture = await openHostileFixture()
  stranger = await seedOtherKey(fixture)
  const settings = { LATCHKEY_ACCESS_TOKENS: 'jwt' }
  jwt = (await issueTokens(settings, PUBLIC_URL)).accessToken
  strangerJwt = (await issueTokens(settings, PUBLIC_URL, stranger.credentials)).accessToken
})
beforeEach(() => {
  added = {}
  expectUnchanged = fixture.snapshotDatabase()
})
afterEach(() => expectUnchanged(added))
afterAll(() => fixture.close())

const send = (...authorization: string[]) => {
  const body = JSON.stringify(fixture.message)
  const lines = authorization.map((value) => `Authorization: ${value}\r\n`).join('')
  return fixture.send(
    `POST /endpoint HTTP/1.1\r\nHost: x\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`,
  )
}

async function expectRefused(...authorization: string[]) {
  const answer = await send(...authorization)
  expect([answer.status, readMetaError(answer)]).toEqual([
    401,
    'The access token is missing, invalid or expired.',
  ])
  const error = authorization.length === 0 ? '' : ', error="invalid_token"'
  expect(answer.headers).toContainEqual(['WWW-Authenticate', `Bearer realm="Latchkey"${error}`])
}

/** Tokens from a server on the same database that differs in one thing. */
async function issueTokens(
  settings: Record<string, string>,
  publicUrl: string,
  body = fixture.credentials,
) {
  const config = readConfig({ LATCHKEY_DATA: fixture.dir, ...settings })
  const other = await openLatchkey(config, { publicUrl, log: createTestLog() })
  const answer = await composeNodeApps(other).app.request('/auth/authenticate', {
    method: 'POST',
    body,
  })
  await other.storage.close()
  return (await answer.json()) as TokenResponse
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const decodePart = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>

describe('the header', () => {
  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('%s opens', async (scheme) => {
    expect((await send(`${scheme} ${fixture.accessToken}`)).status).toBe(200)
    added.messages = 1
  })

  test('blanks around the token are passed over', async () => {
    expect((await send(`  Bearer   ${fixture.accessToken}  `)).status).toBe(200)
    added.messages = 1
  })

  test('none: refused', () => expectRefused())
  test('two: refused, even where one or both open', async () => {
    await expectRefused(`Bearer ${fixture.accessToken}`, 'Bearer x')
    await expectRefused('Bearer x', `Bearer ${fixture.accessToken}`)
    await expectRefused(`Bearer ${fixture.accessToken}`, `Bearer ${fixture.accessToken}`)
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
  ])('%s: refused', (_, header) => expectRefused(header(fixture.accessToken)))
})

describe('an opaque access token', () => {
  const decodeToken = (token: string) => Buffer.from(token.slice('at_'.length), 'base64url')
  const changeByte = (at: number) => {
    const bytes = decodeToken(fixture.accessToken)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    return `at_${bytes.toString('base64url')}`
  }

  test.each<[string, () => string]>([
    ['cut short', () => fixture.accessToken.slice(0, -1)],
    ['with a tail', () => `${fixture.accessToken}A`],
    ['with padding', () => `${fixture.accessToken}==`],
    ['without its prefix', () => fixture.accessToken.slice(3)],
    ['its prefix alone', () => 'at_'],
    ['in capitals', () => fixture.accessToken.toUpperCase()],
    ['with another last letter', () => changeLastCharacter(fixture.accessToken)],
    ['of another version', () => changeByte(0)],
    ['of another ring', () => changeByte(1)],
    ['of an unknown key', () => changeByte(20)],
    ['of another grant', () => changeByte(36)],
    ['of a later time', () => changeByte(48)],
    ['with another tag', () => changeByte(66)],
    [
      'with the body of another key',
      () => {
        const body = decodeToken(stranger.accessToken).subarray(0, 51)
        const tag = decodeToken(fixture.accessToken).subarray(51)
        return `at_${Buffer.concat([body, tag]).toString('base64url')}`
      },
    ],
    ['a refresh token', () => fixture.refreshToken],
    ['a refresh token, renamed', () => fixture.refreshToken.replace('rt_', 'at_')],
    ['a secret', () => fixture.key.secret],
  ])('%s: refused', (_, token) => expectRefused(`Bearer ${token()}`))
})

describe('a JWT access token', () => {
  const splitToken = () => jwt.split('.')

  test('opens a server that issues opaque tokens', async () => {
    expect((await send(`Bearer ${jwt}`)).status).toBe(200)
    added.messages = 1
  })

  test.each<[string, () => string]>([
    ['cut short', () => jwt.slice(0, -1)],
    ['with a tail', () => `${jwt}A`],
    ['with a part more', () => `${jwt}.AAAA`],
    ['without a signature', () => `${splitToken()[0]}.${splitToken()[1]}.`],
    ['with padding', () => `${jwt}==`],
    ['alg none', () => `${encode({ alg: 'none', typ: 'at+jwt' })}.${splitToken()[1]}.`],
    [
      'alg none, signature kept',
      () => `${encode({ alg: 'none' })}.${splitToken()[1]}.${splitToken()[2]}`,
    ],
    [
      'alg HS256 with our key id',
      () =>
        `${encode({ ...decodePart(splitToken()[0]), alg: 'HS256' })}.${splitToken()[1]}.${splitToken()[2]}`,
    ],
    [
      'a header of ours in other words',
      () =>
        `${encode({ ...decodePart(splitToken()[0]), extra: 1 })}.${splitToken()[1]}.${splitToken()[2]}`,
    ],
    [
      'a key of its own in the header',
      () =>
        `${encode({ ...decodePart(splitToken()[0]), jwk: { kty: 'OKP' } })}.${splitToken()[1]}.${splitToken()[2]}`,
    ],
    [
      'a later expiry',
      () =>
        `${splitToken()[0]}.${encode({ ...decodePart(splitToken()[1]), exp: 9e9, iat: 8e9 })}.${splitToken()[2]}`,
    ],
    [
      'the payload of another key',
      () => `${splitToken()[0]}.${strangerJwt.split('.')[1]}.${splitToken()[2]}`,
    ],
  ])('%s: refused', (_, token) => expectRefused(`Bearer ${token()}`))
})

describe('an access token', () => {
  test.each(['opaque', 'jwt'])(
    '(%s) of another issuer on the same database and key ring: refused',
    async (LATCHKEY_ACCESS_TOKENS) => {
      const { accessToken } = await issueTokens({ LATCHKEY_ACCESS_TOKENS }, 'https://other.example')
      await expectRefused(`Bearer ${accessToken}`)
    },
  )

  test('of another key ring: refused', async () => {
    const foreign = await createTestServer({ LATCHKEY_URL: PUBLIC_URL })
    const key = await seedKey(foreign)
    const answer = await foreign.authenticate(key.apiKey, key.secret)
    const { accessToken } = (await answer.json()) as TokenResponse
    await foreign.close()
    await expectRefused(`Bearer ${accessToken}`)
  })

  test('opens until its last millisecond, and not at its end', async () => {
    const server = await createTestServer({}, { dir: createTempFolder() })
    const key = await seedKey(server)
    const answer = await server.authenticate(key.apiKey, key.secret)
    const { accessToken, expires } = (await answer.json()) as TokenResponse
    const message = {
      ...fixture.message,
      Meta: { ...fixture.message.Meta, Destinations: [{ ID: key.destinationId }] },
    }
    server.clock.set(Date.parse(expires) - 1)
    expect((await server.endpoint(accessToken, message)).status).toBe(200)
    server.clock.advance(1)
    expect((await server.endpoint(accessToken, message)).status).toBe(401)
    server.clock.advance(1)
    expect((await server.endpoint(accessToken, message)).status).toBe(401)
    await server.close()
  })
})

describe('the refresh token', () => {
  const refresh = (refreshToken: string) =>
    fixture.send(
      buildPost('/auth/refreshToken', JSON.stringify({ apiKey: fixture.key.apiKey, refreshToken })),
    )

  test.each<[string, () => string]>([
    ['of another key', () => stranger.refreshToken],
    ['an access token', () => fixture.accessToken],
    ['cut short', () => fixture.refreshToken.slice(0, -1)],
    ['with a tail', () => `${fixture.refreshToken}A`],
    ['without its prefix', () => fixture.refreshToken.slice(3)],
    ['its prefix alone', () => 'rt_'],
    ['with blanks', () => ` ${fixture.refreshToken} `],
    ['in capitals', () => fixture.refreshToken.toUpperCase()],
    ['with another last letter', () => changeLastCharacter(fixture.refreshToken)],
  ])('%s: refused', async (_, token) => {
    const answer = await refresh(token())
    expect([answer.status, answer.body]).toEqual([401, 'Invalid request'])
  })
})

const changeLastCharacter = (token: string) =>
  token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')
