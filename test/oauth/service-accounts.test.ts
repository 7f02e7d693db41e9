import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listRolePermissions, type Permission } from '../../src/domain/role.ts'
import { findOperationPermission } from '../../src/operations/define.ts'
import { OPERATIONS } from '../../src/operations/registry.ts'
import { createAdminClient } from '../support/admin-client.ts'
import { seedSigningClient } from '../support/oauth.ts'
import { requestToken, revoke } from '../support/oauth-tokens.ts'
import {
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
  unwrap,
} from '../support/server.ts'

/* Service accounts: OAuth clients with `admin:` scopes, at the management API. */

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
})
afterAll(() => server.close())

const toScope = (permission: string) => `admin:${permission}`
const ADMINISTRATOR_PERMISSIONS = listRolePermissions('administrator')

/** A service account whose owner has this role. */
async function createServiceAccount(
  permissions: readonly string[],
  role: 'administrator' | 'engineer' = 'administrator',
) {
  const { id: accountId } = unwrap(await server.accounts.create({ name: 'Vendor Health' }))
  const email = `owner-${crypto.randomUUID()}@vendor.example`
  const owner = unwrap(await server.users.add({ accountId, email, role }))
  const scopes = permissions.map(toScope)
  const client = await seedSigningClient(server, { scopes }, [], { ownerId: owner.id })
  const token = await requestToken(server, client)
  return { ...client, token, callApi: createAdminClient(server, token) }
}

const operations = OPERATIONS.map((operation) => ({
  ...operation,
  permission: findOperationPermission(operation),
}))
const fillPath = (path: string) => path.replaceAll(/\{\w+\}/g, crypto.randomUUID())

describe('a service account', () => {
  test('may do what its scopes say, and nothing else', async () => {
    const one = new Map<Permission, Awaited<ReturnType<typeof createServiceAccount>>>()
    for (const permission of ADMINISTRATOR_PERMISSIONS) {
      one.set(permission, await createServiceAccount([permission]))
    }
    for (const { id, method, path, permission } of operations) {
      for (const [scope, { callApi }] of one) {
        const { status, headers, body } = await callApi(method.toUpperCase(), fillPath(path))
        if (permission === scope) {
          expect([id, scope, status]).not.toEqual([id, scope, 403])
          continue
        }
        expect([id, scope, status]).toEqual([id, scope, 403])
        if (permission === null) continue
        expect(body.detail).toBe(`this needs the permission ${permission}`)
        expect(headers.get('www-authenticate')).toBe(
          `Bearer realm="Latchkey", error="insufficient_scope", scope="admin:${permission}"`,
        )
      }
    }
  })

  test('has no permission of the whole server, and none that its owner has not', async () => {
    const all = operations.flatMap(({ permission }) => permission ?? [])
    const { callApi } = await createServiceAccount([...new Set(all)], 'engineer')
    const engineer = listRolePermissions('engineer')
    for (const { id, method, path, permission } of operations) {
      const { status } = await callApi(method.toUpperCase(), fillPath(path))
      const isPermitted = permission !== null && engineer.includes(permission)
      expect([id, status === 403]).toEqual([id, !isPermitted])
    }
  })

  test('loses a permission with its owner’s role, its scope, and all with its owner', async () => {
    const { callApi, ownerId, keyId, accountId } = await createServiceAccount([
      'directory.write',
      'keys.read',
    ])
    const addSite = async () =>
      (await callApi('POST', '/sites', { accountId, name: 'North' })).status
    const listKeys = async () => (await callApi('GET', '/keys')).status
    expect([await addSite(), await listKeys()]).toEqual([201, 200])
    unwrap(await server.users.setRole(ownerId, 'engineer'))
    expect([await addSite(), await listKeys()]).toEqual([403, 200])
    unwrap(await server.users.setRole(ownerId, 'administrator'))
    unwrap(await server.keys.edit(keyId, { oauthClient: { scopes: ['admin:directory.write'] } }))
    expect([await addSite(), await listKeys()]).toEqual([201, 403])
    unwrap(await server.users.deactivate(ownerId))
    expect([await addSite(), await listKeys()]).toEqual([403, 403])
  })

  test('sees its own account alone', async () => {
    const other = await seedKey(server)
    const { callApi, keyId, accountId } = await createServiceAccount(ADMINISTRATOR_PERMISSIONS)
    const keys = (await callApi('GET', '/keys')).body.items as { id: string; accountId: string }[]
    expect(keys.map((key) => [key.id, key.accountId])).toEqual([[keyId, accountId]])
    expect((await callApi('GET', `/keys/${other.keyId}`)).status).toBe(404)
    expect((await callApi('POST', `/keys/${other.keyId}/revoke`, {})).status).toBe(404)
    expect(unwrap(await server.keys.find(other.keyId)).status).toBe('enabled')
  })

  test('is named in the audit of what it did', async () => {
    const { callApi, keyId, accountId } = await createServiceAccount([
      'directory.write',
      'audit.read',
    ])
    const { body, headers } = await callApi('POST', '/sites', { accountId, name: 'North' })
    const [event] = await server.storage.listEvents({ subject: body.id, limit: 1 })
    expect(event).toMatchObject({
      actor: keyId,
      action: 'site.created',
      requestId: headers.get('x-request-id'),
    })
    const { body: audit } = await callApi('GET', `/audit?subject=${body.id}`)
    expect(audit.items[0]).toMatchObject({ actor: keyId })
  })

  test('is refused with the access token that is revoked, expired, or from an address outside', async () => {
    const { callApi, token, ...client } = await createServiceAccount(['keys.read'])
    const list = async () => (await callApi('GET', '/keys')).status
    expect(await list()).toBe(200)
    unwrap(await server.ipAllowlist.add({ accountId: client.accountId, network: '10.0.0.0/8' }))
    unwrap(await server.ipAllowlist.setEnforced(client.accountId, true))
    expect(await list()).toBe(401)
    unwrap(await server.ipAllowlist.setEnforced(client.accountId, false))
    expect(await list()).toBe(200)
    await revoke(server, client, token)
    expect(await list()).toBe(401)
    const fresh = createAdminClient(server, await requestToken(server, client))
    expect((await fresh('GET', '/keys')).status).toBe(200)
    server.clock.advance(301_000)
    const { status, body } = await fresh('GET', '/keys')
    expect([status, body.detail]).toEqual([
      401,
      'the access token is not valid any more; request a new one',
    ])
    await server.flushAuditEvents()
    const [event] = await server.storage.listEvents({ subject: client.keyId, limit: 1 })
    expect(event).toMatchObject({
      action: 'key.refused',
      facts: { surface: 'admin', reason: 'token_expired' },
    })
  })

  test('is no user: it has no profile, no sign-in and no API tokens', async () => {
    const { callApi } = await createServiceAccount(ADMINISTRATOR_PERMISSIONS)
    for (const { method, path, permission } of operations) {
      if (permission !== null) continue
      const { status, body } = await callApi(method.toUpperCase(), fillPath(path))
      expect([path, status, body.detail]).toEqual([
        path,
        403,
        'an OAuth client is no user: send the API token of a user',
      ])
    }
  })
})

