import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fail, ok } from '../../../src/domain/failure.ts'
import { type ClientKeys, createClientKeys } from '../../../src/service/oauth/client-keys.ts'
import type { OutboundFailure, OutboundRequest } from '../../../src/service/ports/outbound.ts'

const URL_A = 'https://client.example/jwks.json'
const client = { keyId: 'key-1', jwksUrl: URL_A, jwks: null }
let first: JWK
let second: JWK
beforeAll(async () => {
  const generate = async (kid: string) => {
    const { publicKey } = await generateKeyPair('ES384', { extractable: true })
    return { ...(await exportJWK(publicKey)), kid }
  }
  first = await generate('first')
  second = await generate('second')
})

let now = 0
let requests: OutboundRequest[] = []
/** The answer of the client's server: keys, a status, a text or a failure. */
let answer: {
  keys?: JWK[]
  status?: number
  text?: string
  cacheControl?: string
  failure?: OutboundFailure
  isComplete?: boolean
}
let clientKeys: ClientKeys
beforeEach(() => {
  now = 1_000_000
  requests = []
  answer = { keys: [first] }
  clientKeys = createClientKeys({
    sendHttp: async (request) => {
      requests.push(request)
      await new Promise((resolve) => setImmediate(resolve))
      if (answer.failure !== undefined) return fail(answer.failure)
      const text = answer.text ?? JSON.stringify({ keys: answer.keys })
      return ok({
        status: answer.status ?? 200,
        headers: answer.cacheControl === undefined ? {} : { 'cache-control': answer.cacheControl },
        body: new TextEncoder().encode(text),
        isComplete: answer.isComplete ?? true,
      })
    },
    clock: () => now,
    keepAlive: () => undefined,
  })
})

const find = async (kid: string | null, of: Parameters<ClientKeys['findKey']>[0] = client) => {
  const result = await clientKeys.findKey(of, { algorithm: 'ES384', kid })
  return result.ok ? result.value.kid : result.failure.reason
}

describe('the set of a client', () => {
  test('is fetched with one request that follows no redirect and reads at most 64 KB', async () => {
    expect(await find('first')).toBe('first')
    expect(requests).toEqual([
      {
        method: 'GET',
        url: new URL(URL_A),
        headers: { Accept: 'application/json' },
        body: null,
        development: false,
        maxResponseBytes: 65_536,
        signal: expect.any(AbortSignal),
      },
    ])
  })

  test.each([
    ['for 5 minutes if its server does not say', undefined, 300],
    ['for as long as its server says', 'max-age=60', 60],
    ['for an hour at most', 'max-age=86400', 3600],
  ])('is kept %s', async (_, cacheControl, seconds) => {
    answer = { keys: [first], ...(cacheControl !== undefined && { cacheControl }) }
    await find('first')
    now += seconds * 1000 - 1
    await find('first')
    expect(requests).toHaveLength(1)
    now += 1
    answer = { keys: [second] }
    expect(await find('first')).toBe('key_unknown')
    expect(requests).toHaveLength(2)
  })

  test.each(['no-store', 'max-age=0'])(
    'is fetched at most once a second if its server says %s',
    async (cacheControl) => {
      answer = { keys: [first], cacheControl }
      await find('first')
      now += 999
      await find('first')
      expect(requests).toHaveLength(1)
      now += 1
      await find('first')
      expect(requests).toHaveLength(2)
    },
  )

  test('is fetched anew after the clock was set back, and when the URL changes', async () => {
    await find('first')
    now -= 1
    await find('first')
    await find('first', { ...client, jwksUrl: `${URL_A}?v=2` })
    expect(requests.map(({ url }) => url.search)).toEqual(['', '', '?v=2'])
  })

  test('is fetched once for concurrent requests', async () => {
    expect(await Promise.all(Array.from({ length: 20 }, () => find('first')))).toEqual(
      Array.from({ length: 20 }, () => 'first'),
    )
    expect(requests).toHaveLength(1)
  })

  test('is kept for each client apart', async () => {
    await find('first')
    await find('first', { ...client, keyId: 'key-2' })
    expect(requests).toHaveLength(2)
  })

  test('is not fetched where keys are stored and there is no URL', async () => {
    const stored = { keyId: 'key-1', jwksUrl: null, jwks: JSON.stringify({ keys: [second] }) }
    expect(await find('second', stored)).toBe('second')
    expect(await find(null, stored)).toBe('second')
    expect(await find('first', stored)).toBe('key_unknown')
    expect(await find('first', { ...stored, jwks: null })).toBe('key_set_invalid')
    expect(requests).toEqual([])
  })

  test('that is stored is read again only after it was edited', async () => {
    const stored = { keyId: 'key-1', jwksUrl: null, jwks: JSON.stringify({ keys: [first] }) }
    const findKey = (of: typeof stored) => clientKeys.findKey(of, { algorithm: 'ES384', kid: null })
    const [one, two] = [await findKey(stored), await findKey({ ...stored })]
    expect(one.ok && two.ok && one.value.jwk === two.value.jwk).toBe(true)
    expect(await find(null, { ...stored, jwks: JSON.stringify({ keys: [second] }) })).toBe('second')
    expect(await find(null, stored)).toBe('first')
  })

  test('at the URL counts, where keys are stored too', async () => {
    expect(await find('second', { ...client, jwks: JSON.stringify({ keys: [second] }) })).toBe(
      'key_unknown',
    )
  })
})

