import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ActorServices } from '../../../src/service/actor-services.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'
import { seedTenant, type Tenant } from '../../support/tenancy/tenant.ts'

/*
 * A name that is unique in the whole server is refused to the second account that asks for it, which
 * learns only that the name is taken.
 */

let server: TestServer
let ownTenant: Tenant
let otherTenant: Tenant
let ownServices: ActorServices

beforeAll(async () => {
  server = await createTestServer()
  ownTenant = await seedTenant(server)
  otherTenant = await seedTenant(server)
  const { accountId, administratorId } = ownTenant
  ownServices = server.servicesFor({ actor: administratorId, role: 'administrator', accountId })
})
afterAll(() => server.close())

const expectedConflict = (message: string) => ({
  ok: false,
  failure: { problem: 'conflict', message },
})

test('a username', async () => {
  const { username } = unwrap(await server.users.find(otherTenant.memberId))
  const { accountId } = ownTenant
  const input = { accountId, email: 'new@clinic.example', role: 'member', username } as const
  expect(await ownServices.users.add({ ...input, username: username ?? '' })).toEqual(
    expectedConflict(
      `new@clinic.example is already a user of this account, or the username ${username} is taken`,
    ),
  )
})

test('a developer key', async () => {
  const { developerKey } = unwrap(await server.developers.find(otherTenant.developerId))
  const { accountId } = ownTenant
  expect(await ownServices.developers.add({ accountId, name: 'Maker', developerKey })).toEqual(
    expectedConflict(`another developer has the key ${developerKey}`),
  )
})

test('the id of a source or destination', async () => {
  const { accountId } = ownTenant
  const { sourceId, destinationId } = otherTenant
  expect(await ownServices.sources.add({ accountId, name: 'Mine', id: sourceId })).toEqual(
    expectedConflict(`there is a source ${sourceId} already`),
  )
  expect(
    await ownServices.destinations.add({ accountId, name: 'Mine', id: destinationId }),
  ).toEqual(expectedConflict(`there is a destination ${destinationId} already`))
})

test('the public id and the secret of a key', async () => {
  const { key, secret } = unwrap(await server.keys.viewSecret(otherTenant.keyId))
  const { engineerId, developerId } = ownTenant
  const input = { keyType: 'opendental', ownerId: engineerId, developerId, name: 'Mine' } as const
  const taken = expectedConflict('the public id or the secret is taken: another key has it')
  expect(await ownServices.keys.create({ ...input, publicId: key.publicId })).toEqual(taken)
  expect(await ownServices.keys.create({ ...input, secret })).toEqual(taken)
  expect(await ownServices.keys.rotateSecret(ownTenant.keyId, { secret })).toEqual(taken)
})
