/** `authenticate` is any request for a first token, of legacy keys and of OAuth clients. */
export type RequestKind = 'authenticate' | 'refresh' | 'api'

/** A request, by the credentials in it. */
export interface ClientRequest {
  readonly kind: RequestKind
  readonly path: string
  /** The public id of the key, or the name of the credential; empty if it is unknown. */
  readonly key: string
  /** The access token of an API request. */
  readonly accessToken: string | null
  readonly refreshToken: string | null
  /** The secret of a request for a first token; null for an assertion, which is always a new one. */
  readonly secret: string | null
  /** `iat` of a client assertion, in epoch milliseconds. */
  readonly assertionIssuedAt: number | null
  readonly hasSecretInUrl: boolean
}

/** Finds the keys of tokens and secrets. */
interface KnownCredentials {
  readonly findKeyByToken: (accessToken: string) => string | undefined
  /** Finds the credential that appears in a text. */
  readonly findKeyInText: (text: string) => string | undefined
}

const KINDS_BY_PATH: Readonly<Record<string, RequestKind>> = {
  '/auth/authenticate': 'authenticate',
  '/auth/refreshtoken': 'refresh',
  '/oauth2/token': 'authenticate',
  '/v2/auth/token': 'authenticate',
}

/** Tokens are requested by POST alone: the server refuses any other method. */
export const findRequestKind = (method: string, path: string): RequestKind =>
  (method === 'POST' && KINDS_BY_PATH[path.toLowerCase().replace(/\/$/, '')]) || 'api'

/** Reads a request. `body` is the text of a token request. */
export function readClientRequest(
  { method, url, headers }: Pick<Request, 'method' | 'url' | 'headers'>,
  body: string,
  known: KnownCredentials,
): ClientRequest {
  const { pathname, search } = new URL(url)
  const kind = findRequestKind(method, pathname)
  const authorization = headers.get('authorization') ?? ''
  const accessToken = kind === 'api' ? (/^bearer +(\S+)$/i.exec(authorization)?.[1] ?? null) : null
  const fields = kind === 'api' ? {} : parseFields(body)
  const [basicId, basicSecret] = parseBasic(authorization)
  const assertion = parseAssertion(fields.client_assertion)
  const id = fields.apiKey ?? fields.client_id ?? assertion.iss ?? basicId
  return {
    kind,
    path: pathname,
    key:
      (kind === 'api'
        ? accessToken === null
          ? known.findKeyInText([...headers.values()].join('\n'))
          : known.findKeyByToken(accessToken)
        : id) ?? '',
    accessToken,
    refreshToken: kind === 'refresh' ? (fields.refreshToken ?? null) : null,
    secret:
      kind === 'authenticate'
        ? (fields.secret ?? fields.client_secret ?? basicSecret ?? null)
        : null,
    assertionIssuedAt: typeof assertion.iat === 'number' ? assertion.iat * 1000 : null,
    hasSecretInUrl: known.findKeyInText(decodeURL(pathname + search)) !== undefined,
  }
}

function parseFields(body: string): Readonly<Record<string, string>> {
  const value = parseJson(body) ?? Object.fromEntries(new URLSearchParams(body))
  return Object.fromEntries(
    Object.entries(value).filter(([, field]) => typeof field === 'string'),
  ) as Record<string, string>
}

function parseBasic(authorization: string): readonly [id?: string, secret?: string] {
  const [, credentials] = /^basic +(\S+)$/i.exec(authorization) ?? []
  if (credentials === undefined) return []
  const text = Buffer.from(credentials, 'base64').toString()
  const at = text.indexOf(':')
  return [decodeURL(text.slice(0, at)), decodeURL(text.slice(at + 1))]
}

function parseAssertion(assertion: string | undefined): { iss?: string; iat?: unknown } {
  const payload = assertion?.split('.')[1] ?? ''
  const claims = parseJson(Buffer.from(payload, 'base64url').toString()) ?? {}
  return typeof claims.iss === 'string' ? { iss: claims.iss, iat: claims.iat } : {}
}

/** The tokens of an answer. */
export interface ReceivedTokens {
  readonly accessToken: string
  readonly expiresAt: number
  readonly refreshToken: string | null
}

/** Reads the answer to a token request, of either protocol. */
export function readReceivedTokens(body: string, now: number): ReceivedTokens | null {
  const { accessToken, expires, refreshToken, access_token, expires_in } = parseJson(body) ?? {}
  const token = accessToken ?? access_token
  if (typeof token !== 'string') return null
  return {
    accessToken: token,
    expiresAt: typeof expires === 'string' ? Date.parse(expires) : now + Number(expires_in) * 1000,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : null,
  }
}

function parseJson(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function decodeURL(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
