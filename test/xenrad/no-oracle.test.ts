import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedEveryDialect } from '../support/every-dialect.ts'
import { seen } from '../support/seen.ts'
import { done, type TestServer, testServer } from '../support/server.ts'
import { type SiteKey, seedSite } from '../support/site.ts'
import { invalidKey, REQUESTS, SURFACE_NAMES } from '../support/xenrad.ts'

const HERE = '203.0.113.7'
const HOUR = 3_600_000

/** Limits are another matter: nobody is slowed down here. */
let server: TestServer
beforeAll(async () => {
  server = await testServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' })
})
afterAll(() => server.close())

const send = async (surface: keyof typeof REQUESTS, secret: string) => {
  const { path, method } = REQUESTS[surface]
  const headers = { 'X-API-Key': secret, 'Content-Type': 'text/nonsense' }
  return seen(await server.call(path, { method, headers, address: HERE }))
}

/** One and the same refusal on every surface, to the byte. */
async function opensNothing(what: string, secret: string) {
  for (const surface of SURFACE_NAMES) {
    expect([what, surface, await send(surface, secret)]).toEqual([
      what,
      surface,
      invalidKey(surface),
    ])
  }
}

async function enforceElsewhere({ accountId }: SiteKey) {
  done(await server.places.addAddress({ accountId, network: '198.51.100.1' }))
  done(await server.places.enforceAddresses(accountId, true))
}

/** What makes a good key one that opens nothing. */
const ended: [string, (key: SiteKey) => unknown][] = [
  ['revoked', async ({ keyId }) => done(await server.keys.revoke(keyId))],
  ['disabled by the operator', async ({ keyId }) => done(await server.keys.disable(keyId))],
  [
    'disabled by its customer',
    async ({ keyId }) => done(await server.keys.disable(keyId, 'customer')),
  ],
  [
    'disabled by its developer',
    async ({ keyId }) => done(await server.keys.disable(keyId, 'developer')),
  ],
  ['replaced', async ({ keyId }) => done(await server.keys.rotateSecret(keyId, {}))],
  [
    'of a closed account',
    async ({ accountId }) => done(await server.accounts.setStatus(accountId, 'closed')),
  ],
  [
    'of somebody who has left',
    async ({ accountId, ownerId }) => {
      done(await server.accounts.setDepartedKeys(accountId, 'disable'))
      done(await server.accounts.leave(ownerId))
    },
  ],
]

test.each(ended)('a key that is %s reads as one that never was', async (_, end) => {
  const key = await seedSite(server)
  await end(key)
  await opensNothing('the key', key.secret)
  await opensNothing('one that never was', 'x'.repeat(key.secret.length))
})

test.each(ended)(
  'so it reads although it has expired, or is not for this address: %s',
  async (_, end) => {
    const expired = await seedSite(server, { expiresAt: server.clock() + HOUR })
    const elsewhere = await seedSite(server)
    await enforceElsewhere(elsewhere)
    server.clock.turn(HOUR)
    for (const key of [expired, elsewhere]) {
      await end(key)
      await opensNothing('the key', key.secret)
    }
  },
)

test('a key of another region reads as one that never was, and the operator is told', async () => {
  const abroad = await seedSite(server, { region: 'ca' })
  await opensNothing('abroad', abroad.secret)
  done(await server.keys.revoke(abroad.keyId))
  await opensNothing('abroad, revoked', abroad.secret)
  await server.record()
  const events = await server.storage.listEvents({ subject: abroad.keyId, limit: 20 })
  expect(events).toContainEqual(
    expect.objectContaining({
      actor: abroad.keyId,
      action: 'key.refused',
      facts: expect.objectContaining({ reason: 'region_other', region: 'ca' }),
    }),
  )
})

test('a key of any other dialect is no key here, whichever part of it is offered', async () => {
  const { keys, username, developerKey } = await seedEveryDialect(server)
  expect(keys).toHaveLength(6)
  for (const { dialect, publicId, secret } of keys) {
    await opensNothing(`${dialect}: the id alone`, publicId)
    await opensNothing(`${dialect}: id and secret`, `${publicId}.${secret}`)
    await opensNothing(`${dialect}: under a username`, `${username}:${secret}`)
    await opensNothing(`${dialect}: under a developer key`, `${developerKey}/${secret}`)
    if (dialect === 'xenrad') continue
    await opensNothing(`${dialect}: the secret alone`, secret)
  }
})

test('a token of a legacy key opens no surface, as a key or as a bearer token', async () => {
  const { keys } = await seedEveryDialect(server)
  const legacy = keys.find(({ dialect }) => dialect === 'redox')
  const issued = await server.authenticate(legacy?.publicId ?? '', legacy?.secret ?? '')
  expect(issued.status).toBe(200)
  const { accessToken, refreshToken } = (await issued.json()) as Record<string, string>
  await opensNothing('a refresh token', refreshToken ?? '')
  // Longer than any key.
  await opensNothing('an access token', accessToken ?? '')
  for (const surface of SURFACE_NAMES) {
    const { path, method } = REQUESTS[surface]
    const headers = { Authorization: `Bearer ${accessToken}` }
    expect((await server.call(path, { method, headers })).status).toBe(401)
  }
})

test('who does not hold the secret is not told what is wrong with a key', async () => {
  const key = await seedSite(server, { expiresAt: server.clock() + HOUR })
  await enforceElsewhere(key)
  const wrongs = [`${key.secret}A`, key.secret.slice(0, -1), key.publicId, key.siteId]
  for (const wrong of wrongs) await opensNothing('not for this address', wrong)
  expect((await send('fhir', key.secret)).status).toBe(403)
  server.clock.turn(HOUR)
  for (const wrong of wrongs) await opensNothing('expired', wrong)
  expect((await send('fhir', key.secret)).body).toContain('"code":"expired"')
})

test('no answer and no line of the log has a key in it', async () => {
  const { secret, keyId } = await seedSite(server)
  const offered = [secret, `${secret}x`, `${secret} ${secret}`]
  const answers: unknown[] = []
  const tryAll = async () => {
    for (const surface of SURFACE_NAMES) {
      for (const offer of offered) answers.push(await send(surface, offer))
    }
  }
  await tryAll()
  done(await server.keys.revoke(keyId))
  await tryAll()
  expect(JSON.stringify([answers, server.log.lines])).not.toContain(secret)
})
