import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { TokenManager } from '../../src/client/client.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/simulator/sandbox.ts'
import { type FaultRule, scheduleSchema } from '../../src/simulator/schedule.ts'
import type { TokenResponse } from '../support/server.ts'

const OPTIONS: SandboxOptions = {
  host: '127.0.0.1',
  port: 0,
  rules: [],
  seed: 42,
  speed: 1,
  skewMs: 0,
  latencyMs: 2,
}

let sandbox: Sandbox
/** Starts a sandbox for one test. */
async function useSandbox(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  sandbox = await startSandbox({ ...OPTIONS, ...options })
  onTestFinished(sandbox.stop)
  return sandbox
}

/** Starts a sandbox for all tests of a group. */
function shareSandbox(): void {
  beforeAll(async () => {
    sandbox = await startSandbox(OPTIONS)
  })
  afterAll(() => sandbox.stop())
}
const parseRules = (rules: unknown): FaultRule[] => scheduleSchema.parse(rules)

function post(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(sandbox.url + path, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json', ...headers },
  })
}

const authenticate = (simulate?: string) => {
  const { apiKey, secret } = sandbox.data.redox
  const headers: Record<string, string> = simulate ? { 'Latchkey-Simulate': simulate } : {}
  return post('/auth/authenticate', JSON.stringify({ apiKey, secret }), headers)
}
const getTokens = async () => (await (await authenticate()).json()) as TokenResponse
const refresh = (refreshToken: string, simulate: string | undefined = undefined) =>
  post(
    '/auth/refreshToken',
    JSON.stringify({ apiKey: sandbox.data.redox.apiKey, refreshToken }),
    simulate ? { 'Latchkey-Simulate': simulate } : {},
  )
const use = (accessToken: string, simulate?: string) =>
  post('/endpoint', '{}', {
    Authorization: `Bearer ${accessToken}`,
    ...(simulate ? { 'Latchkey-Simulate': simulate } : {}),
  })
const control = async (path: string, body?: object) =>
  (
    await (body
      ? post(`/simulate${path}`, JSON.stringify(body))
      : fetch(`${sandbox.url}/simulate${path}`))
  ).json()
const listCodes = () => sandbox.findings.map(({ code }) => code)

