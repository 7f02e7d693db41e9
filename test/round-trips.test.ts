import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPostgres } from '../src/node/postgres/engine.ts'
import type { Engine } from '../src/storage/engine.ts'
import { type D1Database, openD1 } from '../src/worker/d1.ts'
import { composeTestServer } from './support/composed-server.ts'
import { startTestD1 } from './support/database/d1.ts'
import { startDistantPostgres } from './support/database/distant-postgres.ts'
import { POSTGRES_START_TIMEOUT_MS, startPostgres } from './support/database/postgres.ts'
import {
  postAssertion,
  postForm,
  STANDARD_TOKEN_PATH,
  seedClient,
  seedSigningClient,
  signAssertion,
} from './support/oauth.ts'
import { requestToken, revoke } from './support/oauth-tokens.ts'
import {
  createDeviceNewMessage,
  createTestLog,
  leastWorkArgon2,
  seedKey,
  type TokenResponse,
} from './support/server.ts'
import { readSchemaStatements } from './support/worker/bundle.ts'

/** An empty database whose round trips are counted. */
interface CountedDatabase {
  readonly engine: Engine
  countRoundTrips(): number
  dispose(): Promise<void>
}

async function openCountedPostgres(): Promise<CountedDatabase> {
  const postgres = await startPostgres()
  const url = await postgres.createDatabase()
  const distant = await startDistantPostgres(new URL(url), 0)
  return {
    engine: await openPostgres(distant.url(url), createTestLog()),
    countRoundTrips: () => distant.roundTrips,
    async dispose() {
      await distant.close()
      await postgres.stop()
    },
  }
}

async function openCountedD1(): Promise<CountedDatabase> {
  const { db, executeText, dispose } = await startTestD1()
  await executeText(readSchemaStatements().join(';\n'))
  let batches = 0
  const counted: D1Database = {
    withSession(constraint) {
      const session = db.withSession(constraint)
      return {
        prepare: (sql) => session.prepare(sql),
        batch(statements) {
          batches++
          return session.batch(statements)
        },
      }
    },
  }
  return { engine: openD1(counted), countRoundTrips: () => batches, dispose }
}

describe.each([
  ['PostgreSQL', openCountedPostgres],
  ['D1', openCountedD1],
])('on %s', (name, open) => {
  let database: CountedDatabase
  let server: Awaited<ReturnType<typeof composeTestServer>>
  let key: Awaited<ReturnType<typeof seedKey>>
  beforeAll(async () => {
    database = await open()
    server = await composeTestServer({}, leastWorkArgon2, { openEngine: () => database.engine })
    key = await seedKey(server)
    // The first requests read what is cached until something is changed.
    const { accessToken } = await authenticate()
    await sendMessage(accessToken)
  }, POSTGRES_START_TIMEOUT_MS)
  afterAll(async () => {
    await server.close()
    await database.dispose()
  })

  async function countDuring<T>(work: () => Promise<T>): Promise<{ result: T; trips: number }> {
    const before = database.countRoundTrips()
    const result = await work()
    return { result, trips: database.countRoundTrips() - before }
  }

  async function readTokens(answer: Promise<Response> | Response): Promise<TokenResponse> {
    const response = await answer
    expect(response.status).toBe(200)
    return (await response.json()) as TokenResponse
  }
  const authenticate = () =>
    readTokens(server.post('/auth/authenticate', { apiKey: key.apiKey, secret: key.secret }))
  const refresh = (refreshToken: string) =>
    readTokens(server.post('/auth/refreshToken', { apiKey: key.apiKey, refreshToken }))
  const sendMessage = async (accessToken: string, destinationId = key.destinationId) =>
    (
      await server.call('/endpoint', {
        body: JSON.stringify(createDeviceNewMessage(destinationId)),
        headers: { Authorization: `Bearer ${accessToken}` },
      })
    ).status

  test('an exchange is one round trip', async () => {
    expect(await countDuring(authenticate)).toMatchObject({ trips: 1 })
  })

  test('a refresh is two round trips, and so is the first of a grant', async () => {
    let { refreshToken } = await authenticate()
    for (let generation = 1; generation <= 3; generation++) {
      const { result, trips } = await countDuring(() => refresh(refreshToken))
      expect(trips).toBe(2)
      refreshToken = result.refreshToken
    }
  })

  test('a repeated refresh is one round trip', async () => {
    const { refreshToken } = await authenticate()
    const first = await refresh(refreshToken)
    expect(await countDuring(() => refresh(refreshToken))).toEqual({ result: first, trips: 1 })
  })

  test('a token for a secret is one round trip, and for an assertion, which counts once, two', async () => {
    const oauthClient = {
      authenticationMethod: 'client_secret_post',
      scopes: ['fhir:production'],
    } as const
    const { clientId, secret } = await seedClient(server, oauthClient)
    const signing = await seedSigningClient(server)
    const bySecret = async () =>
      (await postForm(server, STANDARD_TOKEN_PATH, { client_id: clientId, client_secret: secret }))
        .status
    expect(await countDuring(bySecret)).toEqual({ result: 200, trips: 1 })
    const aud = server.parts.runtime.publicUrl
    const assertion = await signAssertion(signing, server.parts.runtime.clock(), {
      claims: { aud },
    })
    const byAssertion = async () =>
      (await postAssertion(server, STANDARD_TOKEN_PATH, assertion)).status
    expect(await countDuring(byAssertion)).toEqual({ result: 200, trips: 2 })
    expect(await countDuring(byAssertion)).toEqual({ result: 400, trips: 2 })
  })

  test('an accepted message is two round trips, and a refused one is one', async () => {
    const { accessToken } = await authenticate()
    await sendMessage(accessToken)
    expect(await countDuring(() => sendMessage(accessToken))).toEqual({ result: 200, trips: 2 })
    const unknownId = crypto.randomUUID()
    expect(await countDuring(() => sendMessage(accessToken, unknownId))).toEqual({
      result: 403,
      trips: 1,
    })
  })

  test('a message with a token of a client is two round trips, and one more where one is revoked', async () => {
    const signing = await seedSigningClient(server, { sourceIds: [key.sourceId] }, [], {
      ownerId: key.ownerId,
    })
    const caller = { call: server.call, clock: server.clock }
    const [token, revoked] = [
      await requestToken(caller, signing),
      await requestToken(caller, signing),
    ]
    await sendMessage(token)
    const send = () => sendMessage(token)
    expect(await countDuring(send)).toEqual({ result: 200, trips: 2 })
    const { version } = await server.storage.readAuthority()
    await revoke(caller, signing, revoked)
    expect((await server.storage.readAuthority()).version).toBe(version)
    expect(await countDuring(send)).toEqual({ result: 200, trips: 3 })
    // The grant of a legacy token is read once again.
    const { accessToken } = await authenticate()
    await sendMessage(accessToken)
    expect(await countDuring(() => sendMessage(accessToken))).toEqual({ result: 200, trips: 2 })
  })

  // Requests of a Worker share no I/O: one may end before the other.
  test.skipIf(name === 'D1')(
    'twenty refreshes and messages at once share their round trips',
    async () => {
      const tokens = await Promise.all(Array.from({ length: 20 }, authenticate))
      await Promise.all(tokens.map(({ accessToken }) => sendMessage(accessToken)))
      const { trips } = await countDuring(() =>
        Promise.all(
          tokens.flatMap(({ accessToken, refreshToken }): Promise<unknown>[] => [
            refresh(refreshToken),
            sendMessage(accessToken),
          ]),
        ),
      )
      expect(trips).toBeLessThan(20)
    },
  )
})
