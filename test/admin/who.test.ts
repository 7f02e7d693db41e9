import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { may, ROLES } from '../../src/domain/role.ts'
import { GROUPS } from '../../src/http/admin/operations.ts'
import { permissionOf } from '../../src/http/admin/verbs.ts'
import { askerOf, seedAsker, tokenOf } from '../support/admin/asker.ts'
import { from, seen, signIn } from '../support/people.ts'
import { done, seedKey, type TestServer, testServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ LATCHKEY_FAILURES_PER_ADDRESS: '10000' })
})
afterAll(() => server.close())

const operations = GROUPS.flatMap((group) => group.operations)
const pathOf = (path: string) => path.replace('{id}', crypto.randomUUID())

describe('nobody is told why a token is not good:', () => {
  const bodyOf = (requestId: string) => ({
    type: '/admin/v1/reference#problem-unauthorized',
    title: 'An API token is needed',
    status: 401,
    detail: 'this is no API token that is good now',
    requestId,
  })

  test.each<[string, () => Promise<string>]>([
    ['one of ours that was never issued', async () => server.access.sessions.formToken('x')],
    ['no token at all but text', async () => 'lk_nothing'],
    ['the secret of a key', async () => (await seedKey(server)).secret],
    [
      'a browser’s session',
      async () => {
        const person = await seedAsker(server)
        return (await signIn(server, person)).secret
      },
    ],
    [
      'a token that was ended',
      async () => {
        const { secret, token, ask } = await seedAsker(server)
        expect((await ask('DELETE', `/me/tokens/${token.id}`)).status).toBe(204)
        return secret
      },
    ],
    [
      'the token of who was signed out everywhere',
      async () => {
        const { secret, ...person } = await seedAsker(server)
        const browser = await signIn(server, person)
        await server.access.sessions.signOutEverywhere(await seen(server, browser.secret), from())
        return secret
      },
    ],
    [
      'the token of who has left',
      async () => {
        const { secret, user } = await seedAsker(server, 'engineer')
        done(await server.accounts.leave(user.id))
        return secret
      },
    ],
    [
      'a token of an account that is closed',
      async () => {
        const { secret, accountId } = await seedAsker(server, 'administrator')
        done(await server.accounts.setStatus(accountId, 'closed'))
        return secret
      },
    ],
    [
      'a token whose time is over',
      async () => {
        const { secret } = await seedAsker(server)
        server.clock.turn(31 * 24 * 3_600_000)
        return secret
      },
    ],
  ])('%s', async (_, secretOf) => {
    const { status, headers, body } = await askerOf(server, await secretOf())('GET', '/me')
    expect(status).toBe(401)
    expect(body).toEqual(bodyOf(headers.get('x-request-id') ?? ''))
    expect(headers.get('www-authenticate')).toBe('Bearer realm="Latchkey", error="invalid_token"')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('the operator is told that there was none', async () => {
    await server.record()
    const { headers } = await askerOf(server, 'lk_nothing')('GET', '/me')
    await server.record()
    const { decisions } = done(await server.explain(headers.get('x-request-id') ?? ''))
    expect(decisions).toMatchObject([
      {
        sentence: 'Signing in was refused: there was no API token that was good.',
        surface: 'admin',
        path: '/admin/v1/me',
      },
    ])
  })
})

test('who sends no token is asked for one', async () => {
  const { status, headers, body } = await askerOf(server, null)('GET', '/keys')
  expect(status).toBe(401)
  expect(headers.get('www-authenticate')).toBe('Bearer realm="Latchkey"')
  expect(headers.get('content-type')).toBe('application/problem+json')
  expect(body.detail).toContain('Authorization: Bearer')
})

test('a browser’s cookie opens nothing, and no other site is let in', async () => {
  const person = await seedAsker(server)
  const { secret } = await signIn(server, person)
  const ask = askerOf(server, null)
  for (const headers of [
    { Cookie: `__Host-latchkey=${secret}` },
    { Cookie: `__Host-latchkey=${secret}`, Origin: 'https://console.example' },
    { Cookie: `__Host-latchkey=${person.secret}`, Origin: 'https://evil.example' },
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

test('a token makes no token, and touches no password and not its owner’s second factor', async () => {
  const { ask, user, accountId } = await seedAsker(server)
  const email = `${crypto.randomUUID()}@acme.example`
  const other = done(await server.accounts.addUser({ accountId, email, role: 'member' }))
  const wish = { name: 'another', days: 30 }
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
      const { status } = await ask(method, path, wish)
      expect([404, 405], `${method} ${path}`).toContain(status)
    }
  }
  for (const own of ['invite', 'reset-second-factor']) {
    const { status } = await ask('POST', `/users/${user.id}/${own}`)
    expect(status, own).toBe(403)
  }
  const events = await server.storage.listEvents({ actor: user.id, limit: 100 })
  const issued = events.filter(({ action }) => action === 'user.token_issued')
  expect(issued).toHaveLength(1)
})

test('no operation is done without a token', async () => {
  const ask = askerOf(server, null)
  for (const { method, path } of operations) {
    expect((await ask(method.toUpperCase(), pathOf(path))).status, `${method} ${path}`).toBe(401)
  }
})

test.each(ROLES)(
  '%s is refused what his role does not permit, and told what it lacks',
  async (role) => {
    const { ask } = await seedAsker(server, role)
    for (const { method, path, verbs } of operations) {
      const [verb] = verbs
      if (verb === undefined || may(role, permissionOf(verb))) continue
      const { status, body } = await ask(method.toUpperCase(), pathOf(path))
      expect(status, `${method} ${path}`).toBe(403)
      expect(body).toMatchObject({
        permission: permissionOf(verb),
        title: 'Your role does not allow this',
      })
    }
  },
)

test('a role that is changed is another at the next request', async () => {
  const { ask, user, accountId } = await seedAsker(server, 'administrator')
  const wish = { accountId, name: 'North' }
  expect((await ask('POST', '/sites', wish)).status).toBe(201)
  done(await server.accounts.setRole(user.id, 'member'))
  expect((await ask('POST', '/sites', wish)).status).toBe(403)
})

test('what is another account’s is not there', async () => {
  const { ask, accountId } = await seedAsker(server, 'administrator')
  const other = await seedKey(server)
  const nobody = crypto.randomUUID()
  for (const path of [
    '/keys',
    '/sources',
    '/destinations',
    '/subscriptions',
    '/accounts',
    '/users',
  ]) {
    const name = path.slice(1, -1) as 'key' | 'source' | 'destination' | 'subscription' | 'account'
    const id = path === '/users' ? other.ownerId : other[`${name}Id`]
    const [theirs, none] = [
      await ask('GET', `${path}/${id}`),
      await ask('GET', `${path}/${nobody}`),
    ]
    expect(theirs.status, path).toBe(404)
    expect(theirs.body.detail.replace(id, '')).toBe(none.body.detail.replace(nobody, ''))
    const { body } = await ask('GET', `${path}?accountId=${other.accountId}`)
    expect(JSON.stringify(body)).not.toContain(id)
  }
  const { body } = await ask('GET', '/accounts')
  expect(body.items.map(({ id }: { id: string }) => id)).toEqual([accountId])
  const made = await ask('POST', '/sources', { accountId: other.accountId, name: 'x' })
  expect(made.status).toBe(404)
})

test('what is done is told of the person and of the request', async () => {
  const { ask, user } = await seedAsker(server, 'operator')
  const { headers, body } = await ask('POST', '/accounts', { name: 'North' })
  const [event] = await server.audit.list({ subject: body.id, limit: 1 })
  const requestId = headers.get('x-request-id')
  expect(event).toMatchObject({ action: 'account.created', actor: user.id, requestId })
})

test('a guesser of API tokens must wait, and a valid token from the same address need not', async () => {
  const strict = await testServer({ LATCHKEY_FAILURES_PER_ADDRESS: '5' })
  const { secret } = await seedAsker(strict)
  const guess = askerOf(strict, 'lk_guess')
  for (let n = 0; n < 5; n++) expect((await guess('GET', '/me')).status).toBe(401)
  const waits = await guess('GET', '/me')
  expect(waits.status).toBe(429)
  const seconds = Number(waits.headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(0)
  expect(waits.body.retryAfterSeconds).toBe(seconds)
  expect((await askerOf(strict, secret)('GET', '/me')).status).toBe(200)
  // A token of no shape is a guess too; none at all is not.
  expect((await askerOf(strict, 'two words')('GET', '/me')).status).toBe(429)
  expect((await askerOf(strict, null)('GET', '/me')).status).toBe(401)
  const elsewhere = await strict.call('/admin/v1/me', {
    method: 'GET',
    address: '198.51.100.9',
    headers: { Authorization: 'Bearer lk_guess' },
  })
  expect(elsewhere.status).toBe(401)
  strict.clock.turn(seconds * 1000)
  expect((await guess('GET', '/me')).status).toBe(401)
  await strict.close()
})

test('guesses at API tokens are counted for an IPv6 /64', async () => {
  const strict = await testServer({ LATCHKEY_FAILURES_PER_ADDRESS: '3' })
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

test('one’s own tokens are listed and ended, nobody else’s', async () => {
  const me = await seedAsker(server)
  const other = await seedAsker(server)
  const second = await tokenOf(server, me, 'weekly report')
  const listed = await me.ask('GET', '/me/tokens')
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
  expect((await me.ask('DELETE', `/me/tokens/${other.token.id}`)).status).toBe(404)
  expect((await other.ask('GET', '/me')).status).toBe(200)
  expect((await me.ask('DELETE', `/me/tokens/${second.token.id}`)).status).toBe(204)
  expect((await askerOf(server, second.secret)('GET', '/me')).status).toBe(401)
})

test('where nobody works with a browser, there is no API', async () => {
  const without = await testServer({ LATCHKEY_CONSOLE: 'off' })
  for (const path of ['/me', '/openapi.json', '/reference']) {
    expect((await askerOf(without, null)('GET', path)).status).toBe(404)
  }
  await without.close()
})
