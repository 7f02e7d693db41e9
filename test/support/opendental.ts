import type { CreateKeyInput } from '../../src/service/keys/input.ts'
import { expectedJsonResponse } from './responses.ts'
import { type TestServer, unwrap } from './server.ts'

type DeveloperServices = Pick<TestServer, 'accounts' | 'users' | 'keys' | 'sites' | 'developers'>

/** A developer with a developer key, and an office that customer keys can be assigned to. */
export type SeededDeveloper = Awaited<ReturnType<typeof seedDeveloper>>

export async function seedDeveloper(
  { accounts, users, keys, sites, developers }: DeveloperServices,
  { region, ...input }: Partial<Omit<CreateKeyInput, 'keyType'>> & { region?: string } = {},
) {
  const account = unwrap(
    await accounts.create({ name: 'Tooth Apps', ...(region && { region, otherRegion: true }) }),
  )
  const accountId = account.id
  const owner = unwrap(
    await users.add({
      accountId,
      email: `${crypto.randomUUID()}@apps.example`,
      role: 'engineer',
    }),
  )
  const site = unwrap(await sites.add({ accountId, name: 'Main Street Dental' }))
  const { id: developerId, developerKey } = unwrap(
    await developers.add({ accountId, name: 'Tooth Apps' }),
  )
  const keyOwner = { ownerId: owner.id, developerId }
  const portalHeaders = unwrap(
    await keys.create({ keyType: 'opendental-portal', name: 'Portal', ...keyOwner, ...input }),
  )
  return {
    ...keyOwner,
    accountId,
    siteId: site.id,
    developerKey,
    portalKeyId: portalHeaders.key.id,
    portalKey: portalHeaders.secret,
    portalHeaders: createOdfhirHeaders(developerKey, portalHeaders.secret),
  }
}

/** A customer key of the developer's, made by the operator; assigned unless it is said otherwise. */
export type CustomerKey = Awaited<ReturnType<typeof seedCustomerKey>>

export async function seedCustomerKey(
  { keys }: Pick<TestServer, 'keys'>,
  { ownerId, developerId, developerKey, siteId }: SeededDeveloper,
  {
    isAssigned = true,
    ...input
  }: Partial<Omit<CreateKeyInput, 'keyType'>> & { isAssigned?: boolean } = {},
) {
  const created = unwrap(
    await keys.create({ keyType: 'opendental', name: 'Office', ownerId, developerId, ...input }),
  )
  if (isAssigned) unwrap(await keys.assign(created.key.id, siteId))
  const { key, secret } = created
  return {
    keyId: key.id,
    publicId: key.publicId,
    secret,
    headers: createOdfhirHeaders(developerKey, secret),
  }
}

export const createOdfhirHeaders = (developerKey: string, key: string) => ({
  Authorization: `ODFHIR ${developerKey}/${key}`,
})

/** A customer key as the vendor writes it. */
export interface CustomerKeyJson {
  readonly CustomerKey: string
  readonly KeyStatus: string
  readonly DateCreated: string
  readonly DateDisabled: string
  readonly DateTimeAssigned: string
  readonly DevRefId: string
}

/** The calls of a developer's program; each returns status and body. */
export function createDeveloperClient(
  { call }: Pick<TestServer, 'call'>,
  { portalHeaders }: Pick<SeededDeveloper, 'portalHeaders'>,
  path = '/apikeys',
) {
  const request = async (method: string, body?: object) => {
    const answer = await call(path, {
      method,
      headers: portalHeaders,
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as unknown }
  }
  return {
    async list(): Promise<CustomerKeyJson[]> {
      return getBodyOfStatus(200, await request('GET')) as CustomerKeyJson[]
    },
    async create(): Promise<CustomerKeyJson> {
      return getBodyOfStatus(201, await request('POST')) as CustomerKeyJson
    },
    put: (body: object) => request('PUT', body),
  }
}

function getBodyOfStatus(status: number, answer: { status: number; body: unknown }): unknown {
  if (answer.status !== status) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** A refusal of this key type: one bare JSON string. */
export const expectedOpendentalRefusal = (
  status: number,
  explanation: string,
  headers: Readonly<Record<string, string>> = {},
) => ({
  ...expectedJsonResponse(
    status,
    {},
    {
      ...(status === 401 && { 'www-authenticate': 'ODFHIR realm="Latchkey"' }),
      ...headers,
    },
  ),
  body: JSON.stringify(explanation),
})
