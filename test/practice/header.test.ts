import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseBasicCredential } from '../../src/http/vendors/practice.ts'
import { createHeaders, headerBytes } from '../support/header-values.ts'
import { type OwnerKey, seedOwnerKey } from '../support/key-seeds.ts'
import { sendRaw } from '../support/raw-connection.ts'
import {
  createTestServer,
  type LiveServer,
  startLiveServer,
  type TestServer,
  unwrap,
} from '../support/server.ts'

const settings = {
  LATCHKEY_FAILURES_PER_ADDRESS: '1000000',
  LATCHKEY_QUOTA_REQUESTS: '1000000',
}
let server: TestServer
let ownerKey: OwnerKey
let pair: string
beforeAll(async () => {
  server = await createTestServer(settings)
  // A length of which base64 needs padding.
  ownerKey = await seedOwnerKey(server, 'practice', { username: 'ada.byron@smiles1' })
  pair = `${ownerKey.username}:${ownerKey.secret}`
})
afterAll(() => server.close())

const encode = (text: string | Uint8Array) => Buffer.from(text).toString('base64')

async function readOutcome(answer: Response): Promise<string> {
  if (answer.status === 200) return 'OK'
  expect(answer.status).toBe(401)
  const { message } = (await answer.json()) as { message: string }
  return message
}
const requestMe = async (Authorization: string) =>
  readOutcome(await server.call('/practice/v1/me', { method: 'GET', headers: { Authorization } }))

const WRONG = 'The username or the key is wrong.'
const NOT_BASIC = 'Send username:key by HTTP Basic authentication.'

describe('the Basic credential of a practice key', () => {
  test.each(['Basic', 'basic', 'BASIC', 'bAsIc'])(
    'is accepted with the scheme written as %s',
    async (scheme) => {
      expect(await requestMe(`${scheme} ${encode(pair)}`)).toBe('OK')
    },
  )

  test('is accepted in base64 with and without padding', async () => {
    const encoded = encode(pair)
    expect(encoded).toMatch(/=$/)
    expect(await requestMe(`Basic ${encoded}`)).toBe('OK')
    expect(await requestMe(`Basic ${encoded.replaceAll('=', '')}`)).toBe('OK')
  })

  test('is accepted with whitespace around the header, its parts, and the pair', async () => {
    expect(await requestMe(`  Basic   ${encode(pair)}  `)).toBe('OK')
    for (const around of [`${pair}\n`, `${pair}\r\n`, ` ${pair}`, `${pair} `, `\ufeff${pair}`]) {
      expect([around, await requestMe(`Basic ${encode(around)}`)]).toEqual([around, 'OK'])
    }
  })

  test('is split at the first colon, so that an imported key may contain colons', async () => {
    const input = { username: 'colon', secret: 'a:b::c:and-much-more:' }
    const { username, secret } = await seedOwnerKey(server, 'practice', input)
    expect(secret).toBe(input.secret)
    expect(await requestMe(`Basic ${encode(`${username}:${secret}`)}`)).toBe('OK')
  })
})

test.each([
  ['', NOT_BASIC],
  ['Basic', NOT_BASIC],
  ['Basic =', NOT_BASIC],
  ['Basic ====', NOT_BASIC],
  ['Basic a', NOT_BASIC],
  ['Basic !!!!', NOT_BASIC],
  ['Basic\tYTpi', NOT_BASIC],
  ['BasicYTpi', NOT_BASIC],
  ['Basic YT pi', NOT_BASIC],
  ['Basic YTpi, Basic YTpi', NOT_BASIC],
  ['Basic YTpi,YTpi', NOT_BASIC],
  ['Basic a:b', NOT_BASIC],
  ['Basic \u00e9\u00e9\u00e9\u00e9', NOT_BASIC],
  ['Digest YTpi', NOT_BASIC],
  [`Basic ${encode('no colon')}`, NOT_BASIC],
  [`Basic ${encode(new Uint8Array([0x61, 0xe9, 0x3a, 0x62]))}`, NOT_BASIC],
  [`Basic ${encode(new Uint8Array([0xc0, 0xba, 0x3a]))}`, NOT_BASIC],
  // RFC 4648 §5 is for URLs: RFC 7617 §2 means §4.
  [`Basic ${Buffer.from('a:\u00ff\u00ff\u00ff').toString('base64url')}`, NOT_BASIC],
  ['Basic Og==', WRONG],
  [`Basic ${encode('a:b')}`, WRONG],
  [`Basic ${encode('é:ß')}`, WRONG],
  [`Basic ${encode('\0:\0')}`, WRONG],
  [`Basic ${encode('constructor:__proto__')}`, WRONG],
  [`Basic ${encode("' OR 1=1--:' OR 1=1--")}`, WRONG],
])(
  'the Authorization header %j of a practice request is answered with: %s',
  async (header, message) => {
    expect(await requestMe(header)).toBe(message)
  },
)

test('a practice credential with inner whitespace, other case or extra characters is refused', async () => {
  const { username, secret } = ownerKey
  for (const wrong of [
    `${username} :${secret}`,
    `${username}: ${secret}`,
    `${username}:${secret}:`,
    `${username}::${secret}`,
    `:${username}:${secret}`,
    `${username}:${secret}\0`,
    `${username}\u0301:${secret}`,
    `Ada.Byron@smiles1:${secret}`,
    `${username}:${secret.toLowerCase()}`,
  ]) {
    expect([wrong, await requestMe(`Basic ${encode(wrong)}`)]).toEqual([wrong, WRONG])
  }
})

