import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBasicHeaders, type OwnerKey, seedOwnerKey } from '../support/key-seeds.ts'
import { expectedJsonResponse, readResponse } from '../support/responses.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let server: TestServer
let ownerKey: OwnerKey
let credential: Record<string, string>
beforeAll(async () => {
  upstream = await startHttpUpstream()
  server = await createTestServer({ LATCHKEY_UPSTREAM_PRACTICE: upstream.url })
  ownerKey = await seedOwnerKey(server, 'practice')
  credential = createBasicHeaders(ownerKey.username, ownerKey.secret)
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

const get = (path: string, headers = credential) => server.call(path, { method: 'GET', headers })
const expectedMe = ({ username, accountId, publicId }: OwnerKey) =>
  expectedJsonResponse(200, {
    username,
    account: { id: accountId, name: 'Bright Smiles' },
    key: { id: publicId, name: 'Front desk' },
  })

test('/practice/v1/me returns the username, the account and the key, and nothing else', async () => {
  expect(await readResponse(await get('/practice/v1/me'))).toEqual(expectedMe(ownerKey))
})

test('/practice/v1/me answers HEAD as GET, without the body', async () => {
  const answer = await server.call('/practice/v1/me', { method: 'HEAD', headers: credential })
  expect(await readResponse(answer)).toEqual({ ...expectedMe(ownerKey), body: '' })
})

test('/practice/v1/me distinguishes two keys of one user', async () => {
  const { ownerId, username } = ownerKey
  const { key, secret } = unwrap(
    await server.keys.create({ keyType: 'practice', ownerId, name: 'Back office' }),
  )
  const answer = await get('/practice/v1/me', createBasicHeaders(username, secret))
  expect(await answer.json()).toMatchObject({ username, key: { id: key.publicId } })
})

test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
  'every other practice path is forwarded with the identity of the key in place of the credential: %s',
  async (method) => {
    const body = method === 'GET' ? {} : { body: '{"name":"Bixby"}' }
    const answer = await server.call('/practice/v1/patients?limit=1', {
      method,
      ...body,
      headers: { ...credential, 'Content-Type': 'application/json', 'X-Latchkey-Owner': 'root' },
    })
    expect(answer.status).toBe(200)
    const { headers, ...handedOn } = upstream.readLastRequest()
    expect(handedOn).toEqual({
      method,
      url: '/practice/v1/patients?limit=1',
      body: body.body ?? '',
    })
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'x-latchkey-account': ownerKey.accountId,
      'x-latchkey-key-type': 'practice',
      'x-latchkey-key': ownerKey.publicId,
      'x-latchkey-owner': ownerKey.ownerId,
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
])('Latchkey answers only /practice/v1/me itself, and forwards %s', async (path) => {
  expect((await get(path)).status).toBe(200)
  expect(upstream.readLastRequest().url).toBe(path)
})

test.each(['/practice/v2/me', '/practice/v10', '/practice', '/Practice/v1/me'])(
  'a path outside /practice/v1 is answered with 404, with a practice key or without: %s',
  async (path) => {
    expect(await readResponse(await get(path))).toEqual(
      expectedJsonResponse(404, { message: 'There is nothing at this path.' }),
    )
  },
)

test('a practice key that moves to another owner authenticates with the username of the new owner', async () => {
  const first = await seedOwnerKey(server, 'practice')
  const { accountId } = first
  const second = await seedOwnerKey(server, 'practice', { accountId })
  unwrap(await server.keys.edit(first.keyId, { ownerId: second.ownerId }))
  expect(
    (await get('/practice/v1/me', createBasicHeaders(first.username, first.secret))).status,
  ).toBe(401)
  const answer = await get('/practice/v1/me', createBasicHeaders(second.username, first.secret))
  expect(await answer.json()).toMatchObject({ username: second.username })
})

test('an edit changes the name and description of a practice key, and the key still works', async () => {
  const edited = await seedOwnerKey(server, 'practice')
  const change = { name: 'Reception', description: 'by the window' }
  expect(unwrap(await server.keys.edit(edited.keyId, change))).toMatchObject(change)
  const answer = await get('/practice/v1/me', createBasicHeaders(edited.username, edited.secret))
  expect(await answer.json()).toMatchObject({ key: { id: edited.publicId, name: 'Reception' } })
})

test('a practice secret can be viewed at any time with an audit event, and an XDENT secret cannot', async () => {
  const { keyId, secret, username } = await seedOwnerKey(server, 'practice')
  const listActions = async (id: string) =>
    (await server.storage.listEvents({ subject: id, limit: 100 })).map(
      ({ actor, action, subject, facts }) => ({ actor, action, subject, facts }),
    )
  const view = { actor: 'operator', action: 'key.viewed', subject: keyId, facts: {} }
  expect(await listActions(keyId)).not.toContainEqual(view)

  const shown = unwrap(await server.keys.viewSecret(keyId))
  expect(shown.secret).toBe(secret)
  expect((await listActions(keyId)).filter(({ action }) => action === 'key.viewed')).toEqual([view])
  unwrap(await server.keys.viewSecret(keyId))
  expect((await listActions(keyId)).filter(({ action }) => action === 'key.viewed')).toEqual([
    view,
    view,
  ])
  expect((await get('/practice/v1/me', createBasicHeaders(username, shown.secret))).status).toBe(
    200,
  )

  // Viewing returns the current secret, also after a rotation.
  const rotated = unwrap(await server.keys.rotateSecret(keyId, {}))
  expect(unwrap(await server.keys.viewSecret(keyId)).secret).toBe(rotated.secret)

  const once = await seedOwnerKey(server, 'xdent')
  expect(await server.keys.viewSecret(once.keyId)).toMatchObject({
    failure: { message: 'a secret of this key type (xdent) is shown once: rotate it' },
  })
  expect((await listActions(once.keyId)).map(({ action }) => action)).toEqual(['key.created'])
})

test.each(['/forward-auth', '/forward-auth/practice'])(
  'forward-auth at %s returns the identity of a practice key, or why it is refused',
  async (path) => {
    const answer = await get(path)
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-latchkey-account': ownerKey.accountId,
      'x-latchkey-key-type': 'practice',
      'x-latchkey-key': ownerKey.publicId,
      'x-latchkey-owner': ownerKey.ownerId,
    })
    expect(
      await readResponse(await get(path, createBasicHeaders(ownerKey.username, 'lk_wrong'))),
    ).toEqual(
      expectedJsonResponse(
        401,
        { error: 'unauthorized', message: 'The username or the key is wrong.' },
        { 'www-authenticate': 'Basic realm="Latchkey", charset="UTF-8"' },
      ),
    )
  },
)
