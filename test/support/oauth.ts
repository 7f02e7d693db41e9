import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose'
import type { CreateKeyInput } from '../../src/service/keys/input.ts'
import type { OAuthClientInput } from '../../src/service/keys/oauth-client.ts'
import { type TestServer, unwrap } from './server.ts'

/** The settings of an OAuth client that has a secret. */
export const SECRET_CLIENT = {
  authenticationMethod: 'client_secret_basic',
  scopes: ['fhir:production'],
} as const

export const VENDOR_TOKEN_PATH = '/v2/auth/token'
export const STANDARD_TOKEN_PATH = '/oauth2/token'
export const TOKEN_PATHS = [VENDOR_TOKEN_PATH, STANDARD_TOKEN_PATH] as const
export const ISSUER = 'https://latchkey.example'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export interface ClientKeyPair {
  readonly kid: string
  readonly algorithm: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

export async function createClientKeyPair(
  algorithm = 'ES384',
  kid: string = crypto.randomUUID(),
): Promise<ClientKeyPair> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  return { kid, algorithm, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } }
}

type ClientServices = Pick<TestServer, 'accounts' | 'users' | 'keys'>

/** An account with an engineer, and an OAuth client of theirs. */
export async function seedClient(
  { accounts, users, keys }: ClientServices,
  oauthClient: OAuthClientInput,
  { ownerId, ...more }: Partial<Omit<CreateKeyInput, 'keyType'>> = {},
) {
  const owner = ownerId === undefined ? await addOwner() : unwrap(await users.find(ownerId))
  const { key, secret } = unwrap(
    await keys.create({ keyType: 'oauth', ownerId: owner.id, name: 'Feed', ...more, oauthClient }),
  )
  return {
    accountId: owner.accountId,
    ownerId: owner.id,
    keyId: key.id,
    clientId: key.publicId,
    secret: secret ?? '',
  }

  async function addOwner() {
    const { id: accountId } = unwrap(await accounts.create({ name: 'Vendor Health' }))
    const email = `engineer-${crypto.randomUUID()}@vendor.example`
    return unwrap(await users.add({ accountId, email, role: 'engineer' }))
  }
}

/** A client that signs assertions with its own key. */
export type SigningClient = Awaited<ReturnType<typeof seedSigningClient>>

export async function seedSigningClient(
  services: ClientServices,
  settings: OAuthClientInput = {},
  pairs: readonly ClientKeyPair[] = [],
  more: Partial<Omit<CreateKeyInput, 'keyType'>> = {},
) {
  const [pair = await createClientKeyPair(), ...others] = pairs
  const jwks = JSON.stringify({ keys: [pair, ...others].map(({ jwk }) => jwk) })
  const client = await seedClient(
    services,
    { jwks, scopes: ['fhir:production'], ...settings },
    more,
  )
  return { ...client, pair }
}

/** Changes of an assertion. A claim or member that is undefined is left out. */
export interface AssertionChanges {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  readonly pair?: ClientKeyPair
}

/** Creates the claims that the vendor's page and SMART ask for. `now`: epoch milliseconds. */
export function createAssertionClaims({ clientId }: Pick<SigningClient, 'clientId'>, now: number) {
  const seconds = Math.floor(now / 1000)
  return {
    iss: clientId,
    sub: clientId,
    aud: ISSUER,
    iat: seconds,
    exp: seconds + 300,
    jti: crypto.randomUUID(),
  }
}

/** Signs an assertion as the vendor's page and SMART ask for it. `now`: epoch milliseconds. */
export async function signAssertion(
  client: Pick<SigningClient, 'clientId' | 'pair'>,
  now: number,
  { claims = {}, header = {}, pair = client.pair }: AssertionChanges = {},
): Promise<string> {
  const payload = { ...createAssertionClaims(client, now), ...claims }
  const defined = (values: object) =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
  return new SignJWT(defined(payload) as JWTPayload)
    .setProtectedHeader({ alg: pair.algorithm, ...defined({ kid: pair.kid, ...header }) })
    .sign(pair.privateKey)
}

/** Parameters of a token request. One that is undefined is left out. */
type Parameters = Readonly<Record<string, string | undefined>>

export const toForm = (parameters: Parameters): string =>
  new URLSearchParams(
    Object.entries(parameters).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  ).toString()

export const FORM_TYPE = 'application/x-www-form-urlencoded'

/** Posts a form to a token endpoint, and reads its answer. */
export async function postForm(
  { call }: Pick<TestServer, 'call'>,
  path: string,
  parameters: Parameters,
  headers: Readonly<Record<string, string>> = {},
  address = '203.0.113.7',
) {
  const response = await call(path, {
    body: toForm({ grant_type: 'client_credentials', ...parameters }),
    headers: { 'Content-Type': FORM_TYPE, ...headers },
    address,
  })
  return readTokenAnswer(response)
}

export async function readTokenAnswer(response: Response) {
  const { status, headers } = response
  return { status, headers, body: (await response.json()) as Record<string, unknown> }
}

/** Requests a token by a signed assertion. */
export const postAssertion = (
  server: Pick<TestServer, 'call'>,
  path: string,
  assertion: string,
  more: Parameters = {},
) =>
  postForm(server, path, {
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: assertion,
    ...more,
  })

export const createBasicHeader = (id: string, secret: string) => ({
  Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

const KEY_NOT_FOUND = 'Public key not found, check client_id, kid and Latchkey dashboard settings'

/** The answers of both endpoints to one refusal, as wire formats have them. */
export const REFUSALS = {
  [VENDOR_TOKEN_PATH]: {
    assertion: { error: 'invalid_request', error_description: '', error_uri: '' },
    kid: {
      error: 'invalid_request',
      error_description: 'JWT header kid property is required',
      error_uri: '',
    },
    key: {
      error: 'invalid_request',
      error_description: KEY_NOT_FOUND,
      error_uri: '',
    },
    scope: { error: 'invalid_scope', error_description: '', error_uri: '' },
  },
  [STANDARD_TOKEN_PATH]: {
    assertion: {
      error: 'invalid_client',
      error_description: 'The client could not be authenticated.',
    },
    kid: {
      error: 'invalid_client',
      error_description: 'The client could not be authenticated.',
    },
    key: {
      error: 'invalid_client',
      error_description: 'The client could not be authenticated.',
    },
    scope: {
      error: 'invalid_scope',
      error_description: 'The client has none of the requested scopes.',
    },
  },
} as const
