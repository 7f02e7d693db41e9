import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
} from './support/server.ts'

let server: TestServer
let key: Awaited<ReturnType<typeof seedKey>>
beforeAll(async () => {
  server = await createTestServer()
  key = await seedKey(server)
})
afterAll(() => server.close())

test('a key and its secret are exchanged for tokens that open the endpoint', async () => {
  const answer = await server.authenticate(key.apiKey, key.secret)
  expect(answer.status).toBe(200)
  const tokens = (await answer.json()) as TokenResponse
  expect(Object.keys(tokens)).toEqual(['accessToken', 'expires', 'refreshToken'])
  expect(tokens.expires).toBe('2026-01-03T03:04:05.000Z')

  const accepted = await server.endpoint(
    tokens.accessToken,
    createDeviceNewMessage(key.destinationId),
  )
  expect(accepted.status).toBe(200)
})

describe('when the kind of access token changes', () => {
  const parse = (text: string) => JSON.parse(text) as TokenResponse
  const kinds = ['opaque', 'jwt'] as const
  const opens = async (at: TestServer, { accessToken }: TokenResponse) =>
    (await at.endpoint(accessToken, createDeviceNewMessage(key.destinationId))).status === 200
  const openServers = () =>
    Promise.all(
      kinds.map((LATCHKEY_ACCESS_TOKENS) =>
        createTestServer({ LATCHKEY_ACCESS_TOKENS }, { dir: server.dir, clock: server.clock }),
      ),
    ) as Promise<[TestServer, TestServer]>

  test.each([
    ['opaque', 'jwt', 0],
    ['jwt', 'opaque', 1],
  ] as const)('from %s to %s, tokens of both kinds open and are refreshed', async (_, __, n) => {
    const servers = await openServers()
    const [before, after] = n === 0 ? servers : [servers[1], servers[0]]
    const old = parse(await (await before.authenticate(key.apiKey, key.secret)).text())
    expect([await opens(before, old), await opens(after, old)]).toEqual([true, true])

    const refresh = async (at: TestServer) =>
      (await at.refresh(key.apiKey, old.refreshToken)).text()
    const lost = await refresh(before)
    expect(await refresh(before)).toBe(lost)
    // The kind is another one now, so the same generation is minted anew, once and for all.
    const repeated = await refresh(after)
    expect(await refresh(after)).toBe(repeated)
    expect(parse(repeated)).toEqual({ ...parse(lost), accessToken: expect.any(String) })
    expect(parse(repeated).accessToken).not.toBe(parse(lost).accessToken)
    expect([await opens(after, parse(lost)), await opens(before, parse(repeated))]).toEqual([
      true,
      true,
    ])

    // Each kind ends at its time, whichever is issued.
    server.clock.set(Date.parse(parse(lost).expires))
    expect([await opens(after, parse(lost)), await opens(before, parse(repeated))]).toEqual([
      false,
      false,
    ])
    for (const each of servers) await each.storage.close()
  })
})

test('a lost answer to a refresh is asked for again and is the same to the byte', async () => {
  const answer = await server.authenticate(key.apiKey, key.secret)
  const { refreshToken } = (await answer.json()) as TokenResponse
  const first = await (await server.refresh(key.apiKey, refreshToken)).text()
  const repeat = await (await server.refresh(key.apiKey, refreshToken)).text()
  expect(repeat).toBe(first)
})
