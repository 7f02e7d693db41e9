import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composeTestServer, createCountingArgon2 } from './support/composed-server.ts'
import { createDeviceNewMessage, seedKey, type TokenResponse, unwrap } from './support/server.ts'
import { DAY_MS, HOUR_MS } from './support/time.ts'

/** Lifts all limits, which other tests check. */
const argon2 = createCountingArgon2()
let server: Awaited<ReturnType<typeof composeTestServer>>
beforeAll(async () => {
  server = await composeTestServer(
    {
      LATCHKEY_FAILURES_PER_ADDRESS: '1000000',
    },
    argon2,
  )
})
afterAll(() => server.close())

/** Everything that a caller can see, but what differs from one answer to the next by its nature. */
async function readVisibleResponse(answer: Response) {
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

async function issueTokens({ apiKey, secret }: { apiKey: string; secret: string }) {
  const answer = await authenticate(apiKey, secret)
  expect(answer.status).toBe(200)
  return (await answer.json()) as TokenResponse
}

/** A key that is in every way as it should be, its secret proven and remembered. */
async function seedGoodKey() {
  const key = await seedKey(server)
  await issueTokens(key)
  return key
}

/** Changes that make a valid key unusable. */
const brokenKey: [string, (key: Awaited<ReturnType<typeof seedGoodKey>>) => Promise<void>][] = [
  ['disabled', async ({ keyId }) => void unwrap(await server.keys.disable(keyId))],
  ['revoked', async ({ keyId }) => void unwrap(await server.keys.revoke(keyId))],
  [
    'closed with its account',
    async ({ accountId }) => void unwrap(await server.accounts.setStatus(accountId, 'closed')),
  ],
]

/** Keys that were never usable here. */
async function seedKeyWith(more: { region?: string; expiresAt?: number }) {
  const { id: accountId } = unwrap(
    await server.accounts.create({
      name: 'Acme',
      ...(more.region && { region: more.region, otherRegion: true }),
    }),
  )
  const input = { accountId, email: 'engineer@acme.example', role: 'engineer' } as const
  const owner = unwrap(await server.users.add(input))
  const source = unwrap(await server.sources.add({ accountId, name: 'Source' }))
  const created = unwrap(
    await server.keys.create({
      keyType: 'redox',
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
  async function expectSameRefusal(what: string, apiKey: string, secret: string) {
    const before = argon2.verified
    const answer = await readVisibleResponse(await authenticate(apiKey, secret))
    expect([what, answer]).toEqual([what, REFUSAL])
    expect([what, argon2.verified - before]).toEqual([what, 2])
  }

  test('refuses an unknown key and a wrong secret with one answer, for the same work', async () => {
    const key = await seedGoodKey()
    for (let round = 0; round < 2; round++) {
      await expectSameRefusal('unknown key', crypto.randomUUID(), 'wrong secret, quite long')
      await expectSameRefusal('unknown key, another’s secret', crypto.randomUUID(), key.secret)
      await expectSameRefusal('wrong secret', key.apiKey, 'wrong secret, quite long')
      await expectSameRefusal('wrong by a letter', key.apiKey, `${key.secret}x`)
      await expectSameRefusal('wrong by a blank', key.apiKey, `${key.secret} `)
      await expectSameRefusal('cut off', key.apiKey, key.secret.slice(0, -1))
      await expectSameRefusal('lone surrogate', key.apiKey, '\ud800')
      await expectSameRefusal('NUL', key.apiKey, '\0')
      await expectSameRefusal('very long', key.apiKey, 'x'.repeat(3000))
    }
    await issueTokens(key)
  })

  test.each(brokenKey)(
    'refuses a key that was %s, right secret or wrong, as it refuses an unknown key',
    async (_, breakKey) => {
      const key = await seedGoodKey()
      await breakKey(key)
      for (let round = 0; round < 2; round++) {
        await expectSameRefusal('right secret', key.apiKey, key.secret)
        await expectSameRefusal('wrong secret', key.apiKey, 'wrong secret, quite long')
      }
    },
  )

  test('refuses an expired key and a key of another region as it refuses an unknown one', async () => {
    const expired = await seedKeyWith({ expiresAt: server.clock() + HOUR_MS })
    await issueTokens(expired)
    server.clock.advance(HOUR_MS)
    const abroad = await seedKeyWith({ region: 'ca' })
    for (const { apiKey, secret } of [expired, abroad]) {
      await expectSameRefusal('right secret', apiKey, secret)
      await expectSameRefusal('wrong secret', apiKey, 'wrong secret, quite long')
    }
  })

  test('reports to the operator, not to the caller, that a key is of another region', async () => {
    const abroad = await seedKeyWith({ region: 'ca' })
    const key = unwrap(await server.keys.find(abroad.apiKey))
    await server.flushAuditEvents()
    await expectSameRefusal('abroad', abroad.apiKey, abroad.secret)
    // The caller does not wait for the event.
    await server.flushAuditEvents()
    const [event] = await server.storage.listEvents({ subject: key.id, limit: 1 })
    expect(event).toMatchObject({
      actor: key.id,
      action: 'key.refused',
      facts: { reason: 'region_other', region: 'ca' },
    })
  })

  test('refuses the secret before, from the end of its overlap, as it refuses an unknown key', async () => {
    const key = await seedGoodKey()
    unwrap(await server.keys.rotateSecret(key.keyId, { overlapMs: HOUR_MS }))
    await expectSameRefusal('wrong in the overlap', key.apiKey, 'wrong secret, quite long')
    await issueTokens(key)
    server.clock.advance(HOUR_MS)
    await expectSameRefusal('the secret before', key.apiKey, key.secret)
    await expectSameRefusal('wrong after the overlap', key.apiKey, 'wrong secret, quite long')
  })

  test('refuses a replaced secret as it refuses a wrong one, although it was proven before', async () => {
    const key = await seedGoodKey()
    unwrap(await server.keys.rotateSecret(key.keyId, {}))
    await expectSameRefusal('replaced', key.apiKey, key.secret)
  })

  test.each(malformed)('refuses an impossible key id like an unknown one: %j', async (apiKey) => {
    await expectSameRefusal('malformed', apiKey, 'wrong secret, quite long')
  })

  test('refuses what is nearly a key id as it refuses an unknown one', async () => {
    const { apiKey, secret } = await seedGoodKey()
    for (const id of [` ${apiKey}`, `${apiKey} `, `${apiKey}\0`, `\0${apiKey}`, `${apiKey}\n`]) {
      await expectSameRefusal(id, id, secret)
    }
    await expectSameRefusal('upper case', apiKey.toUpperCase(), `${secret}x`)
    await expectSameRefusal('upper case, unknown', crypto.randomUUID().toUpperCase(), secret)
  })

  test('does the same work for one secret tried at many ids at once, known or unknown', async () => {
    const known = [await seedGoodKey(), await seedGoodKey(), await seedGoodKey()].map(
      ({ apiKey }) => apiKey,
    )
    const unknown = known.map(() => crypto.randomUUID())
    const countHashWork = async (ids: string[]) => {
      const before = argon2.verified
      const answers = await Promise.all(
        ids.map((id) => authenticate(id, 'one secret for them all')),
      )
      for (const answer of answers) expect(await readVisibleResponse(answer)).toEqual(REFUSAL)
      return argon2.verified - before
    }
    expect([await countHashWork(known), await countHashWork(unknown)]).toEqual([6, 6])
    // One id that is asked for at once costs one computation.
    const [id = '', nobody = ''] = [known[0], unknown[0]]
    expect([
      await countHashWork([id, id, id]),
      await countHashWork([nobody, nobody, nobody]),
    ]).toEqual([2, 2])
  })

  test('does no work for a secret that it has just proven', async () => {
    const key = await seedGoodKey()
    const before = argon2.verified
    await issueTokens(key)
    expect(argon2.verified).toBe(before)
  })
})

describe('refresh', () => {
  async function expectSameRefusal(what: string, apiKey: string, refreshToken: string) {
    const answer = await readVisibleResponse(await refresh(apiKey, refreshToken))
    expect([what, answer]).toEqual([what, REFUSAL])
  }

  test('refuses unknown keys and forged tokens with one answer', async () => {
    const key = await seedGoodKey()
    const { refreshToken, accessToken } = await issueTokens(key)
    const flipped = refreshToken.slice(0, -1) + (refreshToken.endsWith('A') ? 'B' : 'A')
    await expectSameRefusal('unknown key', crypto.randomUUID(), refreshToken)
    await expectSameRefusal('unknown key, forged', crypto.randomUUID(), flipped)
    await expectSameRefusal('forged', key.apiKey, flipped)
    await expectSameRefusal('cut off', key.apiKey, refreshToken.slice(0, -4))
    await expectSameRefusal('nothing like it', key.apiKey, 'hello')
    await expectSameRefusal('an access token', key.apiKey, accessToken)
    await expectSameRefusal('a secret', key.apiKey, key.secret)
    await expectSameRefusal('NUL and surrogates', key.apiKey, '\0\ud800')
    for (const id of malformed) await expectSameRefusal(id, id, refreshToken)
    expect((await refresh(key.apiKey, refreshToken)).status).toBe(200)
  })

  test('refuses another key’s token as it refuses a forged one, be it of the same account', async () => {
    const key = await seedGoodKey()
    const other = await seedKey(server, { accountId: key.accountId })
    await expectSameRefusal('of another key', other.apiKey, (await issueTokens(key)).refreshToken)
    await expectSameRefusal(
      'of another account',
      (await seedGoodKey()).apiKey,
      (await issueTokens(key)).refreshToken,
    )
  })

  test('refuses expired, reused and revoked tokens as it refuses forged ones', async () => {
    const key = await seedGoodKey()
    const expired = await issueTokens(key)
    server.clock.advance(7 * DAY_MS)
    await expectSameRefusal('expired', key.apiKey, expired.refreshToken)

    const first = await issueTokens(key)
    const second = (await (await refresh(key.apiKey, first.refreshToken)).json()) as TokenResponse
    const third = (await (await refresh(key.apiKey, second.refreshToken)).json()) as TokenResponse
    await expectSameRefusal('of an older generation', key.apiKey, first.refreshToken)
    server.clock.advance(61_000)
    await expectSameRefusal('reused', key.apiKey, first.refreshToken)
    await expectSameRefusal('of a revoked grant', key.apiKey, third.refreshToken)
  })

  test.each(brokenKey)(
    'refuses a genuine token of a key that was %s as it refuses a forged one',
    async (_, breakKey) => {
      const key = await seedGoodKey()
      const tokens = await issueTokens(key)
      await breakKey(key)
      await expectSameRefusal('genuine', key.apiKey, tokens.refreshToken)
      await expectSameRefusal('forged', key.apiKey, `${tokens.refreshToken.slice(0, -2)}AA`)
    },
  )

  test('refuses a token from before the secret was replaced, or of an expired key, as it refuses a forged one', async () => {
    const key = await seedGoodKey()
    const tokens = await issueTokens(key)
    unwrap(await server.keys.rotateSecret(key.keyId, {}))
    await expectSameRefusal('of another epoch', key.apiKey, tokens.refreshToken)
    const short = await seedKeyWith({ expiresAt: server.clock() + HOUR_MS })
    const { refreshToken } = await issueTokens(short)
    server.clock.advance(HOUR_MS)
    await expectSameRefusal('of an expired key', short.apiKey, refreshToken)
  })
})

test('authenticate and refresh read one statement, the same for an id that is known and one that is not', async () => {
  const key = await seedGoodKey()
  const gone = await seedGoodKey()
  unwrap(await server.keys.revoke(gone.keyId))
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

test('a forged refresh token causes the same statements for a known and an unknown id', async () => {
  const key = await seedGoodKey()
  const forged = `rt_${Buffer.from([1, ...randomBytes(62)]).toString('base64url')}`
  const found = new Set<string>()
  for (const id of [key.apiKey, crypto.randomUUID()]) {
    server.reads.length = 0
    await refresh(id, forged)
    expect(server.reads).toHaveLength(2)
    found.add(server.reads.join('\n'))
  }
  expect(found.size).toBe(1)
})

describe('the endpoint', () => {
  test('refuses every token that opens nothing with one answer', async () => {
    const sendMessageWith = async (accessToken: string) => {
      const answer = await server.app.request('/endpoint', {
        method: 'POST',
        headers: { Authorization: `Bearer ${accessToken}` },
        body: JSON.stringify(createDeviceNewMessage('nowhere')),
      })
      const { body, ...rest } = await readVisibleResponse(answer)
      // Each error has an id of its own.
      const text = Buffer.from(body)
        .toString()
        .replace(/"ID":\d+/, '"ID":0')
      return { ...rest, text }
    }
    const forged = await sendMessageWith('forged')
    expect(forged.status).toBe(401)

    const key = await seedGoodKey()
    const { accessToken, refreshToken } = await issueTokens(key)
    expect(await sendMessageWith(`${accessToken}A`)).toEqual(forged)
    expect(await sendMessageWith(refreshToken)).toEqual(forged)
    // The id of a key is in the token, and costs one statement, whether there is such a key or not.
    const flipByte = (at: number) => {
      const bytes = Buffer.from(accessToken.slice('at_'.length), 'base64url')
      bytes[at] = (bytes[at] ?? 0) ^ 1
      return `at_${bytes.toString('base64url')}`
    }
    const statements = new Set<string>()
    for (const token of [flipByte(66), flipByte(20), flipByte(5)]) {
      server.reads.length = 0
      expect(await sendMessageWith(token)).toEqual(forged)
      expect(server.reads).toHaveLength(1)
      statements.add(server.reads[0] ?? '')
    }
    expect(statements.size).toBe(1)
    unwrap(await server.keys.rotateSecret(key.keyId, {}))
    expect(await sendMessageWith(accessToken)).toEqual(forged)

    for (const [, breakKey] of brokenKey) {
      const spoiltKey = await seedGoodKey()
      const tokens = await issueTokens(spoiltKey)
      await breakKey(spoiltKey)
      expect(await sendMessageWith(tokens.accessToken)).toEqual(forged)
    }
    const expired = await issueTokens(await seedGoodKey())
    server.clock.advance(DAY_MS)
    expect(await sendMessageWith(expired.accessToken)).toEqual(forged)
  })
})
