import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composedServer, countingArgon2 } from './support/composed.ts'
import { deviceNew, done, seedKey, type TokenAnswer } from './support/server.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Limits are another matter: nobody is slowed down here. */
const argon2 = countingArgon2()
let server: Awaited<ReturnType<typeof composedServer>>
beforeAll(async () => {
  server = await composedServer(
    {
      LATCHKEY_FAILURES_PER_ADDRESS: '1000000',
    },
    argon2,
  )
})
afterAll(() => server.close())

/** Everything that a caller can see, but what differs from one answer to the next by its nature. */
async function seen(answer: Response) {
  const headers = [...answer.headers].filter(([name]) => !/^(x-request-id|date)$/.test(name))
  return { status: answer.status, headers, body: [...new Uint8Array(await answer.arrayBuffer())] }
}

const REFUSAL = {
  status: 401,
  headers: [
    ['cache-control', 'no-store'],
    ['content-type', 'text/html; charset=utf-8'],
    ['x-content-type-options', 'nosniff'],
  ],
  body: [...Buffer.from('Invalid request')],
}

const authenticate = (apiKey: string, secret: string) =>
  server.post('/auth/authenticate', { apiKey, secret })
const refresh = (apiKey: string, refreshToken: string) =>
  server.post('/auth/refreshToken', { apiKey, refreshToken })

async function issue({ apiKey, secret }: { apiKey: string; secret: string }) {
  const answer = await authenticate(apiKey, secret)
  expect(answer.status).toBe(200)
  return (await answer.json()) as TokenAnswer
}

/** A key that is in every way as it should be, its secret proven and remembered. */
async function goodKey() {
  const key = await seedKey(server)
  await issue(key)
  return key
}

/** What makes a good key unusable. */
const spoilt: [string, (key: Awaited<ReturnType<typeof goodKey>>) => Promise<void>][] = [
  ['disabled', async ({ keyId }) => void done(await server.keys.disable(keyId))],
  ['revoked', async ({ keyId }) => void done(await server.keys.revoke(keyId))],
  [
    'closed with its account',
    async ({ accountId }) => void done(await server.accounts.setStatus(accountId, 'closed')),
  ],
]

/** Keys that were never usable here. */
async function keyWith(more: { region?: string; expiresAt?: number }) {
  const { id: accountId } = done(
    await server.accounts.create({
      name: 'Acme',
      ...(more.region && { region: more.region, otherRegion: true }),
    }),
  )
  const wish = { accountId, email: 'engineer@acme.example', role: 'engineer' } as const
  const owner = done(await server.accounts.addUser(wish))
  const source = done(await server.routes.addSource({ accountId, name: 'Source' }))
  const created = done(
    await server.keys.create({
      dialect: 'redox',
      ownerId: owner.id,
      sourceId: source.id,
      name: 'job',
      expiresAt: more.expiresAt,
    }),
  )
  return { apiKey: created.key.publicId, secret: created.secret }
}

const malformed = [
  '\0',
  'a\0b',
  '\ud800',
  'x\udc00',
  ' ',
  '\t\n',
  'two words',
  'ключ',
  '🔑',
  'x'.repeat(129),
  'x'.repeat(3000),
  '%00',
  "' OR 1=1 --",
  '__proto__',
  'constructor',
]

