import { afterAll, beforeAll, expect } from 'vitest'
import { getKeyTypeTraits, type KeyType } from '../../../../src/domain/key-type.ts'
import { seedConsoleClient } from '../../../support/console-client.ts'
import { SECRET_CLIENT } from '../../../support/oauth.ts'
import { createTestServer, type TestServer, unwrap } from '../../../support/server.ts'

export const KEYS = '/console/keys'
export const SCRIPT = '<script>alert(1)</script>'
export const LONG = 'x'.repeat(10_000)

export let server: TestServer
export let engineer: Awaited<ReturnType<typeof seedConsoleClient>>
export let keyOwners: {
  siteId: string
  sourceId: string
  developerId: string
  developerKey: string
}

export const CLIENT_FIELDS = {
  authenticationMethod: 'client_secret_post',
  scopes: 'fhir:production',
}

/** The fields that a user types for a key of this type; the form has the others. */
export async function createKeyFields(keyType: KeyType, name = `${keyType} key`) {
  const { accountId } = engineer.testUser
  const { belongsTo } = getKeyTypeTraits(keyType)
  const source = async () => unwrap(await server.sources.add({ accountId, name: 'Another' })).id
  const where =
    belongsTo === 'source'
      ? { source: await source() }
      : belongsTo === 'site'
        ? { site: keyOwners.siteId }
        : belongsTo === 'developer'
          ? { developer: keyOwners.developerId }
          : {}
  const client = keyType === 'oauth' ? CLIENT_FIELDS : {}
  return { 'key-type': keyType, name, ...where, ...client }
}

/** Fills in the form that the page shows for this key type. */
export async function openCreateForm(
  keyType: KeyType,
  name?: string,
  client = engineer,
): Promise<Record<string, string> & { id: string }> {
  const createInput = await createKeyFields(keyType, name)
  const form = await client.get(`${KEYS}/new?key-type=${keyType}`)
  expect(form.status).toBe(200)
  const brought = Object.fromEntries(
    ['id', 'account', 'owner', 'access', 'expires'].map((name) => [
      name,
      form.getFieldValue(name) ?? '',
    ]),
  )
  return { id: '', ...brought, ...(createInput as Record<string, string>) }
}

export async function createKey<Type extends KeyType>(keyType: Type, name = `${keyType} key`) {
  const { source, site, developer } = (await createKeyFields(keyType)) as Record<string, string>
  return unwrap(
    await server.keys.create({
      keyType,
      ownerId: engineer.testUser.user.id,
      name,
      sourceId: source,
      siteId: site,
      developerId: developer,
      ...(keyType === 'oauth' && { oauthClient: SECRET_CLIENT }),
    }),
  )
}

export const field = (name: string, value: string) => ({ [name]: value })

export function useKeyPages(): void {
  beforeAll(async () => {
    server = await createTestServer()
    engineer = await seedConsoleClient(server, 'engineer')
    const { accountId } = engineer.testUser
    const site = unwrap(await server.sites.add({ accountId, name: 'Harbor' }))
    const source = unwrap(await server.sources.add({ accountId, name: 'Nightly' }))
    const developer = unwrap(await server.developers.add({ accountId, name: 'Maker' }))
    keyOwners = {
      siteId: site.id,
      sourceId: source.id,
      developerId: developer.id,
      developerKey: developer.developerKey,
    }
  })
  afterAll(() => server.close())
}
