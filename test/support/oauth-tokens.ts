import {
  ASSERTION_TYPE,
  FORM_TYPE,
  ISSUER,
  type SigningClient,
  STANDARD_TOKEN_PATH,
  signAssertion,
  toForm,
} from './oauth.ts'
import type { TestServer } from './server.ts'

export const INTROSPECTION_PATH = '/oauth2/introspect'
export const REVOCATION_PATH = '/oauth2/revoke'

type Caller = Pick<TestServer, 'call'> & { readonly clock: () => number }
type Parameters = Readonly<Record<string, string | undefined>>

/** The parameters that prove a client's identity by a signed assertion, each time another one. */
export const createProof = async (
  client: SigningClient,
  now: number,
  aud = ISSUER,
): Promise<Parameters> => ({
  client_assertion_type: ASSERTION_TYPE,
  client_assertion: await signAssertion(client, now, { claims: { aud } }),
})

/** Posts a form, and reads the answer as text. */
export async function post(
  { call }: Pick<TestServer, 'call'>,
  path: string,
  parameters: Parameters,
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await call(path, {
    body: toForm(parameters),
    headers: { 'Content-Type': FORM_TYPE, ...headers },
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** Requests an access token of a client, with some or all of its scopes. */
export async function requestToken(
  server: Caller,
  client: SigningClient,
  scope?: string,
): Promise<string> {
  const proof = await createProof(client, server.clock())
  const { text } = await post(server, STANDARD_TOKEN_PATH, {
    grant_type: 'client_credentials',
    ...proof,
    scope,
  })
  const { access_token: token } = JSON.parse(text)
  if (typeof token !== 'string') throw new Error(text)
  return token
}

export async function introspect(
  server: Caller,
  client: SigningClient,
  token: string,
): Promise<Record<string, unknown>> {
  const proof = await createProof(client, server.clock())
  const { status, text } = await post(server, INTROSPECTION_PATH, { ...proof, token })
  if (status !== 200) throw new Error(text)
  return JSON.parse(text)
}

export const revoke = async (server: Caller, client: SigningClient, token: string) =>
  post(server, REVOCATION_PATH, { ...(await createProof(client, server.clock())), token })