describe('authenticate', () => {
  /** One and the same refusal, for the work of two computations. */
  async function refuses(what: string, apiKey: string, secret: string) {
    const before = argon2.verified
    const answer = await seen(await authenticate(apiKey, secret))
    expect([what, answer]).toEqual([what, REFUSAL])
    expect([what, argon2.verified - before]).toEqual([what, 2])
  }

  test('refuses an unknown key and a wrong secret with one answer, for the same work', async () => {
    const key = await goodKey()
    for (let round = 0; round < 2; round++) {
      await refuses('unknown key', crypto.randomUUID(), 'wrong secret, quite long')
      await refuses('unknown key, another’s secret', crypto.randomUUID(), key.secret)
      await refuses('wrong secret', key.apiKey, 'wrong secret, quite long')
      await refuses('wrong by a letter', key.apiKey, `${key.secret}x`)
      await refuses('wrong by a blank', key.apiKey, `${key.secret} `)
      await refuses('cut off', key.apiKey, key.secret.slice(0, -1))
      await refuses('lone surrogate', key.apiKey, '\ud800')
      await refuses('NUL', key.apiKey, '\0')
      await refuses('very long', key.apiKey, 'x'.repeat(3000))
    }
    await issue(key)
  })

  test.each(spoilt)(
    'refuses a key that was %s, right secret or wrong, likewise',
    async (_, spoil) => {
      const key = await goodKey()
      await spoil(key)
      for (let round = 0; round < 2; round++) {
        await refuses('right secret', key.apiKey, key.secret)
        await refuses('wrong secret', key.apiKey, 'wrong secret, quite long')
      }
    },
  )

  test('refuses an expired key and a key of another region likewise', async () => {
    const expired = await keyWith({ expiresAt: server.clock() + HOUR })
    await issue(expired)
    server.clock.turn(HOUR)
    const abroad = await keyWith({ region: 'ca' })
    for (const { apiKey, secret } of [expired, abroad]) {
      await refuses('right secret', apiKey, secret)
      await refuses('wrong secret', apiKey, 'wrong secret, quite long')
    }
  })

  test('tells the operator, not the caller, that a key is of another region', async () => {
    const abroad = await keyWith({ region: 'ca' })
    const key = done(await server.keys.find(abroad.apiKey))
    await server.record()
    await refuses('abroad', abroad.apiKey, abroad.secret)
    // The caller does not wait for the event.
    await server.record()
    const [event] = await server.storage.listEvents({ subject: key.id, limit: 1 })
    expect(event).toMatchObject({
      actor: key.id,
      action: 'key.refused',
      facts: { reason: 'region_other', region: 'ca' },
    })
  })

  test('refuses the secret before, from the end of its overlap, likewise', async () => {
    const key = await goodKey()
    done(await server.keys.rotateSecret(key.keyId, { overlapMs: HOUR }))
    await refuses('wrong in the overlap', key.apiKey, 'wrong secret, quite long')
    await issue(key)
    server.clock.turn(HOUR)
    await refuses('the secret before', key.apiKey, key.secret)
    await refuses('wrong after the overlap', key.apiKey, 'wrong secret, quite long')
  })

  test('refuses a replaced secret likewise, although it was proven before', async () => {
    const key = await goodKey()
    done(await server.keys.rotateSecret(key.keyId, {}))
    await refuses('replaced', key.apiKey, key.secret)
  })

  test.each(malformed)('refuses a key id that can be nobody’s likewise: %j', async (apiKey) => {
    await refuses('malformed', apiKey, 'wrong secret, quite long')
  })

  test('refuses what is nearly a key id likewise', async () => {
    const { apiKey, secret } = await goodKey()
    for (const id of [` ${apiKey}`, `${apiKey} `, `${apiKey}\0`, `\0${apiKey}`, `${apiKey}\n`]) {
      await refuses(id, id, secret)
    }
    await refuses('upper case', apiKey.toUpperCase(), `${secret}x`)
    await refuses('upper case, unknown', crypto.randomUUID().toUpperCase(), secret)
  })

  test('does the same work for one secret tried at many ids at once, known or unknown', async () => {
    const known = [await goodKey(), await goodKey(), await goodKey()].map(({ apiKey }) => apiKey)
    const unknown = known.map(() => crypto.randomUUID())
    const work = async (ids: string[]) => {
      const before = argon2.verified
      const answers = await Promise.all(
        ids.map((id) => authenticate(id, 'one secret for them all')),
      )
      for (const answer of answers) expect(await seen(answer)).toEqual(REFUSAL)
      return argon2.verified - before
    }
    expect([await work(known), await work(unknown)]).toEqual([6, 6])
    // Of one id at once: one computation of a no.
    const [id = '', nobody = ''] = [known[0], unknown[0]]
    expect([await work([id, id, id]), await work([nobody, nobody, nobody])]).toEqual([2, 2])
  })

  test('does no work for a secret that it has just proven', async () => {
    const key = await goodKey()
    const before = argon2.verified
    await issue(key)
    expect(argon2.verified).toBe(before)
  })
})

