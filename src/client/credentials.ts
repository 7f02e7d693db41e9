import { TokenError } from './token-error.ts'

/** A secret, or a function that reads it before each use, so that a rotated one is found. */
export type Secret = string | (() => string | Promise<string>)

/** A Redox-style key, which is exchanged at `/auth/authenticate`. */
export interface LegacyCredentials {
  readonly apiKey: string
  readonly secret: Secret
}

interface OAuthCredentials {
  readonly clientId: string
  /** The scopes to ask for, separated by spaces. All that the client has if left out. */
  readonly scope?: string
  /** The path of the token endpoint. */
  readonly tokenPath?: string
}

/** An OAuth client with a secret. Its token endpoint is `/oauth2/token`. */
export interface ClientSecretCredentials extends OAuthCredentials {
  readonly clientSecret: Secret
  /** `client_secret_basic` if left out. */
  readonly authenticationMethod?: 'client_secret_basic' | 'client_secret_post'
}

interface AssertionCredentials extends OAuthCredentials {
  /** The `kid` of the public key that the server knows. */
  readonly keyId: string
  /** The `aud` of assertions. The URL of the token endpoint if left out. */
  readonly audience?: string
}

/** `CryptoKey` of WebCrypto, which the types of Node do not name. */
export interface WebCryptoKey {
  readonly type: string
  readonly extractable: boolean
  readonly algorithm: { readonly name: string }
  readonly usages: readonly string[]
}

/** An OAuth client with a private key. Its token endpoint is `/v2/auth/token`. */
export interface PrivateKeyCredentials extends AssertionCredentials {
  /** A key of WebCrypto, a text in PKCS #8 (`-----BEGIN PRIVATE KEY-----`), or a JWK. */
  readonly privateKey: WebCryptoKey | string | Readonly<Record<string, unknown>>
  /** `alg` of assertions. Follows from the key if left out: ES256, ES384, ES512, EdDSA or RS384. */
  readonly algorithm?: string
}

/** Signs bytes with a key that never leaves its keeper. ECDSA signatures may be in DER. */
export type AssertionSigner = (data: Uint8Array) => Uint8Array | Promise<Uint8Array>

/** An OAuth client whose private key is in a key management service. */
export interface SignerCredentials extends AssertionCredentials {
  readonly sign: AssertionSigner
  /** `alg` of assertions, such as ES384. */
  readonly algorithm: string
}

export type Credentials =
  | LegacyCredentials
  | ClientSecretCredentials
  | PrivateKeyCredentials
  | SignerCredentials

type Requirement = 'text' | 'secret' | 'any'
const OAUTH_OPTIONAL = ['scope', 'tokenPath']
const ASSERTION_OPTIONAL = [...OAUTH_OPTIONAL, 'audience', 'algorithm']

/** The members of each kind of credentials, found by the member that only it has. */
const KINDS: Readonly<
  Record<string, { required: Readonly<Record<string, Requirement>>; optional: readonly string[] }>
> = {
  apiKey: { required: { apiKey: 'text', secret: 'secret' }, optional: [] },
  clientSecret: {
    required: { clientId: 'text', clientSecret: 'secret' },
    optional: [...OAUTH_OPTIONAL, 'authenticationMethod'],
  },
  privateKey: {
    required: { clientId: 'text', keyId: 'text', privateKey: 'any' },
    optional: ASSERTION_OPTIONAL,
  },
  sign: {
    required: { clientId: 'text', keyId: 'text', algorithm: 'text', sign: 'any' },
    optional: ASSERTION_OPTIONAL,
  },
}

/** Throws if a member is missing or unknown: a misspelt one would silently change nothing. */
export function checkCredentials(credentials: Credentials): void {
  const members = credentials as unknown as Record<string, unknown>
  const kind = Object.entries(KINDS).find(([name]) => members?.[name] !== undefined)?.[1]
  if (kind === undefined) {
    throw new TokenError(
      'invalid_options',
      `The credentials have none of ${Object.keys(KINDS).join(', ')}.`,
    )
  }
  for (const [name, requirement] of Object.entries(kind.required)) {
    const value = members[name]
    const isValid =
      requirement === 'any'
        ? value !== undefined && value !== null && value !== ''
        : (typeof value === 'string' && value !== '') ||
          (requirement === 'secret' && typeof value === 'function')
    if (!isValid) throw new TokenError('invalid_options', `The credentials have no ${name}.`)
  }
  for (const name of Object.keys(members)) {
    if (name in kind.required) continue
    if (!kind.optional.includes(name)) {
      throw new TokenError('invalid_options', `The credentials have an unknown member ${name}.`)
    }
    if (members[name] !== undefined && typeof members[name] !== 'string') {
      throw new TokenError('invalid_options', `${name} of the credentials is not a text.`)
    }
  }
  const { authenticationMethod = 'client_secret_basic' } = members
  if (!['client_secret_basic', 'client_secret_post'].includes(String(authenticationMethod))) {
    throw new TokenError(
      'invalid_options',
      'authenticationMethod is neither client_secret_basic nor client_secret_post.',
    )
  }
}

export const resolveSecret = async (secret: Secret): Promise<string> =>
  typeof secret === 'string' ? secret : secret()
