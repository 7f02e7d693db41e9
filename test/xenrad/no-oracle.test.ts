import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SiteKey, seedEveryKeyType, seedSiteKey } from '../support/key-seeds.ts'
import { readResponse } from '../support/responses.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { HOUR_MS } from '../support/time.ts'
import { expectedInvalidKey, SURFACE_REQUESTS, XENRAD_SURFACE_NAMES } from '../support/xenrad.ts'

const HERE = '203.0.113.7'

/** The failure limit is high, so that it does not interfere. */
let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' })
})
afterAll(() => server.close())

const send = async (surface: keyof typeof SURFACE_REQUESTS, secret: string) => {
  const { path, method } = SURFACE_REQUESTS[surface]
  const headers = { 'X-API-Key': secret, 'Content-Type': 'text/nonsense' }
  return readResponse(await server.call(path, { method, headers, address: HERE }))
}

/** One and the same refusal on every surface, to the byte. */
async function expectNotAdmitted(what: string, secret: string) {
  for (const surface of XENRAD_SURFACE_NAMES) {
    expect([what, surface, await send(surface, secret)]).toEqual([
      what,
      surface,
      expectedInvalidKey(surface),
    ])
  }
}

async function enforceOtherNetwork({ accountId }: SiteKey) {
  unwrap(await server.ipAllowlist.add({ accountId, network: '198.51.100.1' }))
  unwrap(await server.ipAllowlist.setEnforced(accountId, true))
}

/** Ways in which a valid key stops being accepted. */
const ended: [string, (key: SiteKey) => unknown][] = [
  ['revoked', async ({ keyId }) => unwrap(await server.keys.revoke(keyId))],
  ['disabled by the operator', async ({ keyId }) => unwrap(await server.keys.disable(keyId))],
  ['replaced', async ({ keyId }) => unwrap(await server.keys.rotateSecret(keyId, {}))],
  [
    'of a closed account',
    async ({ accountId }) => unwrap(await server.accounts.setStatus(accountId, 'closed')),
  ],
  [
    'of a deactivated owner',
    async ({ accountId, ownerId }) => {
      unwrap(await server.accounts.setOffboardingPolicy(accountId, 'disable'))
      unwrap(await server.users.deactivate(ownerId))
    },
  ],
]

test.each(ended)(
  'a Xenrad key that is %s gets the same response as an unknown key',
  async (_, end) => {
    const key = await seedSiteKey(server)
    await end(key)
    await expectNotAdmitted('the key', key.secret)
    await expectNotAdmitted('one that never was', 'x'.repeat(key.secret.length))
  },
)

test.each(ended)(
  'an expired or address-restricted Xenrad key still gets the response of an unknown key when it is %s',
  async (_, end) => {
    const expired = await seedSiteKey(server, { expiresAt: server.clock() + HOUR_MS })
    const elsewhere = await seedSiteKey(server)
    await enforceOtherNetwork(elsewhere)
    server.clock.advance(HOUR_MS)
    for (const key of [expired, elsewhere]) {
      await end(key)
      await expectNotAdmitted('the key', key.secret)
    }
  },
)

test('a Xenrad key of another region gets the response of an unknown key, and the audit records why', async () => {
  const abroad = await seedSiteKey(server, { region: 'ca' })
  await expectNotAdmitted('abroad', abroad.secret)
  unwrap(await server.keys.revoke(abroad.keyId))
  await expectNotAdmitted('abroad, revoked', abroad.secret)
  await server.flushAuditEvents()
  const events = await server.storage.listEvents({ subject: abroad.keyId, limit: 20 })
  expect(events).toContainEqual(
    expect.objectContaining({
      actor: abroad.keyId,
      action: 'key.refused',
      facts: expect.objectContaining({ reason: 'region_other', region: 'ca' }),
    }),
  )
})

test('a Xenrad surface refuses every part of a key of any other key type', async () => {
  const { keys, username, developerKey } = await seedEveryKeyType(server)
  expect(keys).toHaveLength(7)
  for (const { keyType, publicId, secret } of keys) {
    await expectNotAdmitted(`${keyType}: the id alone`, publicId)
    await expectNotAdmitted(`${keyType}: id and secret`, `${publicId}.${secret}`)
    await expectNotAdmitted(`${keyType}: under a username`, `${username}:${secret}`)
    await expectNotAdmitted(`${keyType}: under a developer key`, `${developerKey}/${secret}`)
    if (keyType === 'xenrad') continue
    await expectNotAdmitted(`${keyType}: the secret alone`, secret)
  }
})

test('a Xenrad surface refuses the tokens of a legacy key, as an API key and as a bearer token', async () => {
  const { keys } = await seedEveryKeyType(server)
  const legacy = keys.find(({ keyType }) => keyType === 'redox')
  const issued = await server.authenticate(legacy?.publicId ?? '', legacy?.secret ?? '')
  expect(issued.status).toBe(200)
  const { accessToken, refreshToken } = (await issued.json()) as Record<string, string>
  await expectNotAdmitted('a refresh token', refreshToken ?? '')
  // Longer than any key.
  await expectNotAdmitted('an access token', accessToken ?? '')
  for (const surface of XENRAD_SURFACE_NAMES) {
    const { path, method } = SURFACE_REQUESTS[surface]
    const headers = { Authorization: `Bearer ${accessToken}` }
    // FHIR takes tokens of OAuth clients: this one has no scope.
    const { status } = await server.call(path, { method, headers })
    expect([surface, status]).toEqual([surface, surface === 'fhir' ? 403 : 401])
  }
})

test('a caller without the secret does not learn that a Xenrad key is expired or address-restricted', async () => {
  const key = await seedSiteKey(server, { expiresAt: server.clock() + HOUR_MS })
  await enforceOtherNetwork(key)
  const wrongs = [`${key.secret}A`, key.secret.slice(0, -1), key.publicId, key.siteId]
  for (const wrong of wrongs) await expectNotAdmitted('not for this address', wrong)
  expect((await send('fhir', key.secret)).status).toBe(403)
  server.clock.advance(HOUR_MS)
  for (const wrong of wrongs) await expectNotAdmitted('expired', wrong)
  expect((await send('fhir', key.secret)).body).toContain('"code":"expired"')
})

test('no Xenrad response and no log line contains a key', async () => {
  const { secret, keyId } = await seedSiteKey(server)
  const offered = [secret, `${secret}x`, `${secret} ${secret}`]
  const answers: unknown[] = []
  const requestEverySurface = async () => {
    for (const surface of XENRAD_SURFACE_NAMES) {
      for (const offer of offered) answers.push(await send(surface, offer))
    }
  }
  await requestEverySurface()
  unwrap(await server.keys.revoke(keyId))
  await requestEverySurface()
  expect(JSON.stringify([answers, server.log.lines])).not.toContain(secret)
})