describe('refresh', () => {
  async function refuses(what: string, apiKey: string, refreshToken: string) {
    const answer = await seen(await refresh(apiKey, refreshToken))
    expect([what, answer]).toEqual([what, REFUSAL])
  }

  test('refuses unknown keys and forged tokens with one answer', async () => {
    const key = await goodKey()
    const { refreshToken, accessToken } = await issue(key)
    const flipped = refreshToken.slice(0, -1) + (refreshToken.endsWith('A') ? 'B' : 'A')
    await refuses('unknown key', crypto.randomUUID(), refreshToken)
    await refuses('unknown key, forged', crypto.randomUUID(), flipped)
    await refuses('forged', key.apiKey, flipped)
    await refuses('cut off', key.apiKey, refreshToken.slice(0, -4))
    await refuses('nothing like it', key.apiKey, 'hello')
    await refuses('an access token', key.apiKey, accessToken)
    await refuses('a secret', key.apiKey, key.secret)
    await refuses('NUL and surrogates', key.apiKey, '\0\ud800')
    for (const id of malformed) await refuses(id, id, refreshToken)
    expect((await refresh(key.apiKey, refreshToken)).status).toBe(200)
  })

  test('refuses another key’s token likewise, be it of the same account', async () => {
    const key = await goodKey()
    const other = await seedKey(server, { accountId: key.accountId })
    await refuses('of another key', other.apiKey, (await issue(key)).refreshToken)
    await refuses('of another account', (await goodKey()).apiKey, (await issue(key)).refreshToken)
  })

  test('refuses expired, reused and revoked tokens likewise', async () => {
    const key = await goodKey()
    const expired = await issue(key)
    server.clock.turn(7 * DAY)
    await refuses('expired', key.apiKey, expired.refreshToken)

    const first = await issue(key)
    const second = (await (await refresh(key.apiKey, first.refreshToken)).json()) as TokenAnswer
    const third = (await (await refresh(key.apiKey, second.refreshToken)).json()) as TokenAnswer
    await refuses('of an older generation', key.apiKey, first.refreshToken)
    server.clock.turn(61_000)
    await refuses('reused', key.apiKey, first.refreshToken)
    await refuses('of a revoked family', key.apiKey, third.refreshToken)
  })

  test.each(spoilt)('refuses a genuine token of a key that was %s likewise', async (_, spoil) => {
    const key = await goodKey()
    const tokens = await issue(key)
    await spoil(key)
    await refuses('genuine', key.apiKey, tokens.refreshToken)
    await refuses('forged', key.apiKey, `${tokens.refreshToken.slice(0, -2)}AA`)
  })

  test('refuses a token from before the secret was replaced, or of an expired key, likewise', async () => {
    const key = await goodKey()
    const tokens = await issue(key)
    done(await server.keys.rotateSecret(key.keyId, {}))
    await refuses('of another epoch', key.apiKey, tokens.refreshToken)
    const short = await keyWith({ expiresAt: server.clock() + HOUR })
    const { refreshToken } = await issue(short)
    server.clock.turn(HOUR)
    await refuses('of an expired key', short.apiKey, refreshToken)
  })
})

test('authenticate and refresh read one statement, the same for an id that is known and one that is not', async () => {
  const key = await goodKey()
  const gone = await goodKey()
  done(await server.keys.revoke(gone.keyId))
  const found = new Set<string>()
  for (const id of [key.apiKey, gone.apiKey, crypto.randomUUID()]) {
    for (let n = 0; n < 2; n++) {
      for (const ask of [authenticate, refresh]) {
        server.reads.length = 0
        await ask(id, 'a guess')
        expect([id, server.reads.length]).toEqual([id, 1])
        found.add(server.reads[0] ?? '')
      }
    }
  }
  expect(found.size).toBe(1)
})

describe('the endpoint', () => {
  test('refuses every token that opens nothing with one answer', async () => {
    const answerTo = async (accessToken: string) => {
      const answer = await server.app.request('/endpoint', {
        method: 'POST',
        headers: { Authorization: `Bearer ${accessToken}` },
        body: JSON.stringify(deviceNew('nowhere')),
      })
      const { body, ...rest } = await seen(answer)
      // Each error has an id of its own.
      const text = Buffer.from(body)
        .toString()
        .replace(/"ID":\d+/, '"ID":0')
      return { ...rest, text }
    }
    const forged = await answerTo('forged')
    expect(forged.status).toBe(401)

    const key = await goodKey()
    const { accessToken, refreshToken } = await issue(key)
    expect(await answerTo(`${accessToken}A`)).toEqual(forged)
    expect(await answerTo(refreshToken)).toEqual(forged)
    done(await server.keys.rotateSecret(key.keyId, {}))
    expect(await answerTo(accessToken)).toEqual(forged)

    for (const [, spoil] of spoilt) {
      const spoiltKey = await goodKey()
      const tokens = await issue(spoiltKey)
      await spoil(spoiltKey)
      expect(await answerTo(tokens.accessToken)).toEqual(forged)
    }
    const expired = await issue(await goodKey())
    server.clock.turn(DAY)
    expect(await answerTo(expired.accessToken)).toEqual(forged)
  })
})
