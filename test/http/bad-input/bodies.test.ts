import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  buildPost,
  type ExpectedRows,
  type HostileFixture,
  openHostileFixture,
  readErrorMessage,
  readMetaError,
  requireResponse,
} from '../../support/hostile-client.ts'

let fixture: HostileFixture
let expectUnchanged: (added?: ExpectedRows) => Promise<void>
let added: ExpectedRows
beforeAll(async () => {
  fixture = await openHostileFixture()
})
beforeEach(() => {
  added = {}
  expectUnchanged = fixture.snapshotDatabase()
})
afterEach(() => expectUnchanged(added))
afterAll(() => fixture.close())

const BOM = Buffer.from([0xef, 0xbb, 0xbf])
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

describe.each(['/auth/authenticate', '/auth/refreshToken'])('%s', (path) => {
  const field = path.endsWith('refreshToken') ? 'refreshToken' : 'secret'
  const CANNOT = 'The request cannot be read: '
  const cases: [what: string, body: string | Uint8Array, message: string][] = [
    ['empty', '', 'apiKey is missing.'],
    ['blank', ' \r\n\t ', 'apiKey is missing.'],
    ['JSON that ends early', '{"apiKey":"a",', `${CANNOT}the body is not valid JSON.`],
    ['JSON with a tail', '{"apiKey":"a"} {}', `${CANNOT}the body is not valid JSON.`],
    ['JSON with a comment', '{"apiKey":"a"/**/}', `${CANNOT}the body is not valid JSON.`],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22]), `${CANNOT}the body is not valid UTF-8.`],
    ['UTF-16', Buffer.from('{"apiKey":"a"}', 'utf16le'), `${CANNOT}the body is not valid JSON.`],
    ['a JSON array', '["apiKey","secret"]', 'apiKey is missing.'],
    ['a JSON string', '"apiKey"', 'apiKey is missing.'],
    ['a JSON number', '12', 'apiKey is missing.'],
    ['null', 'null', 'apiKey is missing.'],
    ['an empty object', '{}', 'apiKey is missing.'],
    ['XML', '<apiKey>a</apiKey>', 'apiKey is missing.'],
    ['an array nested 2,000 deep', nested(2000), 'apiKey is missing.'],
    [
      'an object nested 1,900 deep',
      `{"a":${nested(1900)}}`,
      `${CANNOT}the body is nested deeper than 64 levels.`,
    ],
    ['a form without the other field', 'apiKey=a', `${field} is missing.`],
    ['a form of nothing but signs', '&&=&%&=%zz', 'apiKey is missing.'],
  ]

  test.each(cases)('%s: 400', async (_, body, message) => {
    const answer = await fixture.send(buildPost(path, body))
    expect([answer.status, readErrorMessage(answer)]).toEqual([400, message])
  })

  test('none at all, without a length: 400', async () => {
    const answer = await fixture.send(`POST ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect([answer.status, readErrorMessage(answer)]).toEqual([400, 'apiKey is missing.'])
  })

  test.each(['gzip', 'GZIP', 'deflate', 'br', 'identity, gzip'])('%s: 400', async (encoding) => {
    const body = gzipSync(fixture.credentials)
    const answer = await fixture.send(buildPost(path, body, { 'Content-Encoding': encoding }))
    expect([answer.status, readErrorMessage(answer)]).toEqual([
      400,
      'The request cannot be read: Content-Encoding is not supported: send the body as it is.',
    ])
  })

  test('10 MB with its length: 413 before any of it is sent', async () => {
    const connection = await fixture.connect()
    connection.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n`)
    const answer = requireResponse(await connection.readResponse())
    expect([answer.status, readErrorMessage(answer)]).toEqual([
      413,
      'The body must not be longer than 4096 bytes.',
    ])
    expect(answer.headers).toContainEqual(['Connection', 'close'])
    connection.destroy()
  })

  test('10 MB with its length, all sent at once: 413', async () => {
    const answer = await fixture.send(buildPost(path, new Uint8Array(10_000_000)))
    expect(answer.status).toBe(413)
  })

  test('chunks without an end: 413 as soon as they are too long', async () => {
    const connection = await fixture.connect()
    connection.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`)
    connection.write(`1000\r\n${'a'.repeat(4096)}\r\n`)
    connection.write('1\r\na\r\n')
    const answer = requireResponse(await connection.readResponse())
    expect([answer.status, readErrorMessage(answer)]).toEqual([
      413,
      'The body must not be longer than 4096 bytes.',
    ])
    connection.destroy()
  })
})

test('a byte order mark is passed over', async () => {
  const body = Buffer.concat([BOM, Buffer.from(fixture.credentials)])
  expect((await fixture.send(buildPost('/auth/authenticate', body))).status).toBe(200)
})

test('credentials of exactly 4096 bytes are read, one more are not', async () => {
  const fit = fixture.credentials.padEnd(4096, ' ')
  expect((await fixture.send(buildPost('/auth/authenticate', fit))).status).toBe(200)
  expect((await fixture.send(buildPost('/auth/authenticate', `${fit} `))).status).toBe(413)
})

test('credentials in chunks of a byte are read', async () => {
  const chunks = [...fixture.credentials].map((letter) => `1\r\n${letter}\r\n`).join('')
  const answer = await fixture.send(
    `POST /auth/authenticate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
  )
  expect(answer.status).toBe(200)
})

