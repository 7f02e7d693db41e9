import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasOdfhirScheme, parseOdfhirCredential } from '../../src/http/vendors/opendental/api.ts'
import { createHeaders, headerBytes } from '../support/header-values.ts'
import {
  type CustomerKey,
  createOdfhirHeaders,
  type SeededDeveloper,
  seedCustomerKey,
  seedDeveloper,
} from '../support/opendental.ts'
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
let developer: SeededDeveloper
let office: CustomerKey
beforeAll(async () => {
  server = await createTestServer(settings)
  developer = await seedDeveloper(server)
  office = await seedCustomerKey(server, developer)
})
afterAll(() => server.close())

const HEADER = 'The Authorization header must be: ODFHIR {DeveloperKey}/{DeveloperPortalKey}'
const WRONG = 'The keys in the Authorization header are not valid.'
const OK = 'OK'

const requestList = async (value: string, name = 'Authorization') =>
  readOutcome(await server.call('/apikeys', { method: 'GET', headers: { [name]: value } }))

async function readOutcome(answer: Response): Promise<unknown> {
  return answer.status === 200 ? OK : answer.json()
}

/** The header with this developer's keys in place of `dev` and `key`. */
const fillPattern = (pattern: string) =>
  pattern.replaceAll('dev', developer.developerKey).replaceAll('key', developer.portalKey)

test.each([
  ['ODFHIR dev/key', OK],
  // RFC 9110 §11.1: the scheme is case-insensitive.
  ['odfhir dev/key', OK],
  ['OdFhir dev/key', OK],
  // Whitespace that clients leave around a pasted key.
  [' ODFHIR dev/key ', OK],
  ['ODFHIR  dev/key', OK],
  ['ODFHIR\tdev/key\t', OK],
  ['ODFHIR dev / key', OK],
  ['ODFHIR dev/ key', OK],
  ['ODFHIR dev /key', OK],
  ['ODFHIR', HEADER],
  ['ODFHIR ', HEADER],
  ['ODFHIR dev', HEADER],
  ['ODFHIR dev/', HEADER],
  ['ODFHIR /key', HEADER],
  ['ODFHIR /', HEADER],
  ['ODFHIR //', HEADER],
  ['ODFHIR dev key', HEADER],
  ['ODFHIR dev:key', HEADER],
  ['ODFHIRdev/key', HEADER],
  ['ODFHIR:dev/key', HEADER],
  ['ODFHIR dev/k ey', HEADER],
  ['ODFHIR d ev/key', HEADER],
  ['ODFHIR dev/key, ODFHIR dev/key', HEADER],
  ['ODFHIR dev/key,ODFHIR dev/key', HEADER],
  ['ODFHIR dev/key,', WRONG],
  ['ODFHIR dev/key/', WRONG],
  ['ODFHIR dev//key', WRONG],
  ['ODFHIR dev/key/key', WRONG],
  ['ODFHIR key/dev', WRONG],
  ['ODFHIR dev/dev', WRONG],
  ['ODFHIR key/key', WRONG],
  ['ODFHIR {dev}/{key}', WRONG],
  ['ODFHIR "dev/key"', WRONG],
  ['ODFHIR dev/\u00e9', HEADER],
  ['ODFHIR \u00e9/key', HEADER],
  ['ODFHIR dev\u00a0/key', HEADER],
  ["ODFHIR '/**/OR/1=1", WRONG],
  ['ODFHIR constructor/__proto__', WRONG],
  ['Basic dev/key', HEADER],
  ['Bearer dev/key', HEADER],
  ['dev/key', HEADER],
  ['', HEADER],
])('the Authorization header %j is answered with %s', async (pattern, answer) => {
  expect(await requestList(fillPattern(pattern))).toBe(answer)
})

test('ODFHIR keys in base64 are refused, one part encoded or the pair', async () => {
  const { developerKey, portalKey } = developer
  const encodeBase64 = (text: string) => Buffer.from(text).toString('base64')
  expect(await requestList(`ODFHIR ${encodeBase64(`${developerKey}/${portalKey}`)}`)).toBe(HEADER)
  expect(await requestList(`ODFHIR ${encodeBase64(developerKey)}/${encodeBase64(portalKey)}`)).toBe(
    WRONG,
  )
})

test('ODFHIR keys are case-sensitive, and a shortened or lengthened key is refused', async () => {
  const { developerKey, portalKey } = developer
  for (const pair of [
    [developerKey.toLowerCase(), portalKey],
    [developerKey, portalKey.toLowerCase()],
    [developerKey.slice(1), portalKey],
    [developerKey, portalKey.slice(0, -1)],
    [developerKey, `${portalKey}A`],
  ]) {
    expect(await requestList(`ODFHIR ${pair.join('/')}`)).toBe(WRONG)
  }
})

test('an ODFHIR header of 100 kB is refused, and the next request is served', async () => {
  for (const unit of ['a', ' ', '/', ' /', 'a/', 'a /', '\u00e9', 'ODFHIR a/a ']) {
    const long = unit.repeat(100_000 / unit.length)
    for (const value of [`ODFHIR ${long}`, `ODFHIR a/${long}`, `ODFHIR a${long}/b`]) {
      expect([HEADER, WRONG]).toContain(await requestList(value))
    }
  }
  expect(await requestList(fillPattern('ODFHIR dev/key'))).toBe(OK)
})

test.each(['X-Api-Key', 'Proxy-Authorization', 'Cookie', 'DeveloperKey'])(
  'ODFHIR keys in the header %s are ignored',
  async (name) => {
    expect(await requestList(fillPattern('ODFHIR dev/key'), name)).toBe(HEADER)
  },
)