describe('one request', () => {
  shareSandbox()

  test('without a fault is answered by the real server', async () => {
    const response = await authenticate()
    expect(response.status).toBe(200)
    const { accessToken } = (await response.json()) as TokenResponse
    expect((await use(accessToken)).status).toBe(400)
  })

  test.each(['TRACE', 'OPTIONS', 'HEAD', 'PUT'])(
    'is refused by the real server if it asks for tokens by %s, and is no token request',
    async (method) => {
      const sent = request(`${sandbox.url}/auth/authenticate`, { method, agent: false }).end()
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      expect([response.resume().statusCode, response.headers.allow]).toEqual([405, 'POST'])
      expect(listCodes()).toEqual([])
    },
  )

  test('loses its answer before the server sees it, or after it has rotated', async () => {
    const { refreshToken } = await getTokens()
    await expect(refresh(refreshToken, 'lose-answer-before-commit')).rejects.toThrow('fetch failed')
    await expect(refresh(refreshToken, 'lose-answer-after-commit')).rejects.toThrow('fetch failed')
    const answers = await Promise.all([refresh(refreshToken), refresh(refreshToken)])
    const [one, other] = await Promise.all(answers.map((answer) => answer.text()))
    // The server repeats the answer that was lost.
    expect(one).toBe(other)
  })

  test.each([
    [
      '/auth/authenticate',
      'application/json; charset=utf-8',
      /^{"message":"Try again in 7 seconds."}$/,
    ],
    [
      '/oauth2/token',
      'application/json; charset=utf-8',
      /"error_description":"Try again in 7 seconds."/,
    ],
    ['/v2/auth/token', 'application/json; charset=utf-8', /"error_uri":""/],
    ['/endpoint', 'application/json; charset=utf-8', /"Errors":\[/],
    ['/fhir/Patient', 'application/fhir+json', /"resourceType":"OperationOutcome"/],
    ['/practice/v1/me', 'application/json', /Try again in 7 seconds/],
    ['/api/v1/Identity', 'application/json', /"RetryAfterSeconds":7|"SERVICE_UNAVAILABLE"/],
  ])('of %s is refused for load in the words of its vendor', async (path, type, text) => {
    for (const [fault, status] of [
      ['answer-429', 429],
      ['answer-503', 503],
    ] as const) {
      const response = await post(path, '{}', { 'Latchkey-Simulate': `${fault}=7s` })
      expect(response.status).toBe(status)
      expect(response.headers.get('retry-after')).toBe('7')
      expect(response.headers.get('content-type')).toContain(type)
      expect(await response.text()).toMatch(text)
    }
  })

  test('has a wrong Date, and times of issue of the same clock', async () => {
    const response = await authenticate('skew-clock=1h')
    const date = Date.parse(response.headers.get('date') ?? '')
    const { expires } = (await response.json()) as TokenResponse
    const hours = [date - Date.now(), Date.parse(expires) - Date.now()].map((ms) =>
      Math.round(ms / 3_600_000),
    )
    expect(hours).toEqual([1, 25])
  })

  test('is delayed, and has a slow body that is whole', async () => {
    const startedAt = performance.now()
    const response = await authenticate('delay=40ms,slow-body=60ms')
    const { expires } = (await response.json()) as TokenResponse
    expect(performance.now() - startedAt).toBeGreaterThan(80)
    expect(Date.parse(expires)).toBeGreaterThan(Date.now())
  })

  test('names no fault: it is refused, so that a typing error does not pass a test', async () => {
    const response = await authenticate('lose-answers')
    expect(response.status).toBe(400)
    const { detail } = (await response.json()) as { detail: string }
    expect(detail).toMatch(
      /^Latchkey-Simulate names no fault: lose-answers. Send one or more of lose-answer-before-commit, .*, with commas between them.$/,
    )
  })
})

describe('a request to the sandbox itself', () => {
  shareSandbox()

  test.each([
    ['/advance', '{"by":"soon"}', 422, '#/by: must be a duration such as 8d. Send', '#/by'],
    ['/advance', '{"to":"8d"}', 422, '#/by: is required; #/to: is unknown. Send', '#/by'],
    [
      '/advance',
      'by=8d',
      400,
      'The body is not valid JSON. Send a body such as {"by":"8d"}.',
      null,
    ],
    ['/faults', '{"fault":"delay"}', 422, 'the body: must be a list. Send a body such as', '#'],
    ['/faults', '[{"fault":7}]', 422, '#/0/fault: must be text. Send', '#/0/fault'],
    ['/faults', '', 400, 'Send a body such as [{"fault":"answer-503=30s","count":1}].', null],
    ['/report', '{}', 404, 'Send one of GET /simulate, GET /simulate/report, POST', null],
  ])(
    'POST %s with %s is refused with the place, and with what to send',
    async (path, body, status, detail, pointer) => {
      const response = await post(`/simulate${path}`, body)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      const problem = (await response.json()) as { errors?: { pointer: string }[] }
      expect([response.status, problem]).toMatchObject([status, { status }])
      expect(problem).toHaveProperty('detail', expect.stringContaining(detail))
      expect(problem.errors?.[0]?.pointer ?? null).toBe(pointer)
    },
  )
})

describe('a token', () => {
  shareSandbox()

  test('ends early though its answer says otherwise, and the real server refuses it', async () => {
    const response = await authenticate('expire-token-early=0s')
    const { accessToken, expires } = (await response.json()) as TokenResponse
    expect(Date.parse(expires)).toBeGreaterThan(Date.now() + 3_600_000)
    const refused = await use(accessToken)
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toContain('invalid_token')
  })

  test('ends when the clock is moved, and its refresh token after a week', async () => {
    const { accessToken, refreshToken } = await getTokens()
    await control('/advance', { by: '6d' })
    expect((await use(accessToken)).status).toBe(401)
    const refreshed = (await (await refresh(refreshToken)).json()) as TokenResponse
    await control('/advance', { by: '8d' })
    expect((await refresh(refreshed.refreshToken)).status).toBe(401)
    expect(listCodes()).toEqual([])
  })
})

describe('a brownout', () => {
  shareSandbox()

  test('refuses exchange and refresh until it ends, and leaves tokens and OAuth clients alone', async () => {
    const { accessToken, refreshToken } = await getTokens()
    const refused = await authenticate('brownout=2h')
    expect(refused.status).toBe(503)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(7000)
    expect(refused.headers.get('deprecation')).toMatch(/^@\d+$/)
    expect((await refresh(refreshToken)).status).toBe(503)
    expect((await use(accessToken)).status).toBe(400)
    const { clientId, clientSecret } = sandbox.data.oauth
    const authorization = `Basic ${btoa(`${clientId}:${clientSecret}`)}`
    const token = await post('/oauth2/token', 'grant_type=client_credentials', {
      'Content-Type': 'application/x-www-form-urlencoded',
      Authorization: authorization,
    })
    expect(token.status).toBe(200)
    await control('/advance', { by: '2h' })
    expect((await refresh(refreshToken)).status).toBe(200)
    // The refresh during the window came too early.
    expect(listCodes()).toEqual(['ignored_retry_after', 'refreshed_early'])
  })
})

describe('a key', () => {
  test('gets a new secret, with and without an overlap, and is revoked', async () => {
    const { data } = await useSandbox()
    const { apiKey } = data.redox
    expect((await authenticate('rotate-secret=1h')).status).toBe(200)
    const overlapping = (await control('')) as { secrets: Record<string, string> }
    expect(overlapping.secrets[apiKey]).not.toBe(data.redox.secret)
    expect((await authenticate('rotate-secret')).status).toBe(401)
    const { secrets } = (await control('')) as { secrets: Record<string, string> }
    const body = JSON.stringify({ apiKey, secret: secrets[apiKey] })
    expect((await post('/auth/authenticate', body)).status).toBe(200)
    const revoked = await post('/auth/authenticate', body, { 'Latchkey-Simulate': 'revoke-key' })
    expect(revoked.status).toBe(401)
    for (let n = 0; n < 3; n++) await post('/auth/authenticate', body)
    expect(listCodes()).toContain('used_revoked_key')
  })
})

test('the same seed and requests get the same faults, and another seed gets others', async () => {
  const rules = parseRules([{ fault: 'answer-503', share: '30%' }])
  const runs: number[][] = []
  for (const seed of [7, 7, 8]) {
    await useSandbox({ rules, seed })
    const statuses: number[] = []
    for (let n = 0; n < 30; n++) statuses.push((await authenticate()).status)
    runs.push(statuses)
  }
  expect(runs[0]).toEqual(runs[1])
  expect(runs[0]).not.toEqual(runs[2])
  expect(new Set(runs[0])).toEqual(new Set([200, 503]))
})

describe('the clients', () => {
  test('that do what they should not are found, each with its request ids', async () => {
    const { data } = await useSandbox()
    const { accessToken, refreshToken } = await getTokens()
    await Promise.all([refresh(refreshToken), refresh(refreshToken), refresh(refreshToken)])
    await refresh(refreshToken)
    await authenticate('answer-503=30s')
    await authenticate()
    await fetch(`${sandbox.url}/fhir/Patient?key=${data.redox.secret}`)
    await control('/advance', { by: '2d' })
    await use(accessToken)
    await use(accessToken)
    const { findings } = (await control('/report')) as {
      findings: { code: string; requestIds: string[] }[]
    }
    expect(new Set(findings.map(({ code }) => code))).toEqual(
      new Set([
        'concurrent_token_requests',
        'ignored_retry_after',
        'refreshed_early',
        'reused_refresh_token',
        'sent_secret_in_url',
      ]),
    )
    for (const { requestIds } of findings) expect(requestIds[0]).toMatch(/^[0-9a-f-]{36}$/)
  })

  test.each(['legacy', 'legacy, refresh: true', 'OAuth, secret', 'OAuth, private key'])(
    'of latchkey/client (%s) live through a month of faults without a finding or a failed message',
    async (way) => {
      const rules = parseRules([
        { fault: 'lose-answer-before-commit', share: '5%' },
        { fault: 'lose-answer-after-commit', share: '5%' },
        { fault: 'answer-503=1s', on: 'token', share: '10%' },
        { fault: 'answer-429=1s', on: 'token', share: '10%' },
        { fault: 'expire-token-early=1h', share: '20%' },
        { fault: 'brownout', from: '10d', until: '241h' },
      ])
      const { data, url } = await useSandbox({ rules, skewMs: 3_600_000 })
      const { redox, oauth, oauthSigner } = data
      const credentials = way.startsWith('legacy')
        ? redox
        : way === 'OAuth, secret'
          ? oauth
          : oauthSigner
      const time = createSharedTime()
      const manager = new TokenManager({
        url,
        credentials: pickCredentials(credentials),
        refresh: way.endsWith('true'),
        runtime: time,
        timeoutMs: LIMIT_MS,
        maxWaitMs: LIMIT_MS,
      })
      const statuses: number[] = []
      for (let hour = 0; hour < 24 * 30; hour += 10) {
        statuses.push(await send(manager))
        await time.advance(10 * 3_600_000)
      }
      expect(sandbox.findings).toEqual([])
      expect(new Set(statuses)).toEqual(new Set([400]))
    },
  )
})

/** Much longer than every pause. */
const LIMIT_MS = 100 * 3_600_000

/** The time of the client and of the sandbox, which moves instead of being waited for. */
function createSharedTime() {
  let movedMs = 0
  async function advance(ms: number): Promise<void> {
    movedMs += ms
    await control('/advance', { by: `${ms}ms` })
  }
  return {
    advance,
    now: () => Date.now() + movedMs,
    monotonicNow: () => performance.now() + movedMs,
    setTimer(run: () => void, ms: number) {
      let isCancelled = false
      // Limits of time are not reached.
      if (ms < LIMIT_MS / 2) void advance(Math.ceil(ms)).then(() => isCancelled || run())
      return () => {
        isCancelled = true
      }
    },
  }
}

/** Sends a message until it is answered, as every client does. 400: the server has read it. */
async function send(manager: TokenManager): Promise<number> {
  for (let n = 0; n < 20; n++) {
    try {
      return (await manager.fetch('/endpoint', { method: 'POST', body: '{}' })).status
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
  }
  return 0
}

/** TokenManager refuses members that it does not know. */
function pickCredentials(data: Sandbox['data']['redox' | 'oauth' | 'oauthSigner']) {
  if ('apiKey' in data) return { apiKey: data.apiKey, secret: data.secret }
  return data
}
