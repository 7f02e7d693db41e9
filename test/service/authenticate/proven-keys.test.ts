import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { composeTestServer } from '../../support/composed-server.ts'
import { leastWorkArgon2, seedKey, type TokenResponse, unwrap } from '../../support/server.ts'
import { HOUR_MS } from '../../support/time.ts'

let server: Awaited<ReturnType<typeof composeTestServer>>
let key: Awaited<ReturnType<typeof seedKey>>
beforeEach(async () => {
  server = await composeTestServer({}, leastWorkArgon2)
  key = await seedKey(server)
})
afterEach(() => server.close())

const authenticate = (secret = key.secret) =>
  server.post('/auth/authenticate', { apiKey: key.apiKey, secret })
const refresh = (refreshToken: string) =>
  server.post('/auth/refreshToken', { apiKey: key.apiKey, refreshToken })

async function readTokens(answer: Promise<Response> | Response): Promise<TokenResponse> {
  const response = await answer
  expect(response.status).toBe(200)
  return (await response.json()) as TokenResponse
}

/** Lists what this request reads: the authority's version, a key, or the grant. */
async function listReads(request: () => Promise<unknown> | Response): Promise<string[]> {
  server.reads.length = 0
  await request()
  return server.reads.map((sql) =>
    sql.includes('"public_id"') ? 'key' : (/from "(\w+)"/.exec(sql)?.[1] ?? sql),
  )
}

describe('a proven credential', () => {
  test('needs the authority’s version alone, until anything is changed', async () => {
    await readTokens(authenticate())
    let tokens = await readTokens(authenticate())
    expect(await listReads(() => readTokens(authenticate()))).toEqual(['authority'])

    tokens = await readTokens(refresh(tokens.refreshToken))
    const reads = await listReads(async () => {
      tokens = await readTokens(refresh(tokens.refreshToken))
    })
    expect(reads).toEqual(['authority'])

    unwrap(await server.accounts.rename(key.accountId, 'Renamed'))
    expect(await listReads(() => readTokens(authenticate()))).toEqual(['authority', 'key'])
    expect(await listReads(() => readTokens(refresh(tokens.refreshToken)))).toEqual([
      'authority',
      'key',
    ])
  })

  test('is no proof for another secret, or for a token with another tag', async () => {
    await readTokens(authenticate())
    const { refreshToken } = await readTokens(authenticate())
    await readTokens(refresh(refreshToken))
    const forged = `${refreshToken.slice(0, -4)}${refreshToken.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
    expect((await authenticate(`${key.secret}x`)).status).toBe(401)
    expect((await refresh(forged)).status).toBe(401)
    expect(await listReads(() => authenticate(`${key.secret}x`))).toEqual(['key'])
  })

  test.each([
    ['disabled', async () => void unwrap(await server.keys.disable(key.keyId))],
    ['revoked', async () => void unwrap(await server.keys.revoke(key.keyId))],
    [
      'replaced by another secret',
      async () => void unwrap(await server.keys.rotateSecret(key.keyId, {})),
    ],
    [
      'closed with its account',
      async () => void unwrap(await server.accounts.setStatus(key.accountId, 'closed')),
    ],
  ])('is refused at the next request after its key was %s', async (_, change) => {
    await readTokens(authenticate())
    const { refreshToken } = await readTokens(authenticate())
    const second = await readTokens(refresh(refreshToken))
    await change()
    expect((await authenticate()).status).toBe(401)
    expect((await refresh(second.refreshToken)).status).toBe(401)
  })

  test('is refused when its key expires', async () => {
    const { accountId } = key
    const owner = unwrap(
      await server.users.add({ accountId, email: 'other@acme.example', role: 'engineer' }),
    )
    const source = unwrap(await server.sources.add({ accountId, name: 'Other' }))
    const created = unwrap(
      await server.keys.create({
        keyType: 'redox',
        ownerId: owner.id,
        sourceId: source.id,
        name: 'job',
        expiresAt: server.clock() + HOUR_MS,
      }),
    )
    key = { ...key, apiKey: created.key.publicId, secret: created.secret }
    await readTokens(authenticate())
    const { refreshToken } = await readTokens(authenticate())
    const second = await readTokens(refresh(refreshToken))
    server.clock.advance(HOUR_MS)
    expect((await authenticate()).status).toBe(401)
    expect((await refresh(second.refreshToken)).status).toBe(401)
  })
})

describe('a refresh with the newest token that this process knows', () => {
  const rotateElsewhere = async (refreshToken: string, to: number) => {
    const { grantId, keyId } = await findGrant(refreshToken)
    const rotatedAt = Math.floor(server.clock() / 1000) * 1000
    const rotation = { grantId, keyId, to, rotatedAt, expiresAt: rotatedAt + HOUR_MS }
    expect(await server.storage.rotateGrant(rotation)).toBe(true)
  }
  const findGrant = async (refreshToken: string) => {
    const bytes = Buffer.from(refreshToken.slice('rt_'.length), 'base64url')
    const hex = bytes.subarray(5, 21).toString('hex')
    const grantId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    const grant = await server.storage.findGrant(grantId)
    if (grant === null) throw new Error(`there is no grant ${grantId}`)
    return { grantId, keyId: grant.keyId, generation: grant.generation }
  }

  test('repeats the tokens of the process that rotated the grant meanwhile', async () => {
    const first = await readTokens(authenticate())
    const second = await readTokens(refresh(first.refreshToken))
    await rotateElsewhere(second.refreshToken, 2)
    const third = await readTokens(refresh(second.refreshToken))
    expect(await readTokens(refresh(second.refreshToken))).toEqual(third)
    expect(await findGrant(third.refreshToken)).toMatchObject({ generation: 2 })
  })

  test('revokes the grant for reuse, if another process moved it past the leeway', async () => {
    const first = await readTokens(authenticate())
    const second = await readTokens(refresh(first.refreshToken))
    await rotateElsewhere(second.refreshToken, 2)
    await rotateElsewhere(second.refreshToken, 3)
    server.clock.advance(HOUR_MS)
    expect((await refresh(second.refreshToken)).status).toBe(401)
    const { grantId } = await findGrant(second.refreshToken)
    expect(await server.storage.findGrant(grantId)).toMatchObject({
      generation: 3,
      revokedAt: server.clock(),
    })
  })
})
