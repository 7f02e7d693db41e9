import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseXdentApiKey } from '../../src/http/vendors/xdent.ts'
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
let validHeader: string
beforeAll(async () => {
  server = await createTestServer(settings)
  ownerKey = await seedOwnerKey(server, 'xdent')
  validHeader = `${ownerKey.publicId}.${ownerKey.secret}`
})
afterAll(() => server.close())

const requestIdentity = (value: string, name = 'X-Api-Key') =>
  server.call('/api/v1/Identity', { method: 'GET', headers: { [name]: value } })

async function readErrorCode(answer: Response): Promise<string> {
  if (answer.status === 200) return 'OK'
  const { Code } = (await answer.json()) as { Code: string }
  return Code
}

/** The header with this key and secret in place of `id` and `s`. */
const encodeHeader = (pattern: string) =>
  pattern.replace('id', ownerKey.publicId).replace(/\bs\b/, () => ownerKey.secret)

test.each([
  ['id.s', 'OK'],
  // HTTP strips whitespace around a value (RFC 9110 §5.5).
  ['  id.s\t', 'OK'],
  ['', 'MISSING_API_KEY'],
  ['   ', 'MISSING_API_KEY'],
  ['.', 'INVALID_API_KEY'],
  ['..', 'INVALID_API_KEY'],
  ['.s', 'INVALID_API_KEY'],
  ['s', 'INVALID_API_KEY'],
  ['id', 'SECRET_REQUIRED'],
  ['id.', 'SECRET_REQUIRED'],
  ['id..s', 'INVALID_SECRET'],
  ['id.s.', 'INVALID_SECRET'],
  ['id.s.s', 'INVALID_SECRET'],
  ['id:s', 'INVALID_API_KEY'],
  ['id .s', 'INVALID_API_KEY'],
  ['id. s', 'INVALID_API_KEY'],
  ['id\ts', 'INVALID_API_KEY'],
  ['"id.s"', 'INVALID_API_KEY'],
  ['ApiKey id.s', 'INVALID_API_KEY'],
  ['id.s, id.s', 'INVALID_API_KEY'],
  ['id.s,id.s', 'INVALID_SECRET'],
  [', id.s', 'INVALID_API_KEY'],
  ['id.\u00e9', 'INVALID_API_KEY'],
  ['\u00ffid.s', 'INVALID_API_KEY'],
  ['s.id', 'INVALID_API_KEY'],
  ['constructor.s', 'INVALID_API_KEY'],
  ["' OR 1=1--.s", 'INVALID_API_KEY'],
  ['%.s', 'INVALID_API_KEY'],
])('the XDENT header %j is answered with %s', async (pattern, code) => {
  expect(await readErrorCode(await requestIdentity(encodeHeader(pattern)))).toBe(code)
})

test('an XDENT secret is case-sensitive, and a KeyId that is a UUID is not', async () => {
  const { publicId, secret } = ownerKey
  expect(await readErrorCode(await requestIdentity(`${publicId.toUpperCase()}.${secret}`))).toBe(
    'OK',
  )
  expect(await readErrorCode(await requestIdentity(`${publicId}.${secret.toUpperCase()}`))).toBe(
    'INVALID_SECRET',
  )
})

test('an XDENT secret with any one character changed is refused, also in its checksum', async () => {
  const { publicId, secret } = ownerKey
  for (let at = 0; at < secret.length; at++) {
    const other = secret[at] === 'A' ? 'B' : 'A'
    const garbled = secret.slice(0, at) + other + secret.slice(at + 1)
    expect([at, await readErrorCode(await requestIdentity(`${publicId}.${garbled}`))]).toEqual([
      at,
      'INVALID_SECRET',
    ])
  }
})

test('an XDENT header of 100 kB is refused, and the next request is served', async () => {
  for (const unit of ['a', '.', ' a', 'a.', 'é', `${validHeader},`]) {
    const long = unit.repeat(100_000 / unit.length)
    expect((await requestIdentity(long)).status).toBe(401)
    expect(await readErrorCode(await requestIdentity(`${ownerKey.publicId}.${long}`))).toMatch(
      /^INVALID_(SECRET|API_KEY)$/,
    )
  }
  expect(await readErrorCode(await requestIdentity(validHeader))).toBe('OK')
})

test.each(['x-api-key', 'X-API-KEY', 'X-aPi-KeY'])(
  'the XDENT header name is accepted as %s',
  async (name) => {
    expect(await readErrorCode(await requestIdentity(validHeader, name))).toBe('OK')
  },
)

