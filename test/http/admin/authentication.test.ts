import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasPermission, ROLES } from '../../../src/domain/role.ts'
import { findPermission } from '../../../src/operations/define.ts'
import { OPERATIONS } from '../../../src/operations/registry.ts'
import { createAdminClient, issueApiToken, seedAdminClient } from '../../support/admin-client.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from '../../support/server.ts'
import { createTestCaller, findSignedInUser, signInUser } from '../../support/users.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '10000' })
})
afterAll(() => server.close())

const operations = OPERATIONS
const fillPath = (path: string) => path.replace('{id}', crypto.randomUUID())

describe('the refusal of an API token does not reveal the reason', () => {
  const expectedUnauthorizedBody = (requestId: string) => ({
    type: '/admin/v1/reference#problem-unauthorized',
    title: 'A valid API token is required',
    status: 401,
    detail:
      'the API token is invalid or has expired; create a new one in the console, under Profile and security',
    requestId,
  })

  test.each<[string, () => Promise<string>]>([
    [
      'one of ours that was never issued',
      async () => server.signInServices.sessions.createFormToken('x'),
    ],
    ['no token at all but text', async () => 'lk_nothing'],
    ['the secret of a key', async () => (await seedKey(server)).secret],
    [
      'a browser’s session',
      async () => {
        const testUser = await seedAdminClient(server)
        return (await signInUser(server, testUser)).secret
      },
    ],
    [
      'a token that was ended',
      async () => {
        const { secret, token, callApi } = await seedAdminClient(server)
        expect((await callApi('DELETE', `/me/tokens/${token.id}`)).status).toBe(204)
        return secret
      },
    ],
    [
      'the token of who was signed out everywhere',
      async () => {
        const { secret, ...testUser } = await seedAdminClient(server)
        const browser = await signInUser(server, testUser)
        await server.signInServices.sessions.signOutEverywhere(
          await findSignedInUser(server, browser.secret),
          createTestCaller(),
        )
        return secret
      },
    ],
    [
      'the token of who has left',
      async () => {
        const { secret, user } = await seedAdminClient(server, 'engineer')
        unwrap(await server.users.deactivate(user.id))
        return secret
      },
    ],
    [
      'a token of an account that is closed',
      async () => {
        const { secret, accountId } = await seedAdminClient(server, 'administrator')
        unwrap(await server.accounts.setStatus(accountId, 'closed'))
        return secret
      },
    ],
    [
      'a token whose time is over',
      async () => {
        const { secret } = await seedAdminClient(server)
        server.clock.advance(31 * 24 * 3_600_000)
        return secret
      },
    ],
  ])('%s', async (_, secretOf) => {
    const { status, headers, body } = await createAdminClient(server, await secretOf())(
      'GET',
      '/me',
    )
    expect(status).toBe(401)
    expect(body).toEqual(expectedUnauthorizedBody(headers.get('x-request-id') ?? ''))
    expect(headers.get('www-authenticate')).toBe('Bearer realm="Latchkey", error="invalid_token"')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('the audit records the refusal', async () => {
    await server.flushAuditEvents()
    const { headers } = await createAdminClient(server, 'lk_nothing')('GET', '/me')
    await server.flushAuditEvents()
    const { decisions } = unwrap(await server.audit.explain(headers.get('x-request-id') ?? ''))
    expect(decisions).toMatchObject([
      {
        sentence: 'Signing in was refused: the API token is invalid or has expired.',
        surface: 'admin',
        path: '/admin/v1/me',
      },
    ])
  })
})

test('a request without a token gets a challenge', async () => {
  const { status, headers, body } = await createAdminClient(server, null)('GET', '/keys')
  expect(status).toBe(401)
  expect(headers.get('www-authenticate')).toBe('Bearer realm="Latchkey"')
  expect(headers.get('content-type')).toBe('application/problem+json')
  expect(body.detail).toContain('Authorization: Bearer')
})

test('a browser’s cookie is no credential, and CORS is not allowed', async () => {
  const testUser = await seedAdminClient(server)
  const { secret } = await signInUser(server, testUser)
  const ask = createAdminClient(server, null)
  for (const headers of [
    { Cookie: `__Host-latchkey=${secret}` },
    { Cookie: `__Host-latchkey=${secret}`, Origin: 'https://console.example' },
    { Cookie: `__Host-latchkey=${testUser.secret}`, Origin: 'https://evil.example' },
  ]) {
    const answer = await ask('POST', '/accounts', { name: 'x' }, headers)
    expect(answer.status).toBe(401)
    expect(
      [...answer.headers.keys()].filter((name) => /^access-control|cookie/.test(name)),
    ).toEqual([])
  }
  const preflight = await ask('OPTIONS', '/accounts', undefined, {
    Origin: 'https://evil.example',
    'Access-Control-Request-Method': 'POST',
  })
  expect(preflight.status).toBe(405)
  expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
})

test('a token cannot create a token, or change a password or its owner’s second factor', async () => {
  const { callApi, user, accountId } = await seedAdminClient(server)
  const email = `${crypto.randomUUID()}@acme.example`
  const other = unwrap(await server.users.add({ accountId, email, role: 'member' }))
  const input = { name: 'another', days: 30 }
  for (const path of [
    '/me/tokens',
    '/me/password',
    '/me/second-factor',
    '/me/reset-second-factor',
    `/users/${user.id}/tokens`,
    `/users/${other.id}/tokens`,
    `/users/${other.id}/password`,
    `/users/${other.id}/second-factor`,
  ]) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const { status } = await callApi(method, path, input)
      expect([404, 405], `${method} ${path}`).toContain(status)
    }
  }
  for (const own of ['invite', 'reset-second-factor']) {
    const { status } = await callApi('POST', `/users/${user.id}/${own}`)
    expect(status, own).toBe(403)
  }
  const events = await server.storage.listEvents({ actor: user.id, limit: 100 })
  const issued = events.filter(({ action }) => action === 'user.token_issued')
  expect(issued).toHaveLength(1)
})

