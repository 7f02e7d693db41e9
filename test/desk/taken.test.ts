import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Desk } from '../../src/service/desk.ts'
import { seedTenant, type Tenant } from '../support/desk/tenant.ts'
import { done, type TestServer, testServer } from '../support/server.ts'

/*
 * What is one in the whole server is refused to whoever asks for it second. That it is taken is all
 * that he is told.
 */

let server: TestServer
let mine: Tenant
let theirs: Tenant
let desk: Desk

beforeAll(async () => {
  server = await testServer()
  mine = await seedTenant(server)
  theirs = await seedTenant(server)
  const { accountId, administratorId } = mine
  desk = server.deskOf({ actor: administratorId, role: 'administrator', accountId })
})
afterAll(() => server.close())

const refusal = (message: string) => ({ ok: false, failure: { problem: 'conflict', message } })

test('a username', async () => {
  const { username } = done(await server.accounts.findUser(theirs.memberId))
  const { accountId } = mine
  const wish = { accountId, email: 'new@clinic.example', role: 'member', username } as const
  expect(await desk.accounts.addUser({ ...wish, username: username ?? '' })).toEqual(
    refusal(
      `new@clinic.example is already a user of this account, or the username ${username} is taken`,
    ),
  )
})

test('a developer key', async () => {
  const { developerKey } = done(await server.places.findDeveloper(theirs.developerId))
  const { accountId } = mine
  expect(await desk.places.addDeveloper({ accountId, name: 'Maker', developerKey })).toEqual(
    refusal(`another developer has the key ${developerKey}`),
  )
})

test('the id of a source or destination', async () => {
  const { accountId } = mine
  const { sourceId, destinationId } = theirs
  expect(await desk.routes.addSource({ accountId, name: 'Mine', id: sourceId })).toEqual(
    refusal(`there is a source ${sourceId} already`),
  )
  expect(await desk.routes.addDestination({ accountId, name: 'Mine', id: destinationId })).toEqual(
    refusal(`there is a destination ${destinationId} already`),
  )
})

test('the public id and the secret of a key', async () => {
  const { key, secret } = done(await server.keys.view(theirs.keyId))
  const { engineerId, developerId } = mine
  const wish = { dialect: 'opendental', ownerId: engineerId, developerId, name: 'Mine' } as const
  const taken = refusal('the public id or the secret is taken: another key has it')
  expect(await desk.keys.create({ ...wish, publicId: key.publicId })).toEqual(taken)
  expect(await desk.keys.create({ ...wish, secret })).toEqual(taken)
  expect(await desk.keys.rotateSecret(mine.keyId, { secret })).toEqual(taken)
})
