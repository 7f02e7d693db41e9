import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  createMemoryStore,
  TokenError,
  TokenManager,
  type TokenManagerOptions,
  type TokenStore,
} from '../../src/client/client.ts'
import { createTestClock, DAY_MS, MINUTE_MS } from '../support/time.ts'
import { createClient } from './client-fixture.ts'

const KEY = { apiKey: 'the-key-id', secret: 'the-s3cret/value' }
const TOKEN_PATH = '/auth/authenticate'

type Answer = (path: string, token: string | null) => Response | undefined

/** A server that issues tokens, unless it is told to answer otherwise. */
function startServer(answer: Answer = () => undefined) {
  const clock = createTestClock()
  let issued = 0
  const call = async (path: string, init: RequestInit = {}) => {
    const token = new Headers(init.headers).get('authorization')
    const answered = answer(path, token)
    if (answered !== undefined) return answered
    if (path !== TOKEN_PATH) return Response.json({})
    const expires = new Date(clock() + DAY_MS).toISOString()
    return Response.json({ accessToken: `at-${++issued}`, expires, refreshToken: `rt-${issued}` })
  }
  return {
    clock,
    create: (options: Partial<TokenManagerOptions> = {}) =>
      createClient({ clock, call }, KEY, options),
  }
}

const refuse = (status: number, body = '', headers: Record<string, string> = {}) =>
  new Response(body, { status, headers })

describe('an unavailable server', () => {
  test.each([
    [429, '7', 7000],
    [503, '7', 7000],
    [503, 'Fri, 02 Jan 2026 03:05:05 GMT', 59_322],
    [503, '999999', 3_600_000],
  ])(
    'that answers %i with Retry-After: %s is left alone for so long',
    async (status, header, ms) => {
      const { create, clock } = startServer(() => refuse(status, '', { 'Retry-After': header }))
      const { manager, paths } = create({ maxWaitMs: 1000 })
      const error = { code: 'unavailable', status, retryAfterMs: ms, advice: 'Try again later.' }
      await expect(manager.token()).rejects.toMatchObject(error)
      clock.advance(ms - 2000)
      await expect(manager.token()).rejects.toMatchObject(error)
      expect(paths).toHaveLength(1)
      clock.advance(ms / 10 + MINUTE_MS)
      await expect(manager.token()).rejects.toMatchObject({ code: 'unavailable' })
      expect(paths).toHaveLength(2)
    },
  )

  test('is asked again ever more seldom', async () => {
    const { create } = startServer(() => refuse(500))
    const { manager, paths } = create({ maxWaitMs: 9999 })
    await expect(manager.token()).rejects.toMatchObject({ code: 'unavailable', status: 500 })
    // After 0.75, 1.5 and 3 seconds; six more would be too late.
    expect(paths).toHaveLength(4)
  })

  test('does not hold a caller whose signal aborts, nor fail the others', async () => {
    let open = (_: Response) => undefined as unknown
    const { clock } = startServer()
    const call = () =>
      new Promise<Response>((resolve) => {
        open = resolve
      })
    const { manager } = createClient({ clock, call }, KEY)
    const controller = new AbortController()
    const impatient = manager.token({ signal: controller.signal })
    const patient = manager.token()
    await new Promise(setImmediate)
    controller.abort(new Error('enough'))
    await expect(impatient).rejects.toThrow('enough')
    await expect(manager.token({ signal: controller.signal })).rejects.toThrow('enough')
    open(Response.json({ accessToken: 'at', expires: new Date(clock() + DAY_MS).toISOString() }))
    expect(await patient).toBe('at')
  })
})

