import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Role } from '../../src/domain/role.ts'
import { createClientKeyPair } from '../support/oauth.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'

/*
 * A client with `admin:` scopes acts on the management API, so only users who have these permissions, and
 * may give them, can create it or change what proves it.
 */

let server: TestServer
let accountId: string
let ownerId: string
let actorId: string
beforeAll(async () => {
  server = await createTestServer()
  accountId = unwrap(await server.accounts.create({ name: 'Clinic' })).id
  const add = async (email: string, role: Role) =>
    unwrap(await server.users.add({ accountId, email, role })).id
  ownerId = await add('owner@clinic.example', 'engineer')
  actorId = await add('actor@clinic.example', 'administrator')
})
afterAll(() => server.close())

const getKeys = (role: Role, within: string | null = accountId) =>
  server.servicesFor({ actor: actorId, role, accountId: within }).keys

const create = (role: Role, scopes: readonly string[], within?: string | null) =>
  getKeys(role, within).create({
    keyType: 'oauth',
    ownerId,
    name: 'deploy script',
    oauthClient: { authenticationMethod: 'client_secret_post', scopes },
  })

describe('a client with admin scopes', () => {
  test.each([
    ['engineer', ['admin:keys.read'], false],
    ['engineer', ['fhir:production'], true],
    ['administrator', ['admin:keys.read', 'admin:keys.write'], true],
    ['administrator', ['admin:users.write'], true],
    ['administrator', ['admin:accounts.write'], false],
    ['operator', ['admin:users.write'], true],
  ] as const)('is created by %s with %j: %s', async (role, scopes, isAllowed) => {
    const created = await create(role, scopes)
    expect(created.ok).toBe(isAllowed)
    if (!created.ok) expect(created.failure.problem).toBe('forbidden')
  })

  test('gets a permission of the whole server only from an operator without an account', async () => {
    expect((await create('operator', ['admin:accounts.write'])).ok).toBe(false)
    expect((await create('operator', ['admin:accounts.write'], null)).ok).toBe(true)
  })

  test('is not named by a permission that does not exist', async () => {
    expect(await create('operator', ['admin:everything'], null)).toMatchObject({
      ok: false,
      failure: { problem: 'invalid' },
    })
  })

  test('gets no new secret, scope or key from an engineer, who would have its tokens', async () => {
    const { key } = unwrap(await create('administrator', ['admin:keys.write']))
    const engineer = getKeys('engineer')
    const forbidden = { ok: false, failure: { problem: 'forbidden' } }
    expect(await engineer.rotateSecret(key.id, {})).toMatchObject(forbidden)
    for (const oauthClient of [
      { scopes: ['fhir:production'] },
      { scopes: ['admin:keys.write', 'introspect'] },
      { tokenLifetimeSeconds: 60 },
    ]) {
      expect(await engineer.edit(key.id, { oauthClient })).toMatchObject(forbidden)
    }
    expect((await engineer.edit(key.id, { description: 'deploys' })).ok).toBe(true)
    expect((await getKeys('administrator').rotateSecret(key.id, {})).ok).toBe(true)

    const { jwk } = await createClientKeyPair()
    const signing = unwrap(
      await getKeys('administrator').create({
        keyType: 'oauth',
        ownerId,
        name: 'signing script',
        oauthClient: { jwks: JSON.stringify({ keys: [jwk] }), scopes: ['admin:keys.read'] },
      }),
    )
    const jwks = JSON.stringify({ keys: [(await createClientKeyPair()).jwk] })
    expect(await engineer.edit(signing.key.id, { oauthClient: { jwks } })).toMatchObject(forbidden)
  })
})

test('a client with admin scopes is transferred, prolonged and enabled only by users with the permission to grant them', async () => {
  const administrator = getKeys('administrator')
  const { key } = unwrap(await create('administrator', ['admin:users.write']))
  const engineer = getKeys('engineer')
  const forbidden = { ok: false, failure: { problem: 'forbidden' } }
  // An administrator who became an engineer could get the permissions back under the name of another.
  expect(await engineer.edit(key.id, { ownerId: actorId })).toMatchObject(forbidden)
  expect(await engineer.edit(key.id, { expiresAt: server.clock() + 1000 })).toMatchObject(forbidden)
  expect((await engineer.disable(key.id)).ok).toBe(true)
  expect(await engineer.enable(key.id)).toMatchObject(forbidden)
  expect((await administrator.enable(key.id)).ok).toBe(true)
  expect((await administrator.edit(key.id, { ownerId: actorId })).ok).toBe(true)
})

describe('the settings of a client', () => {
  test.each([
    ['no scope', { scopes: [] }, 'a client needs at least one scope'],
    ['an unknown scope', { scopes: ['openid'] }, 'there is no scope "openid"'],
    [
      'an unknown permission',
      { scopes: ['admin:sunsets.read'] },
      'write admin: and one of account.read, keys.read, ',
    ],
    ['a scope with a query', { scopes: ['system/Patient.rs?x=1'] }, 'there is no scope'],
    ['a long lifetime', { tokenLifetimeSeconds: 3601 }, 'tokens live for 60 to 3600 seconds'],
    ['an audience with a blank', { audience: 'a b' }, 'the audience must be'],
    ['a source that is nobody’s', { sourceIds: [crypto.randomUUID()] }, 'there is no source'],
    ['another method', { authenticationMethod: 'private_key_jwt' }, 'cannot change'],
    ['a JWK Set beside a secret', { jwks: '{"keys":[]}' }, 'has no JWK Set'],
  ] as const)('are not edited to %s', async (_, oauthClient, message) => {
    const { key } = unwrap(await create('engineer', ['fhir:production']))
    const edited = await getKeys('engineer').edit(key.id, { oauthClient })
    expect(edited.ok ? '' : edited.failure.message).toContain(message)
    expect(unwrap(await server.keys.find(key.id)).eventId).toBe(key.eventId)
  })

  test('are edited in part, and the audit has what changed, without the keys', async () => {
    const { jwk } = await createClientKeyPair()
    const { key } = unwrap(await create('engineer', ['fhir:production']))
    const edited = unwrap(
      await getKeys('engineer').edit(key.id, {
        name: 'renamed',
        oauthClient: { scopes: ['fhir:production', 'introspect'], audience: 'https://api.example' },
      }),
    )
    expect(edited.oauthClient).toMatchObject({
      authenticationMethod: 'client_secret_post',
      scopes: ['fhir:production', 'introspect'],
      audience: 'https://api.example',
    })
    const [event] = await server.storage.listEvents({ subject: key.id, limit: 1 })
    expect(event).toMatchObject({ action: 'key.edited', actor: actorId })
    expect(event?.facts).toEqual({
      name: 'renamed',
      scopes: 'fhir:production introspect',
      audience: 'https://api.example',
    })
    expect(JSON.stringify(event)).not.toContain(jwk.x)
  })

  test('belong to no other key type', async () => {
    const created = await getKeys('engineer').create({
      keyType: 'xdent',
      ownerId,
      name: 'Front office',
      oauthClient: { scopes: ['introspect'] },
    })
    expect(created).toMatchObject({ ok: false, failure: { problem: 'invalid' } })
  })
})
