import type { KeyWish } from '../../src/service/keys/wish.ts'
import { ownAnswer } from './seen.ts'
import { done, type TestServer } from './server.ts'

type Services = Pick<TestServer, 'accounts' | 'keys' | 'places'>

/** A developer with his own key, and an office that may take his customers' keys into use. */
export type Developer = Awaited<ReturnType<typeof seedDeveloper>>

export async function seedDeveloper(
  { accounts, keys, places }: Services,
  { region, ...wish }: Partial<KeyWish> & { region?: string } = {},
) {
  const account = done(
    await accounts.create({ name: 'Tooth Apps', ...(region && { region, otherRegion: true }) }),
  )
  const accountId = account.id
  const owner = done(
    await accounts.addUser({
      accountId,
      email: `${crypto.randomUUID()}@apps.example`,
      role: 'engineer',
    }),
  )
  const site = done(await places.addSite({ accountId, name: 'Main Street Dental' }))
  const { id: developerId, developerKey } = done(
    await places.addDeveloper({ accountId, name: 'Tooth Apps' }),
  )
  const common = { ownerId: owner.id, developerId }
  const portal = done(
    await keys.create({ dialect: 'opendental-portal', name: 'Portal', ...common, ...wish }),
  )
  return {
    ...common,
    accountId,
    siteId: site.id,
    developerKey,
    portalKeyId: portal.key.id,
    portalKey: portal.secret,
    portal: odfhir(developerKey, portal.secret),
  }
}

/** A customer key of the developer's, made by the operator; assigned unless it is said otherwise. */
export type CustomerKey = Awaited<ReturnType<typeof seedCustomerKey>>

export async function seedCustomerKey(
  { keys }: Pick<TestServer, 'keys'>,
  { ownerId, developerId, developerKey, siteId }: Developer,
  { isAssigned = true, ...wish }: Partial<KeyWish> & { isAssigned?: boolean } = {},
) {
  const made = done(
    await keys.create({ dialect: 'opendental', name: 'Office', ownerId, developerId, ...wish }),
  )
  if (isAssigned) done(await keys.assign(made.key.id, siteId))
  const { key, secret } = made
  return {
    keyId: key.id,
    publicId: key.publicId,
    secret,
    headers: odfhir(developerKey, secret),
  }
}

export const odfhir = (developerKey: string, key: string) => ({
  Authorization: `ODFHIR ${developerKey}/${key}`,
})

/** A customer key as the vendor writes it. */
export interface KeyRecord {
  readonly CustomerKey: string
  readonly KeyStatus: string
  readonly DateCreated: string
  readonly DateDisabled: string
  readonly DateTimeAssigned: string
  readonly DevRefId: string
}

/** What a developer's program does: each answer with its status and its body. */
export function programOf(
  { call }: Pick<TestServer, 'call'>,
  { portal }: Pick<Developer, 'portal'>,
  path = '/apikeys',
) {
  const ask = async (method: string, body?: object) => {
    const answer = await call(path, {
      method,
      headers: portal,
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as unknown }
  }
  return {
    async list(): Promise<KeyRecord[]> {
      return expectStatus(200, await ask('GET')) as KeyRecord[]
    },
    async create(): Promise<KeyRecord> {
      return expectStatus(201, await ask('POST')) as KeyRecord
    },
    put: (body: object) => ask('PUT', body),
  }
}

function expectStatus(status: number, answer: { status: number; body: unknown }): unknown {
  if (answer.status !== status) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** A refusal of this dialect: one bare JSON string. */
export const explained = (
  status: number,
  explanation: string,
  headers: Readonly<Record<string, string>> = {},
) => ({
  ...ownAnswer(
    status,
    {},
    {
      ...(status === 401 && { 'www-authenticate': 'ODFHIR realm="Latchkey"' }),
      ...headers,
    },
  ),
  body: JSON.stringify(explanation),
})
