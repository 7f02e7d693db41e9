import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, type Holder, seedHolder } from '../support/holder.ts'
import { ownAnswer, seen } from '../support/seen.ts'
import { done, type TestServer, testServer } from '../support/server.ts'
import { openHttpUpstream } from '../support/upstream/http-upstream.ts'

let upstream: Awaited<ReturnType<typeof openHttpUpstream>>
let server: TestServer
let holder: Holder
let credential: Record<string, string>
beforeAll(async () => {
  upstream = await openHttpUpstream()
  server = await testServer({ LATCHKEY_UPSTREAM_PRACTICE: upstream.url })
  holder = await seedHolder(server, 'practice')
  credential = basic(holder.username, holder.secret)
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

/** What the upstream has received last. */
function lastSeen() {
  const { headers = [], body = '', ...line } = upstream.seen.at(-1) ?? {}
  return { ...line, headers: Object.fromEntries(headers), body: body.toString() }
}

const get = (path: string, headers = credential) => server.call(path, { method: 'GET', headers })
const meOf = ({ username, accountId, publicId }: Holder) =>
  ownAnswer(200, {
    username,
    account: { id: accountId, name: 'Bright Smiles' },
    key: { id: publicId, name: 'Front desk' },
  })

test('me says who it is: username, account and key, and nothing else', async () => {
  expect(await seen(await get('/practice/v1/me'))).toEqual(meOf(holder))
})

test('me answers HEAD as GET, without the body', async () => {
  const answer = await server.call('/practice/v1/me', { method: 'HEAD', headers: credential })
  expect(await seen(answer)).toEqual({ ...meOf(holder), body: '' })
})

test('me tells two keys of one user apart', async () => {
  const { ownerId, username } = holder
  const { key, secret } = done(
    await server.keys.create({ dialect: 'practice', ownerId, name: 'Back office' }),
  )
  const answer = await get('/practice/v1/me', basic(username, secret))
  expect(await answer.json()).toMatchObject({ username, key: { id: key.publicId } })
})

test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
  'all else is handed on with whose it is in place of the credential: %s',
  async (method) => {
    const body = method === 'GET' ? {} : { body: '{"name":"Bixby"}' }
    const answer = await server.call('/practice/v1/patients?limit=1', {
      method,
      ...body,
      headers: { ...credential, 'Content-Type': 'application/json', 'X-Latchkey-Owner': 'root' },
    })
    expect(answer.status).toBe(200)
    const { headers, ...handedOn } = lastSeen()
    expect(handedOn).toEqual({
      method,
      url: '/practice/v1/patients?limit=1',
      body: body.body ?? '',
    })
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'x-latchkey-account': holder.accountId,
      'x-latchkey-dialect': 'practice',
      'x-latchkey-key': holder.publicId,
      'x-latchkey-owner': holder.ownerId,
      'x-request-id': answer.headers.get('x-request-id'),
    })
    expect(headers).not.toHaveProperty('authorization')
  },
)

test.each([
  '/practice/v1',
  '/practice/v1/',
  '/practice/v1/Me',
  '/practice/v1/me/',
  '/practice/v1/menu',
])('only me itself is answered here, and %s handed on', async (path) => {
  expect((await get(path)).status).toBe(200)
  expect(lastSeen().url).toBe(path)
})

test.each(['/practice/v2/me', '/practice/v10', '/practice', '/Practice/v1/me'])(
  'another path is nobody’s, key or none: %s',
  async (path) => {
    expect(await seen(await get(path))).toEqual(
      ownAnswer(404, { message: 'There is nothing at this path.' }),
    )
  },
)

test('a key that moves to another owner is presented with his username from then on', async () => {
  const first = await seedHolder(server, 'practice')
  const { accountId } = first
  const second = await seedHolder(server, 'practice', { accountId })
  done(await server.keys.edit(first.keyId, { ownerId: second.ownerId }))
  expect((await get('/practice/v1/me', basic(first.username, first.secret))).status).toBe(401)
  const answer = await get('/practice/v1/me', basic(second.username, first.secret))
  expect(await answer.json()).toMatchObject({ username: second.username })
})

test('an edit changes name and description, and the key still opens', async () => {
  const edited = await seedHolder(server, 'practice')
  const change = { name: 'Reception', description: 'by the window' }
  expect(done(await server.keys.edit(edited.keyId, change))).toMatchObject(change)
  const answer = await get('/practice/v1/me', basic(edited.username, edited.secret))
  expect(await answer.json()).toMatchObject({ key: { id: edited.publicId, name: 'Reception' } })
})

test('a key can be viewed at any time, and each view is an event; no other dialect’s here can', async () => {
  const { keyId, secret, username } = await seedHolder(server, 'practice')
  const events = async (id: string) =>
    (await server.storage.listEvents({ subject: id, limit: 100 })).map(
      ({ actor, action, subject, facts }) => ({ actor, action, subject, facts }),
    )
  const view = { actor: 'operator', action: 'key.viewed', subject: keyId, facts: {} }
  expect(await events(keyId)).not.toContainEqual(view)

  const shown = done(await server.keys.view(keyId))
  expect(shown.secret).toBe(secret)
  expect((await events(keyId)).filter(({ action }) => action === 'key.viewed')).toEqual([view])
  done(await server.keys.view(keyId))
  expect((await events(keyId)).filter(({ action }) => action === 'key.viewed')).toEqual([
    view,
    view,
  ])
  expect((await get('/practice/v1/me', basic(username, shown.secret))).status).toBe(200)

  // What is viewed is the secret of now.
  const rotated = done(await server.keys.rotateSecret(keyId, {}))
  expect(done(await server.keys.view(keyId)).secret).toBe(rotated.secret)

  const once = await seedHolder(server, 'xdent')
  expect(await server.keys.view(once.keyId)).toMatchObject({
    failure: { message: 'a secret of this dialect (xdent) is shown once: rotate it' },
  })
  expect((await events(once.keyId)).map(({ action }) => action)).toEqual(['key.created'])
})

test.each(['/forward-auth', '/forward-auth/practice'])(
  'a proxy that asks at %s is told whose the key is, or why it opens nothing',
  async (path) => {
    const answer = await get(path)
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-latchkey-account': holder.accountId,
      'x-latchkey-dialect': 'practice',
      'x-latchkey-key': holder.publicId,
      'x-latchkey-owner': holder.ownerId,
    })
    expect(await seen(await get(path, basic(holder.username, 'lk_wrong')))).toEqual(
      ownAnswer(
        401,
        { error: 'unauthorized', message: 'The username or the key is wrong.' },
        { 'www-authenticate': 'Basic realm="Latchkey", charset="UTF-8"' },
      ),
    )
  },
)