describe('Retry-After', () => {
  function startBusyServer() {
    let isBusy = true
    const server = startServer((path) =>
      path === TOKEN_PATH && isBusy ? refuse(503, '', { 'Retry-After': '600' }) : undefined,
    )
    const store = createMemoryStore()
    const create = (skewMs = 0) => {
      const client = server.create({ store, maxWaitMs: 1000 })
      const now = () => server.clock() + skewMs
      return server.create({ store, maxWaitMs: 1000, runtime: { ...client.runtime, now } })
    }
    return {
      ...server,
      create,
      recover: () => {
        isBusy = false
      },
    }
  }

  test('counts for each process on the store, and after a restart', async () => {
    const { create, clock, recover } = startBusyServer()
    await expect(create().manager.token()).rejects.toMatchObject({ status: 503 })
    const other = create()
    clock.advance(5 * MINUTE_MS)
    await expect(other.manager.token()).rejects.toMatchObject({
      code: 'unavailable',
      retryAfterMs: 5 * MINUTE_MS,
    })
    expect(other.paths).toEqual([])
    recover()
    clock.advance(6 * MINUTE_MS)
    expect(await other.manager.token()).toBe('at-1')
  })

  test.each([-60 * MINUTE_MS, 60 * MINUTE_MS])(
    'of one process does not hold another whose clock is %i ms off for longer',
    async (skewMs) => {
      const { create, clock, recover } = startBusyServer()
      await expect(create().manager.token()).rejects.toMatchObject({ status: 503 })
      const other = create(skewMs)
      recover()
      clock.advance(11 * MINUTE_MS)
      expect(await other.manager.token()).toBe('at-1')
    },
  )
})

describe('a brownout of exchange and refresh', () => {
  const REFRESH_PATH = '/auth/refreshToken'
  const WINDOW_MS = 2 * 60 * MINUTE_MS

  test.each([false, true])(
    'leaves the tokens in use alone, also in the store (refresh: %s)',
    async (refresh) => {
      let isBrownout = false
      let issued = 0
      const refreshed: unknown[] = []
      const clock = createTestClock()
      const call = async (path: string, { body }: RequestInit = {}) => {
        if (path !== TOKEN_PATH && path !== REFRESH_PATH) return Response.json({})
        if (isBrownout) return refuse(503, '', { 'Retry-After': String(WINDOW_MS / 1000) })
        if (path === REFRESH_PATH) refreshed.push(JSON.parse(String(body)).refreshToken)
        const expires = new Date(clock() + DAY_MS).toISOString()
        return Response.json({
          accessToken: `at-${++issued}`,
          expires,
          refreshToken: `rt-${issued}`,
        })
      }
      const store = createMemoryStore()
      const create = () => createClient({ clock, call }, KEY, { refresh, store })
      const { manager, paths } = create()
      await manager.token()
      isBrownout = true
      // The token is due for renewal, and lives longer than the window.
      clock.advance(0.9 * DAY_MS)
      for (const next of [manager, create().manager, manager]) {
        expect(await next.token()).toBe('at-1')
        expect((await next.fetch('/endpoint')).status).toBe(200)
        await expect.poll(() => parseLease(store)).toBe(false)
        clock.advance(WINDOW_MS / 4)
      }
      // One request until Retry-After, which counts for an hour at most, is over.
      expect(paths.filter((path) => path !== '/endpoint')).toHaveLength(2)
      clock.advance(WINDOW_MS / 2)
      isBrownout = false
      await manager.token()
      await expect.poll(() => manager.token()).toBe('at-2')
      expect(refreshed).toEqual(refresh ? ['rt-1'] : [])
    },
  )

  async function parseLease(store: TokenStore): Promise<boolean> {
    return 'leaseMs' in JSON.parse((await store.read()) ?? '{}')
  }
})

describe('an answer that is not that of a token server', () => {
  test.each([
    ['a page', () => refuse(200, '<html>')],
    ['no such page', () => refuse(404)],
    ['a redirect', () => refuse(302, '', { Location: 'https://other.example' })],
    ['a token that is no text', () => Response.json({ accessToken: 7 })],
  ])('(%s) is an error that names the URL', async (_, answer) => {
    const { manager } = startServer(answer).create()
    await expect(manager.token()).rejects.toMatchObject({
      code: 'unexpected_answer',
      message: expect.stringContaining(`https://latchkey.example${TOKEN_PATH} answered`),
      advice: 'Check that url is the one of the token server.',
    })
  })
})