test.each(['Authorization', 'X-Api-Keys', 'X_Api_Key', 'Api-Key', 'Cookie'])(
  'an XDENT key in the header %s is ignored',
  async (name) => {
    expect(await readErrorCode(await requestIdentity(validHeader, name))).toBe('MISSING_API_KEY')
  },
)

test('an XDENT key in the query string is ignored', async () => {
  const answer = await server.call(`/api/v1/Identity?X-Api-Key=${validHeader}`, { method: 'GET' })
  expect(await readErrorCode(answer)).toBe('MISSING_API_KEY')
})

describe('the XDENT header on a raw socket', () => {
  let live: LiveServer
  let lines: string
  beforeAll(async () => {
    live = await startLiveServer(settings)
    const { publicId, secret } = await seedOwnerKey(live, 'xdent')
    lines = `X-Api-Key: ${publicId}.${secret}\r\n`
  })
  afterAll(() => live.close())

  const sendRawRequest = async (headers: string) => {
    const request = `GET /api/v1/Identity HTTP/1.1\r\nHost: latchkey.example\r\n${headers}\r\n`
    const answer = await sendRaw(live.url, Buffer.from(request, 'latin1'))
    return answer?.status === 200 ? 'OK' : JSON.parse(answer?.body ?? '{}').Code
  }

  test('is accepted once, and refused twice even with the same value', async () => {
    expect(await sendRawRequest(lines)).toBe('OK')
    expect(await sendRawRequest(lines + lines)).toBe('INVALID_API_KEY')
    // Joined by a comma, which stands at the end of the secret then.
    expect(await sendRawRequest(`${lines}X-Api-Key:\r\n`)).toBe('INVALID_SECRET')
    expect(await sendRawRequest(`X-Api-Key: \r\n${lines}`)).toBe('INVALID_API_KEY')
    expect(await sendRawRequest('X-Api-Key:\r\n')).toBe('MISSING_API_KEY')
    expect(await sendRawRequest('X-Api-Key: caf\xe9.secret\r\n')).toBe('INVALID_API_KEY')
  })
})

test('the XDENT header parser never throws, and reads every written key unchanged', () => {
  const parts = fc.array(fc.constantFrom('.', ' ', ',', 'lk_', 'abc', '\u00e9', '\t'))
  const values = fc.oneof(
    headerBytes,
    parts.map((some) => some.join('')),
  )
  fc.assert(
    fc.property(values, (value) => {
      const headers = createHeaders('X-Api-Key', value)
      fc.pre(headers !== null)
      const read = parseXdentApiKey(headers)
      if (!read.ok) return
      const { publicId, secret } = read.value as { publicId: string; secret: string | null }
      const sent = headers.get('X-Api-Key') ?? ''
      expect(sent).toMatch(/^[\x21-\x7e]+$/)
      expect(publicId).toBe(sent.split('.')[0])
      expect([publicId, `${publicId}.${secret ?? ''}`]).toContain(sent)
    }),
    { numRuns: 500 },
  )
})

const printable = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code))
const printableTexts = (minLength: number, maxLength: number) =>
  fc.string({ unit: printable, minLength, maxLength })
let serial = 0

test('every XDENT key that can be created or imported can be presented', async () => {
  const own = fc.constant({})
  const imported = fc.record({
    publicId: printableTexts(1, 120)
      .filter((text) => !text.includes('.'))
      .map((text) => `${text}${serial++}`),
    secret: printableTexts(16, 512)
      .filter((text) => !text.startsWith('lk_'))
      .map((text) => `${text.slice(0, 500)}-${serial++}`),
  })
  const { ownerId } = await seedOwnerKey(server, 'xdent')
  await fc.assert(
    fc.asyncProperty(fc.oneof(own, imported), printableTexts(1, 200), async (input, name) => {
      const { key, secret } = unwrap(
        await server.keys.create({ keyType: 'xdent', ownerId, name, ...input }),
      )
      const answer = await requestIdentity(`${key.publicId}.${secret}`)
      expect([answer.status, await answer.json()]).toEqual([
        200,
        {
          CompanyId: key.accountId,
          CompanyName: 'Bright Smiles',
          KeyId: key.publicId,
          KeyName: name,
        },
      ])
    }),
    { numRuns: 100 },
  )
})

test('an imported XDENT KeyId with a dot is refused at creation, since it could not be presented', async () => {
  const { ownerId } = await seedOwnerKey(server, 'xdent')
  const input = { keyType: 'xdent', ownerId, name: 'imported', publicId: 'a.b' } as const
  expect(await server.keys.create(input)).toEqual({
    ok: false,
    failure: {
      problem: 'invalid',
      message: 'the public id must not contain a dot, because the first dot ends it in a request',
      field: 'publicId',
    },
  })
})