test('a practice key with any one character changed is refused, also in its checksum', async () => {
  const { username, secret } = ownerKey
  for (let at = 0; at < secret.length; at++) {
    const other = secret[at] === 'A' ? 'B' : 'A'
    const garbled = secret.slice(0, at) + other + secret.slice(at + 1)
    expect([at, await requestMe(`Basic ${encode(`${username}:${garbled}`)}`)]).toEqual([at, WRONG])
  }
})

test('a practice credential of 100 kB is refused, and the next request is served', async () => {
  for (const text of ['a', ':', ' ', 'a:', '\0', 'é', `${pair}\n`]) {
    const long = text.repeat(100_000 / text.length)
    expect(await requestMe(`Basic ${encode(long)}`)).not.toBe('OK')
    expect(await requestMe(`Basic ${encode(`${pair}${long}x`)}`)).not.toBe('OK')
    expect(await requestMe(`Basic ${' '.repeat(100_000)}${encode(`${long}x`)} x`)).toBe(NOT_BASIC)
  }
  expect(await requestMe(`Basic ${encode(pair)}`)).toBe('OK')
})

test.each(['Proxy-Authorization', 'X-Authorization', 'Cookie', 'X-Api-Key'])(
  'a practice credential in the header %s is ignored',
  async (name) => {
    const headers = { [name]: `Basic ${encode(pair)}` }
    const answer = await server.call('/practice/v1/me', { method: 'GET', headers })
    expect(await readOutcome(answer)).toBe(NOT_BASIC)
  },
)

test('a practice key in the query string is ignored', async () => {
  const path = `/practice/v1/me?username=${ownerKey.username}&key=${ownerKey.secret}`
  expect(await readOutcome(await server.call(path, { method: 'GET' }))).toBe(NOT_BASIC)
})

describe('the Authorization header of a practice request on a raw socket', () => {
  let live: LiveServer
  let line: string
  beforeAll(async () => {
    live = await startLiveServer(settings)
    const { username, secret } = await seedOwnerKey(live, 'practice')
    line = `Authorization: Basic ${encode(`${username}:${secret}`)}\r\n`
  })
  afterAll(() => live.close())

  test('is accepted once, and refused twice even with the same value', async () => {
    const sendRawRequest = async (headers: string) => {
      const request = `GET /practice/v1/me HTTP/1.1\r\nHost: latchkey.example\r\n${headers}\r\n`
      const answer = await sendRaw(live.url, Buffer.from(request, 'latin1'))
      return answer?.status === 200 ? 'OK' : JSON.parse(answer?.body ?? '{}').message
    }
    expect(await sendRawRequest(line)).toBe('OK')
    expect(await sendRawRequest(line + line)).toBe(NOT_BASIC)
    expect(await sendRawRequest(`${line}Authorization: Bearer x\r\n`)).toBe(NOT_BASIC)
    expect(await sendRawRequest(`Authorization: Bearer x\r\n${line}`)).toBe(NOT_BASIC)
    expect(await sendRawRequest('Authorization: Basic \xe9\r\n')).toBe(NOT_BASIC)
  })
})

test('the practice header parser never throws', () => {
  const values = fc.oneof(
    headerBytes,
    headerBytes.map((text) => `Basic ${text}`),
    fc.base64String().map((text) => `Basic ${text}`),
    fc.uint8Array().map((some) => `Basic ${encode(some)}`),
    fc.string({ unit: 'binary' }).map((text) => `Basic ${encode(text)}`),
  )
  fc.assert(
    fc.property(values, (value) => {
      const headers = createHeaders('Authorization', value)
      fc.pre(headers !== null)
      const read = parseBasicCredential(headers)
      if (read.ok) expect(read.value).toMatchObject({ keyType: 'practice' })
      else expect(read.failure.reason).toMatch(/^credential_(missing|malformed)$/)
    }),
    { numRuns: 500 },
  )
})

test('every UTF-8 username and key without surrounding whitespace is read unchanged', () => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(text, text, (username, secret) => {
      const whole = `${username}:${secret}`
      fc.pre(!username.includes(':') && whole.trim() === whole)
      const headers = new Headers({ Authorization: `Basic ${encode(whole)}` })
      expect(parseBasicCredential(headers)).toEqual({
        ok: true,
        value: { keyType: 'practice', username, secret },
      })
    }),
    { numRuns: 2000 },
  )
})

const printable = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code))
let serial = 0

test('every practice key that can be created or imported can be presented', async () => {
  const usernames = fc.stringMatching(/^[\w.@-]{1,50}$/)
  const secrets = fc.option(
    fc
      .string({ unit: printable, minLength: 16, maxLength: 500 })
      .filter((text) => !text.startsWith('lk_'))
      .map((text) => `${text}-${serial++}`),
    { nil: undefined },
  )
  const { accountId } = ownerKey
  await fc.assert(
    fc.asyncProperty(usernames, secrets, async (start, supplied) => {
      const username = `${start}${serial++}`
      const input = { accountId, email: `${serial++}@smiles.example`, role: 'engineer' } as const
      const owner = unwrap(await server.users.add({ ...input, username }))
      const { secret } = unwrap(
        await server.keys.create({
          keyType: 'practice',
          ownerId: owner.id,
          name: 'any',
          secret: supplied,
        }),
      )
      expect(await requestMe(`Basic ${encode(`${username}:${secret}`)}`)).toBe('OK')
    }),
    { numRuns: 100 },
  )
})