describe('fetch', () => {
  const refuseFirst: Answer = (path, token) =>
    path !== TOKEN_PATH && token === 'Bearer at-1' ? refuse(401) : undefined

  test.each(['text', new URLSearchParams({ a: 'b' }), new Blob(['c']), new Uint8Array(8)])(
    'sends a body again that is %s',
    async (body) => {
      const { manager, paths } = startServer(refuseFirst).create()
      expect((await manager.fetch('/endpoint', { method: 'POST', body })).status).toBe(200)
      expect(paths).toEqual([TOKEN_PATH, '/endpoint', TOKEN_PATH, '/endpoint'])
    },
  )

  test('sends a Request again', async () => {
    const { manager, paths } = startServer(refuseFirst).create()
    const url = 'https://latchkey.example/endpoint'
    const request = new Request(url, { method: 'POST', body: 'text' })
    expect((await manager.fetch(request)).status).toBe(200)
    expect(paths.filter((path) => path === '/endpoint')).toHaveLength(2)
  })

  test('returns the 401 if the body was a stream, and has a new token the next time', async () => {
    const { manager } = startServer(refuseFirst).create()
    const post = () => {
      const init = { method: 'POST', body: new Blob(['text']).stream(), duplex: 'half' }
      return manager.fetch('/endpoint', init as RequestInit)
    }
    expect((await post()).status).toBe(401)
    expect((await post()).status).toBe(200)
  })

  test('gets a new token for each that has ended, however fast time passes', async () => {
    const [clock, machineClock] = [createTestClock(), createTestClock()]
    let current = ''
    const call = async (path: string, init: RequestInit = {}) => {
      const sent = new Headers(init.headers).get('authorization')
      const date = { Date: new Date(clock()).toUTCString() }
      if (path !== TOKEN_PATH) return refuse(sent === `Bearer ${current}` ? 200 : 401, '', date)
      current = `at-${clock()}`
      const expires = new Date(clock() + DAY_MS).toISOString()
      return Response.json({ accessToken: current, expires }, { headers: date })
    }
    // The clock of the machine stands still, as in a test that moves a sandbox's.
    const { manager } = createClient({ clock: machineClock, call }, KEY)
    for (let day = 0; day < 5; day++) {
      expect((await manager.fetch('/endpoint')).status, `day ${day}`).toBe(200)
      clock.advance(8 * DAY_MS)
      current = ''
    }
  })

  test('does not ask for token after token if a server rejects all of them', async () => {
    const { create, clock } = startServer((path) => (path === TOKEN_PATH ? undefined : refuse(401)))
    const { manager, paths } = create()
    for (let n = 0; n < 60; n++) {
      expect((await manager.fetch('/endpoint')).status).toBe(401)
      clock.advance(1000)
    }
    // Pauses of 1, 2, 4, 8, 16 and 32 seconds.
    const tokenRequests = paths.filter((path) => path === TOKEN_PATH).length
    expect(tokenRequests).toBeGreaterThan(5)
    expect(tokenRequests).toBeLessThan(9)
  })

  test('sends the token to no other origin, unless it is listed', async () => {
    const { manager, paths } = startServer().create()
    const url = 'https://latchkey.example.evil/endpoint'
    await expect(manager.fetch(url)).rejects.toMatchObject({ code: 'invalid_options' })
    await expect(manager.fetch('//evil.example/x')).resolves.toBeInstanceOf(Response)
    expect(paths).toEqual([TOKEN_PATH, '//evil.example/x'])
    const other = startServer().create({ origins: ['https://fhir.example/r4'] })
    expect((await other.manager.fetch('https://fhir.example/Patient')).status).toBe(200)
  })
})

describe('a token store', () => {
  const failing = (): TokenStore => ({
    read: () => Promise.reject(new Error('the database is away')),
    compareAndSet: () => Promise.reject(new Error('the database is away')),
  })
  const hanging = (): TokenStore => ({
    read: () => new Promise(() => undefined),
    compareAndSet: () => new Promise(() => undefined),
  })
  const lost = (): TokenStore => ({ read: async () => null, compareAndSet: async () => false })

  test.each([
    ['fails', failing],
    ['hangs', hanging],
    ['never writes', lost],
  ])('that %s does not prevent a token, and is reported', async (_, createStore) => {
    const { manager, events } = startServer().create({
      store: createStore(),
      refresh: true,
      timeoutMs: 500,
    })
    expect(await manager.token()).toBe('at-1')
    expect(events.map(({ type }) => type)).toContain('store_failed')
  })

  test.each(['', '{', '[]', '"text"', '{"identity":"another key","token":{"accessToken":"x"}}'])(
    'that has %j has no token',
    async (text) => {
      const store = createMemoryStore()
      await store.compareAndSet(null, text)
      expect(await startServer().create({ store }).manager.token()).toBe('at-1')
    },
  )
})

