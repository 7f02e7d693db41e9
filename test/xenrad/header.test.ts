import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseXenradApiKey } from '../../src/http/vendors/xenrad/surfaces.ts'
import { type SiteKey, seedSiteKey } from '../support/key-seeds.ts'
import { type RawResponse, sendRaw } from '../support/raw-connection.ts'
import { type LiveServer, startLiveServer } from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'
import { expectedInvalidKey, expectedXenradRefusal } from '../support/xenrad.ts'

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let server: LiveServer
let key: SiteKey
beforeAll(async () => {
  upstream = await startHttpUpstream()
  server = await startLiveServer({ LATCHKEY_UPSTREAM_FHIR: upstream.url })
  key = await seedSiteKey(server)
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

/** Sends the header lines over a raw socket in latin1: fetch would normalize or refuse them. */
async function sendWithHeaders(...lines: string[]): Promise<RawResponse> {
  const head = ['GET /fhir/Patient/1 HTTP/1.1', 'Host: latchkey.example', ...lines, '', '']
  const answer = await sendRaw(server.url, Buffer.from(head.join('\r\n'), 'latin1'))
  if (answer === null) throw new Error('the server hung up')
  return answer
}

const toRefusal = ({ status, headers, body }: RawResponse) => ({
  status,
  challenge: headers.find(([name]) => name.toLowerCase() === 'www-authenticate')?.[1],
  body,
})
const toExpectedRefusal = ({
  status,
  headers,
  body,
}: ReturnType<typeof expectedXenradRefusal>) => ({
  status,
  challenge: headers['www-authenticate'],
  body,
})
const INVALID = toExpectedRefusal(expectedInvalidKey('fhir'))
const MISSING = toExpectedRefusal(
  expectedXenradRefusal(
    'fhir',
    401,
    'login',
    'An API key is needed: send it in the X-API-Key header.',
    {
      'www-authenticate': 'ApiKey realm="Latchkey"',
    },
  ),
)

describe('the X-API-Key header', () => {
  test.each<[string, (secret: string) => string[]]>([
    ['in the documented spelling', (secret) => [`X-API-Key: ${secret}`]],
    ['in lower case', (secret) => [`x-api-key: ${secret}`]],
    ['in upper case', (secret) => [`X-API-KEY: ${secret}`]],
    ['without a blank', (secret) => [`X-API-Key:${secret}`]],
    ['among blanks', (secret) => [`X-API-Key: \t  ${secret} \t`]],
    ['beside an Authorization', (secret) => [`X-API-Key: ${secret}`, 'Authorization: Bearer x']],
  ])('is read %s', async (_, lines) => {
    expect((await sendWithHeaders(...lines(key.secret))).status).toBe(200)
  })

  test.each<[string, (secret: string) => string[]]>([
    ['absent', () => []],
    ['empty', () => ['X-API-Key:']],
    ['blank', () => ['X-API-Key:  \t ']],
    ['under another name', (secret) => [`X-API-Keys: ${secret}`]],
    ['with an underscore', (secret) => [`X_API_Key: ${secret}`]],
    ['a password', (secret) => [`Authorization: Basic ${btoa(`:${secret}`)}`]],
    ['a cookie', (secret) => [`Cookie: X-API-Key=${secret}`]],
  ])('is reported as missing when the key is %s', async (_, lines) => {
    expect(toRefusal(await sendWithHeaders(...lines(key.secret)))).toEqual(MISSING)
  })

  test.each<[string, (secret: string) => string[]]>([
    ['doubled', (secret) => [`X-API-Key: ${secret}`, `X-API-Key: ${secret}`]],
    ['good, then bad', (secret) => [`X-API-Key: ${secret}`, 'x-api-key: x']],
    ['bad, then good', (secret) => ['X-API-Key: x', `x-api-key: ${secret}`]],
    ['good, then empty', (secret) => [`X-API-Key: ${secret}`, 'X-API-Key:']],
    ['a list', (secret) => [`X-API-Key: ${secret},${secret}`]],
    ['two words', (secret) => [`X-API-Key: ${secret.slice(0, 9)} ${secret.slice(9)}`]],
    ['torn by a tab', (secret) => [`X-API-Key: ${secret.slice(0, 9)}\t${secret.slice(9)}`]],
    ['under a scheme', (secret) => [`X-API-Key: ApiKey ${secret}`]],
    ['quoted', (secret) => [`X-API-Key: "${secret}"`]],
    ['in capitals', (secret) => [`X-API-Key: ${secret.toUpperCase()}`]],
    ['not ASCII', () => ['X-API-Key: sch\xfcssel-sch\xfcssel-sch\xfcssel']],
    ['UTF-8', () => [`X-API-Key: ${Buffer.from('ключ🔑').toString('latin1')}`]],
    ['ended by a no-break space', (secret) => [`X-API-Key: ${secret}\xa0`]],
    ['a letter short', (secret) => [`X-API-Key: ${secret.slice(0, -1)}`]],
    ['a letter long', (secret) => [`X-API-Key: ${secret}A`]],
    ['of another checksum', (secret) => [`X-API-Key: ${secret.slice(0, -6)}000000`]],
    ['without its prefix', (secret) => [`X-API-Key: ${secret.slice(3)}`]],
    ['the key’s id', () => [`X-API-Key: ${key.publicId}`]],
    ['longer than any key', () => [`X-API-Key: ${'x'.repeat(513)}`]],
    ['10 kB', () => [`X-API-Key: ${'x'.repeat(10_000)}`]],
    ['a comma', () => ['X-API-Key: ,']],
    ['a percent escape', (secret) => [`X-API-Key: %6c${secret.slice(1)}`]],
  ])('is refused with the same response whatever is wrong with it: %s', async (_, lines) => {
    expect(toRefusal(await sendWithHeaders(...lines(key.secret)))).toEqual(INVALID)
  })

  test('is refused with 431 at 100 kB, and the next request is served', async () => {
    expect((await sendWithHeaders(`X-API-Key: ${'x'.repeat(100_000)}`)).status).toBe(431)
    expect((await sendWithHeaders(`X-API-Key: ${key.secret}`)).status).toBe(200)
  })

  test.each(['\0', '\x01', '\x7f', '\r'])(
    'is refused by the HTTP server when it contains %j',
    async (character) => {
      expect(
        (await sendWithHeaders(`X-API-Key: ${key.secret}${character}x`)).status,
      ).toBeGreaterThan(399)
    },
  )
})

describe('parseXenradApiKey', () => {
  /** As HTTP has it (RFC 9110 §5.5): blanks around a value are no part of it. */
  const trimWhitespace = (value: string) => value.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '')
  const isValidKey = (value: string) =>
    value.length >= 1 &&
    value.length <= 512 &&
    [...value].every((letter) => letter > ' ' && letter < '\x7f')

  const byte = fc.integer({ min: 1, max: 255 }).filter((code) => code !== 10 && code !== 13)
  const anyValue = fc.array(byte, { maxLength: 40 }).map((codes) => String.fromCharCode(...codes))
  const printable = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code))
  const likely = fc
    .array(
      fc.oneof(
        { weight: 60, arbitrary: printable },
        { weight: 1, arbitrary: fc.constantFrom(' ', '\t', '\x7f', '\x80', ', ') },
      ),
      {
        maxLength: 600,
        size: 'max',
      },
    )
    .map((letters) => letters.join(''))

  test('never throws, and accepts one word of printable ASCII of at most 512 characters', () => {
    const counts = { key: 0, missing: 0, malformed: 0 }
    fc.assert(
      fc.property(fc.oneof(anyValue, likely), (value) => {
        const word = trimWhitespace(value)
        const read = parseXenradApiKey(new Headers({ 'X-API-Key': value }))
        if (isValidKey(word)) {
          counts.key++
          expect(read).toEqual({ ok: true, value: { keyType: 'xenrad', secret: word } })
        } else if (word === '') {
          counts.missing++
          expect(read).toEqual({ ok: false, failure: { reason: 'credential_missing' } })
        } else {
          counts.malformed++
          expect(read).toMatchObject({ ok: false, failure: { reason: 'credential_malformed' } })
        }
      }),
      { numRuns: 2000 },
    )
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(5)
  })

  test('refuses repeated headers, whatever each of them contains', () => {
    fc.assert(
      fc.property(fc.array(likely, { minLength: 2, maxLength: 3 }), (values) => {
        const headers = new Headers()
        for (const value of values) headers.append('X-API-Key', value)
        expect(parseXenradApiKey(headers).ok).toBe(false)
      }),
    )
  })

  test('does not repeat a malformed value in its failure', () => {
    const read = parseXenradApiKey(new Headers({ 'X-API-Key': 'a secret with blanks' }))
    expect(JSON.stringify(read)).not.toContain('secret with')
  })
})
