import { afterEach, beforeEach } from 'vitest'
import { getKeyTypeTraits, type KeyType } from '../../../src/domain/key-type.ts'
import type { CreateKeyInput } from '../../../src/service/keys/input.ts'
import type { ServiceResult } from '../../../src/service/service-result.ts'
import { SECRET_CLIENT } from '../../support/oauth.ts'
import { unwrap } from '../../support/server.ts'
import { openTestServices, type TestServices } from '../../support/services.ts'

export let testServices: TestServices
export let tenant: Awaited<ReturnType<TestServices['seedTenant']>>

export const readRefusal = (result: ServiceResult<unknown>): string => {
  if (result.ok) throw new Error('it was done')
  return `${result.failure.problem}: ${result.failure.message}`
}

/** A key of this type, of the tenant, with all that it belongs to. */
export async function createKeyInput<Type extends KeyType>(
  keyType: Type,
  of = tenant,
): Promise<CreateKeyInput & { keyType: Type }> {
  const { accountId, ownerId, site, developer } = of
  const common = { keyType, ownerId, name: 'nightly job' }
  switch (getKeyTypeTraits(keyType).belongsTo) {
    case 'source':
      return {
        ...common,
        sourceId: unwrap(await testServices.sources.add({ accountId, name: 'S' })).id,
      }
    case 'site':
      return { ...common, siteId: site.id }
    case 'developer':
      return { ...common, developerId: developer.id }
    case 'owner':
      return keyType === 'oauth' ? { ...common, oauthClient: SECRET_CLIENT } : common
  }
}
export const create = async <Type extends KeyType>(
  keyType: Type,
  more: Partial<Omit<CreateKeyInput, 'keyType'>> = {},
) => unwrap(await testServices.keys.create({ ...(await createKeyInput(keyType)), ...more }))
export const createAndReadRefusal = async (
  keyType: KeyType,
  more: Partial<Omit<CreateKeyInput, 'keyType'>>,
) => readRefusal(await testServices.keys.create({ ...(await createKeyInput(keyType)), ...more }))

export const SECRET_CLIENT_FACTS = {
  authenticationMethod: 'client_secret_basic',
  scopes: 'fhir:production',
}
export const EXPECTED_SECRET_CLIENT = {
  ...SECRET_CLIENT,
  jwksUrl: null,
  jwks: null,
  audience: null,
  tokenStrategy: 'jwt',
  signingAlgorithm: 'ES256',
  tokenTypeHeader: 'at+jwt',
  tokenLifetimeSeconds: 300,
  repeatedAssertions: 'refused',
  sourceIds: [],
  siteIds: [],
  lastRefusal: null,
}

export const NO_KEY = 'not_found: there is no key nobody'
export const LONG = 'x'.repeat(201)

export function useKeyServices(): void {
  beforeEach(async () => {
    testServices = await openTestServices()
    tenant = await testServices.seedTenant()
  })
  afterEach(() => testServices.close())
}