describe.each(['/endpoint', '/query'])('%s', (path) => {
  const send = (body: string | Uint8Array, headers = {}) =>
    fixture.send(buildPost(path, body, { ...fixture.bearer, ...headers }))

  const cases: [what: string, body: string | Uint8Array, text: string][] = [
    ['empty', '', 'The message cannot be read: the body is not valid JSON.'],
    [
      'JSON that ends early',
      '{"Meta":{',
      'The message cannot be read: the body is not valid JSON.',
    ],
    [
      'a Meta that is too long, and no JSON behind',
      `{"Meta":{"Destinations":[${'{},'.repeat(25_000)} no JSON`,
      'The message cannot be read: Meta is longer than 65536 bytes.',
    ],
    ['a form', 'Meta=x', 'The message cannot be read: the body is not valid JSON.'],
    ['NaN', '{"Meta":NaN}', 'The message cannot be read: the body is not valid JSON.'],
    [
      'not UTF-8',
      Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22]),
      'The message cannot be read: the body is not valid UTF-8.',
    ],
    [
      'a surrogate as UTF-8',
      Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
      'The message cannot be read: the body is not valid UTF-8.',
    ],
    ['a JSON array', '[]', 'Invalid field - the body must be an object'],
    ['a JSON string', '"Meta"', 'Invalid field - the body must be an object'],
    ['a JSON number', '12', 'Invalid field - the body must be an object'],
    ['a JSON boolean', 'true', 'Invalid field - the body must be an object'],
    ['null', 'null', 'Required field missing - the body'],
    ['an empty object', '{}', 'Required field missing - Meta'],
    [
      'an array nested 10,000 deep',
      nested(10_000),
      'The message cannot be read: the body is nested deeper than 64 levels.',
    ],
    [
      'an object nested 10,000 deep',
      `${'{"Meta":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
      'The message cannot be read: the body is nested deeper than 64 levels.',
    ],
    [
      'an array nested 900,000 deep',
      nested(900_000),
      'The message cannot be read: the body is nested deeper than 64 levels.',
    ],
  ]

  test.each(cases)('%s: 400', async (_, body, text) => {
    const answer = await send(body)
    expect([answer.status, readMetaError(answer)]).toEqual([400, text])
  })

  test('no body and no length: 400', async () => {
    const answer = await fixture.send(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.accessToken}\r\n\r\n`,
    )
    expect(answer.status).toBe(400)
    readMetaError(answer)
  })

  test('gzip: 400', async () => {
    const body = gzipSync(JSON.stringify(fixture.message))
    const answer = await send(body, { 'Content-Encoding': 'gzip' })
    expect(answer.status).toBe(400)
    expect(readMetaError(answer)).toContain('Content-Encoding is not supported')
  })

  test('longer than a message may be: 413 before any of it is sent', async () => {
    const connection = await fixture.connect()
    const token = `Authorization: Bearer ${fixture.accessToken}`
    connection.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\n${token}\r\nContent-Length: 2000001\r\n\r\n`,
    )
    const answer = requireResponse(await connection.readResponse())
    expect([answer.status, readMetaError(answer)]).toEqual([
      413,
      'A message must not be longer than 2000000 bytes.',
    ])
    connection.destroy()
  })

  test('without a token nothing of it is read: 401 before any of it is sent', async () => {
    const connection = await fixture.connect()
    connection.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n`)
    const answer = requireResponse(await connection.readResponse())
    expect(answer.status).toBe(401)
    readMetaError(answer)
    connection.destroy()
  })

  test('as long as a message may be, in chunks: accepted', async () => {
    const whole = JSON.stringify({ ...fixture.message, Padding: '' })
    const body = whole.replace(
      '"Padding":""',
      `"Padding":"${'x'.repeat(2_000_000 - whole.length)}"`,
    )
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
    const answer = await fixture.send(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.accessToken}\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n${chunk(body.slice(0, 999))}${chunk(body.slice(999))}0\r\n\r\n`,
    )
    expect(answer.status).toBe(200)
    added = { messages: 1, payloadParts: 4 }
  })
})