describe('a service account cannot get more permissions', () => {
  const MANAGES_USERS = ['users.read', 'users.write', 'keys.read', 'keys.write']

  test('by a user: it manages only users whose permissions it has', async () => {
    const few = await createServiceAccount(MANAGES_USERS)
    const all = await createServiceAccount(ADMINISTRATOR_PERMISSIONS)
    const email = () => `new-${crypto.randomUUID()}@vendor.example`
    for (const role of ['member', 'engineer', 'administrator'] as const) {
      const user = (accountId: string) => ({ accountId, email: email(), role })
      const refused = await few.callApi('POST', '/users', user(few.accountId))
      expect([role, refused.status]).toEqual([role, 403])
      const added = await all.callApi('POST', '/users', user(all.accountId))
      expect([role, added.status]).toEqual([role, 201])
    }
    for (const { callApi, ownerId, status } of [
      { ...few, status: 403 },
      { ...all, status: 201 },
    ]) {
      expect((await callApi('POST', `/users/${ownerId}/invite`, {})).status).toBe(status)
    }
  })

  test('by another client, or by its own scopes', async () => {
    const few = await createServiceAccount(MANAGES_USERS)
    const oauthClient = {
      authenticationMethod: 'client_secret_basic',
      scopes: ['admin:users.write', 'admin:directory.write'],
    }
    const input = { keyType: 'oauth', ownerId: few.ownerId, name: 'more', oauthClient }
    expect((await few.callApi('POST', '/keys', input)).status).toBe(403)
    const own = { oauthClient: { scopes: [...MANAGES_USERS, 'directory.write'].map(toScope) } }
    expect((await few.callApi('PATCH', `/keys/${few.keyId}`, own)).status).toBe(403)
    const less = { ...input, oauthClient: { ...oauthClient, scopes: ['admin:users.write'] } }
    expect((await few.callApi('POST', '/keys', less)).status).toBe(201)
  })
})

test('the token of a legacy key, and one without an admin scope, manage nothing', async () => {
  const legacy = await seedKey(server)
  const answer = await server.authenticate(legacy.apiKey, legacy.secret)
  const { accessToken } = (await answer.json()) as TokenResponse
  expect((await createAdminClient(server, accessToken)('GET', '/keys')).status).toBe(401)
  const client = await seedSigningClient(server, { scopes: ['fhir:production', 'system/*.cruds'] })
  const token = await requestToken(server, client)
  for (const { method, path } of operations) {
    const { status } = await createAdminClient(server, token)(method.toUpperCase(), fillPath(path))
    expect([path, status]).toEqual([path, 403])
  }
})