test('every operation requires a token', async () => {
  const ask = createAdminClient(server, null)
  for (const { method, path } of operations) {
    expect((await ask(method.toUpperCase(), fillPath(path))).status, `${method} ${path}`).toBe(401)
  }
})

test.each(ROLES)(
  '%s is refused what the role of its user does not permit, and the answer names the permission',
  async (role) => {
    const { callApi } = await seedAdminClient(server, role)
    for (const { method, path, serviceMethods } of operations) {
      const [verb] = serviceMethods
      if (verb === undefined || hasPermission(role, findPermission(verb))) continue
      const { status, body } = await callApi(method.toUpperCase(), fillPath(path))
      expect(status, `${method} ${path}`).toBe(403)
      expect(body).toMatchObject({
        permission: findPermission(verb),
        title: 'Your role does not allow this',
      })
    }
  },
)

test('a changed role takes effect at the next request', async () => {
  const { callApi, user, accountId } = await seedAdminClient(server, 'administrator')
  const input = { accountId, name: 'North' }
  expect((await callApi('POST', '/sites', input)).status).toBe(201)
  unwrap(await server.users.setRole(user.id, 'member'))
  expect((await callApi('POST', '/sites', input)).status).toBe(403)
})

test('the audit names the user and the request of each change', async () => {
  const { callApi, user } = await seedAdminClient(server, 'operator')
  const { headers, body } = await callApi('POST', '/accounts', { name: 'North' })
  const [event] = await server.audit.list({ subject: body.id, limit: 1 })
  const requestId = headers.get('x-request-id')
  expect(event).toMatchObject({ action: 'account.created', actor: user.id, requestId })
})

test('an address with too many invalid tokens gets 429, but a valid token from it is accepted', async () => {
  const strict = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '5' })
  const { secret } = await seedAdminClient(strict)
  const guess = createAdminClient(strict, 'lk_guess')
  for (let n = 0; n < 5; n++) expect((await guess('GET', '/me')).status).toBe(401)
  const waits = await guess('GET', '/me')
  expect(waits.status).toBe(429)
  const seconds = Number(waits.headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(0)
  expect(waits.body.retryAfterSeconds).toBe(seconds)
  expect((await createAdminClient(strict, secret)('GET', '/me')).status).toBe(200)
  // A token of no shape is a guess too; none at all is not.
  expect((await createAdminClient(strict, 'two words')('GET', '/me')).status).toBe(429)
  expect((await createAdminClient(strict, null)('GET', '/me')).status).toBe(401)
  const elsewhere = await strict.call('/admin/v1/me', {
    method: 'GET',
    address: '198.51.100.9',
    headers: { Authorization: 'Bearer lk_guess' },
  })
  expect(elsewhere.status).toBe(401)
  strict.clock.advance(seconds * 1000)
  expect((await guess('GET', '/me')).status).toBe(401)
  await strict.close()
})

test('invalid API tokens are counted by IPv6 /64', async () => {
  const strict = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '3' })
  const guess = (address: string) =>
    strict.call('/admin/v1/me', {
      method: 'GET',
      address,
      headers: { Authorization: 'Bearer lk_guess' },
    })
  for (let n = 0; n < 3; n++) expect((await guess(`2001:db8::${n}`)).status).toBe(401)
  expect((await guess('2001:db8::ffff')).status).toBe(429)
  expect((await guess('2001:db8:0:1::1')).status).toBe(401)
  await strict.close()
})

test('a user can list and revoke only their own tokens', async () => {
  const me = await seedAdminClient(server)
  const other = await seedAdminClient(server)
  const second = await issueApiToken(server, me, 'weekly report')
  const listed = await me.callApi('GET', '/me/tokens')
  const found = listed.body.items.map(({ name, current }: Record<string, unknown>) => ({
    name,
    current,
  }))
  expect(found).toHaveLength(2)
  expect(found).toEqual(
    expect.arrayContaining([
      { name: 'nightly job', current: true },
      { name: 'weekly report', current: false },
    ]),
  )
  expect((await me.callApi('DELETE', `/me/tokens/${other.token.id}`)).status).toBe(404)
  expect((await other.callApi('GET', '/me')).status).toBe(200)
  expect((await me.callApi('DELETE', `/me/tokens/${second.token.id}`)).status).toBe(204)
  expect((await createAdminClient(server, second.secret)('GET', '/me')).status).toBe(401)
})

test('the management API is off when the console is off', async () => {
  const without = await createTestServer({ LATCHKEY_CONSOLE: 'off' })
  for (const path of ['/me', '/openapi.json', '/reference']) {
    expect((await createAdminClient(without, null)('GET', path)).status).toBe(404)
  }
  await without.close()
})
