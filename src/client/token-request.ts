import { createAssertionSigner } from './assertion.ts'
import {
  type ClientSecretCredentials,
  type Credentials,
  type LegacyCredentials,
  type PrivateKeyCredentials,
  resolveSecret,
  type SignerCredentials,
} from './credentials.ts'

/** A request to a token endpoint. */
export interface TokenRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Never to appear in an error, even if the server repeats them. */
  readonly secrets: readonly string[]
}

/** How one kind of credentials asks for tokens. */
export interface TokenRequests {
  /** The key or client id, which is public. */
  readonly id: string
  /** Tells which tokens in a store are for these credentials. */
  readonly identity: string
  /** `now`: epoch milliseconds by the clock of the server. */
  readonly authenticate: (now: number) => Promise<TokenRequest>
  /** Only if the protocol has refresh tokens. */
  readonly refresh?: (refreshToken: string) => TokenRequest
}

export function createTokenRequests(base: string, credentials: Credentials): TokenRequests {
  if ('apiKey' in credentials) return createLegacyRequests(base, credentials)
  if ('clientSecret' in credentials) return createSecretRequests(base, credentials)
  return createAssertionRequests(base, credentials)
}

function createLegacyRequests(base: string, { apiKey, secret }: LegacyCredentials): TokenRequests {
  const createRequest = (
    path: string,
    fields: Readonly<Record<string, string>>,
    proof: string,
  ) => ({
    url: base + path,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ apiKey, ...fields }),
    secrets: [proof],
  })
  return {
    id: apiKey,
    identity: `${base} ${apiKey}`,
    async authenticate() {
      const value = await resolveSecret(secret)
      return createRequest('/auth/authenticate', { secret: value }, value)
    },
    refresh: (refreshToken) => createRequest('/auth/refreshToken', { refreshToken }, refreshToken),
  }
}

function createSecretRequests(base: string, credentials: ClientSecretCredentials): TokenRequests {
  const { clientId, clientSecret, scope, tokenPath = '/oauth2/token' } = credentials
  const isBasic = credentials.authenticationMethod !== 'client_secret_post'
  return {
    id: clientId,
    identity: `${base}${tokenPath} ${clientId} ${scope ?? ''}`,
    async authenticate() {
      const secret = await resolveSecret(clientSecret)
      const inBody: Record<string, string> = isBasic
        ? {}
        : { client_id: clientId, client_secret: secret }
      const basic = btoa(`${encodeFormValue(clientId)}:${encodeFormValue(secret)}`)
      return {
        url: base + tokenPath,
        headers: { ...FORM_HEADERS, ...(isBasic ? { Authorization: `Basic ${basic}` } : {}) },
        body: formatForm({ ...inBody, scope }),
        secrets: [secret, encodeFormValue(secret), basic],
      }
    },
  }
}

function createAssertionRequests(
  base: string,
  credentials: PrivateKeyCredentials | SignerCredentials,
): TokenRequests {
  const { clientId, scope, tokenPath = '/v2/auth/token' } = credentials
  const url = base + tokenPath
  const signAssertion = createAssertionSigner(credentials, credentials.audience ?? url)
  return {
    id: clientId,
    identity: `${url} ${clientId} ${scope ?? ''}`,
    async authenticate(now) {
      const assertion = await signAssertion(now)
      const body = formatForm({
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
        scope,
      })
      return { url, headers: FORM_HEADERS, body, secrets: [assertion] }
    },
  }
}

const FORM_HEADERS = { 'Content-Type': 'application/x-www-form-urlencoded' }

function formatForm(fields: Readonly<Record<string, string | undefined>>): string {
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.set(name, value)
  return form.toString()
}

/** RFC 6749 §2.3.1: both halves of HTTP Basic are encoded as in a form. */
const encodeFormValue = (value: string): string =>
  new URLSearchParams({ '': value }).toString().slice(1)