describe('an unknown kid', () => {
  test('fetches the set once more, at most every 30 seconds', async () => {
    await find('first')
    answer = { keys: [first, second] }
    expect(await find('second')).toBe('second')
    expect(requests).toHaveLength(2)
    for (const kid of ['third', 'fourth', 'fifth']) expect(await find(kid)).toBe('key_unknown')
    now += 29_999
    expect(await find('third')).toBe('key_unknown')
    expect(requests).toHaveLength(2)
    now += 1
    expect(await find('third')).toBe('key_unknown')
    expect(requests).toHaveLength(3)
  })

  test('does not fetch twice for the first request', async () => {
    expect(await find('second')).toBe('key_unknown')
    expect(requests).toHaveLength(1)
  })

  test('of one client costs another nothing', async () => {
    const other = { ...client, keyId: 'key-2' }
    await find('first')
    await find('first', other)
    await find('third')
    answer = { keys: [second] }
    expect(await find('second', other)).toBe('second')
  })

  test('takes away no known key, if the second look fails', async () => {
    await find('first')
    answer = { status: 500 }
    expect(await find('second')).toBe('key_set_unreachable')
    expect(await find('first')).toBe('first')
  })

  test('is not fetched again if the key is known and must not be used', async () => {
    answer = { keys: [{ ...first, use: 'enc' }] }
    await find('first')
    expect(await find('first')).toBe('key_refused')
    expect(requests).toHaveLength(1)
  })
})

describe('a set that cannot be used', () => {
  const rows: [string, typeof answer, string, RegExp][] = [
    [
      'at a private address',
      { failure: { reason: 'forbidden', detail: 'it is not allowed' } },
      'key_set_unreachable',
      /^the JWKS URL: it is not allowed$/,
    ],
    ['that redirects', { status: 302 }, 'key_set_unreachable', /answered 302.*not followed/],
    ['that is gone', { status: 404 }, 'key_set_unreachable', /answered 404$/],
    ['that is too long', { isComplete: false }, 'key_set_invalid', /65536 bytes/],
    ['that is a page', { text: '<html>' }, 'key_set_invalid', /not JSON/],
    ['that is a list', { text: '[]' }, 'key_set_invalid', /no JWK Set/],
  ]
  test.each(rows)('is reported with the reason: %s', async (_, broken, reason, detail) => {
    answer = broken
    const result = await clientKeys.findKey(client, { algorithm: 'ES384', kid: 'first' })
    expect(result).toEqual({
      ok: false,
      failure: { reason, detail: expect.stringMatching(detail) },
    })
    expect(await clientKeys.report(client)).toEqual({
      url: URL_A,
      problem: expect.stringMatching(detail),
      cacheSeconds: null,
      keys: [],
    })
  })

  test('is asked for again after 5 seconds', async () => {
    answer = { status: 503 }
    await find('first')
    answer = { keys: [first] }
    now += 4999
    expect(await find('first')).toBe('key_set_unreachable')
    now += 1
    expect(await find('first')).toBe('first')
    expect(requests).toHaveLength(2)
  })
})

test('a report describes each key, and why it would be refused', async () => {
  answer = { keys: [first, { ...second, use: 'enc' }], cacheControl: 'max-age=60' }
  expect(await clientKeys.report(client)).toEqual({
    url: URL_A,
    problem: null,
    cacheSeconds: 60,
    keys: [
      { kid: 'first', type: 'P-384', algorithms: ['ES384'], problem: null },
      {
        kid: 'second',
        type: 'P-384',
        algorithms: [],
        problem: 'it is for the use enc, not sig',
      },
    ],
  })
  answer = { keys: [] }
  expect(await clientKeys.report(client)).toMatchObject({
    problem: 'it has no key that can verify an assertion',
  })
  const stored = { ...client, jwksUrl: null, jwks: JSON.stringify({ keys: [second] }) }
  expect(await clientKeys.report(stored)).toMatchObject({
    url: null,
    cacheSeconds: null,
    keys: [{ kid: 'second', problem: null }],
  })
})