describe('secrets', () => {
  test('are in no text of the manager, its errors and its events, even if the server repeats them', async () => {
    const echo = JSON.stringify({ error: 'invalid', error_description: `no: ${KEY.secret}` })
    const { create } = startServer(() => refuse(401, echo))
    const { manager, events } = create()
    const error = await manager.token().catch((thrown: TokenError) => thrown)
    const good = startServer().create()
    await good.manager.token()
    const texts = [manager, good.manager, error, events, good.events].flatMap((value) => [
      inspect(value, { depth: null, showHidden: true }),
      JSON.stringify(value),
      String(value),
    ])
    const found = texts.filter((text) => /s3cret|at-1|rt-1/.test(text))
    expect(found).toEqual([])
    expect(JSON.stringify(good.manager)).toContain(KEY.apiKey)
    expect(String(error)).toContain('refused the credentials with 401')
  })

  test('are in no error about a private key', async () => {
    const { clock } = startServer()
    const privateKey = `-----BEGIN PRIVATE KEY-----\nczNjcmV0\n-----END PRIVATE KEY-----`
    const credentials = { clientId: 'c', keyId: 'k', privateKey }
    const { manager } = createClient({ clock, call: async () => refuse(500) }, credentials)
    const error = await manager.token().catch((thrown: TokenError) => thrown)
    expect(inspect(error)).toContain('The private key cannot be read.')
    expect(inspect(error)).not.toContain('czNjcmV0')
  })
})

describe('options that cannot work are refused at once', () => {
  const credentials = KEY
  test.each([
    [{ url: 'http://api.example', credentials }, 'url must be an https URL'],
    [{ url: 'api.example', credentials }, 'url must be an https URL'],
    [{ url: 'https://u:p@api.example', credentials }, 'url has a password'],
    [{ url: 'https://api.example?a', credentials }, 'url has a password, a query'],
    [{ url: 'https://api.example', credentials: {} }, 'The credentials have none of apiKey'],
    [{ url: 'https://api.example', credentials: { apiKey: 'a' } }, 'have no secret'],
    [{ url: 'https://api.example', credentials: { ...KEY, scope: 'a' } }, 'unknown member scope'],
    [
      { url: 'https://api.example', credentials: { clientId: 'a', privateKey: 'b' } },
      'have no keyId',
    ],
    [
      {
        url: 'https://api.example',
        credentials: { clientId: 'a', clientSecret: 'b', authenticationMethod: 'none' },
      },
      'neither client_secret_basic nor client_secret_post',
    ],
    [{ url: 'https://api.example', credentials, retries: 3 }, 'There is no option retries.'],
  ])('%j', (options, problem) => {
    const create = () => new TokenManager(options as unknown as TokenManagerOptions)
    expect(create).toThrow(TokenError)
    expect(create).toThrow(problem)
  })

  test.each(['http://localhost:8080', 'http://127.0.0.1:8080', 'http://[::1]:8080'])(
    'but http: to this machine is allowed: %s',
    (url) => {
      expect(() => new TokenManager({ url, credentials })).not.toThrow()
    },
  )

  test('but http: is allowed where it is asked for', () => {
    const options = { url: 'http://latchkey.internal', credentials, allowHttp: true }
    expect(() => new TokenManager(options)).not.toThrow()
  })

  test.each([
    ['-----BEGIN RSA PRIVATE KEY-----\nAA\n-----END RSA PRIVATE KEY-----', 'a RSA PRIVATE KEY'],
    ['a file name', 'no PEM text'],
  ])('a private key that is %j says how to convert it', async (privateKey, problem) => {
    const { clock } = startServer()
    const keys = { clientId: 'c', keyId: 'k', privateKey }
    const { manager } = createClient({ clock, call: async () => refuse(500) }, keys)
    await expect(manager.token()).rejects.toThrow(
      `The private key is ${problem}. Convert it: openssl pkcs8 -topk8 -nocrypt`,
    )
  })
})