test('ODFHIR keys in the query string are ignored', async () => {
  for (const path of ['/apikeys?Authorization=', '/apikeys?']) {
    const answer = await server.call(
      `${path}${encodeURIComponent(fillPattern('ODFHIR dev/key'))}`,
      {
        method: 'GET',
      },
    )
    expect(await readOutcome(answer)).toBe(HEADER)
  }
})

describe('the ODFHIR header on a raw socket', () => {
  let live: LiveServer
  let line: string
  beforeAll(async () => {
    live = await startLiveServer(settings)
    const { portalHeaders } = await seedDeveloper(live)
    line = `Authorization: ${portalHeaders.Authorization}\r\n`
  })
  afterAll(() => live.close())

  const sendRawRequest = async (headers: string) => {
    const request = `GET /apikeys HTTP/1.1\r\nHost: latchkey.example\r\n${headers}\r\n`
    const answer = await sendRaw(live.url, Buffer.from(request, 'latin1'))
    return answer?.status === 200 ? OK : JSON.parse(answer?.body ?? 'null')
  }

  test('is accepted once, and refused twice even with the same value', async () => {
    expect(await sendRawRequest(line)).toBe(OK)
    expect(await sendRawRequest(line + line)).toBe(HEADER)
    expect(await sendRawRequest(`Authorization: Basic YTpi\r\n${line}`)).toBe(HEADER)
    expect(await sendRawRequest(`${line}Authorization: Basic YTpi\r\n`)).toBe(HEADER)
    expect(await sendRawRequest('Authorization: ODFHIR caf\xe9/a\r\n')).toBe(HEADER)
    expect(await sendRawRequest('Authorization:\r\n')).toBe(HEADER)
  })
})

test('the ODFHIR header parser never throws, and reads every written pair unchanged', () => {
  const part = fc.constantFrom('ODFHIR ', 'odfhir', '/', ' ', ',', 'abc', '\u00e9', '\t', 'Basic ')
  const values = fc.oneof(
    headerBytes,
    headerBytes.map((text) => `ODFHIR ${text}`),
    fc.array(part).map((some) => `ODFHIR ${some.join('')}`),
    fc.tuple(headerBytes, headerBytes).map((pair) => `ODFHIR ${pair.join('/')}`),
    fc
      .tuple(
        fc.constantFrom('ODFHIR ', 'odfhir  ', 'OdFhir\\t'),
        fc.stringMatching(/^[!-~]{1,8}[ \t]?\/[ \t]?[!-~]{1,8}$/),
      )
      .map(([start, pair]) => start + pair),
  )
  let read = 0
  fc.assert(
    fc.property(values, (value) => {
      const headers = createHeaders('Authorization', value)
      fc.pre(headers !== null)
      const found = parseOdfhirCredential(headers)
      if (!found.ok) return
      read++
      expect(hasOdfhirScheme(headers)).toBe(true)
      const { developerKey, secret } = found.value as { developerKey: string; secret: string }
      const sent = (headers.get('Authorization') ?? '').slice('ODFHIR'.length)
      const at = sent.indexOf('/')
      expect([developerKey, secret]).toEqual([
        sent.slice(0, at).replace(/^[ \t]+|[ \t]+$/g, ''),
        sent.slice(at + 1).replace(/^[ \t]+|[ \t]+$/g, ''),
      ])
      expect(developerKey).toMatch(/^[\x21-\x7e]+$/)
      expect(secret).toMatch(/^[\x21-\x7e]+$/)
    }),
    { numRuns: 1000 },
  )
  expect(read).toBeGreaterThan(50)
})

const createTextArbitrary = (all: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...all), minLength, maxLength })
const ALNUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const PRINTABLE = Array.from({ length: 94 }, (_, n) => String.fromCharCode(0x21 + n)).join('')

test('every Open Dental key that can be created or imported can be presented', async () => {
  const secrets = fc.oneof(
    fc.constant(undefined),
    createTextArbitrary(ALNUM, 16, 16),
    createTextArbitrary(PRINTABLE, 16, 512).filter((text) => !text.startsWith('lk_')),
  )
  const { accountId, ownerId } = developer
  const taken = new Set<string | undefined>()
  await fc.assert(
    fc.asyncProperty(createTextArbitrary(ALNUM, 20, 64), secrets, async (developerKey, secret) => {
      fc.pre(!taken.has(developerKey) && (secret === undefined || !taken.has(secret)))
      taken.add(developerKey).add(secret)
      const { id: developerId } = unwrap(
        await server.developers.add({ accountId, name: 'Other', developerKey }),
      )
      const made = unwrap(
        await server.keys.create({
          keyType: 'opendental-portal',
          name: 'Portal',
          ownerId,
          developerId,
          secret,
        }),
      )
      expect(await requestList(createOdfhirHeaders(developerKey, made.secret).Authorization)).toBe(
        OK,
      )
    }),
    { numRuns: 60 },
  )
})

test('a customer key is accepted with pasted whitespace, and is case-sensitive', async () => {
  const { developerKey } = developer
  const requestData = async (value: string) =>
    (await server.call('/api/v1/patients', { method: 'GET', headers: { Authorization: value } }))
      .status
  // No upstream is configured, so an accepted key is answered with 502.
  server.clock.advance(1000)
  expect(await requestData(`ODFHIR ${developerKey}/ ${office.secret} `)).toBe(502)
  expect(await requestData(`ODFHIR ${developerKey}/${office.secret.toLowerCase()}`)).toBe(401)
})
