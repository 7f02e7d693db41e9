import { RawConnection, type RawResponse } from './raw-connection.ts'
import type { TokenResponse } from './server.ts'

export interface VendorResponse {
  readonly status: number
  readonly body: string
}

/** The few requests that a vendor's backend makes, over a real socket. */
export function createVendorClient(url: string) {
  const send = async (path: string, body: string, headers = {}): Promise<VendorResponse> => {
    const answer = await fetch(`${url}${path}`, { method: 'POST', body, headers })
    return { status: answer.status, body: await answer.text() }
  }
  return {
    send,
    authenticate: (apiKey: string, secret: string) =>
      send('/auth/authenticate', JSON.stringify({ apiKey, secret })),
    refresh: (apiKey: string, refreshToken: string) =>
      send('/auth/refreshToken', JSON.stringify({ apiKey, refreshToken })),
    endpoint: (accessToken: string, message: object) =>
      send('/endpoint', JSON.stringify(message), { Authorization: `Bearer ${accessToken}` }),
  }
}

export type VendorClientConnection = ReturnType<typeof createVendorClient>

export function parseTokenResponse({ status, body }: VendorResponse): TokenResponse {
  if (status !== 200) throw new Error(`${status} ${body}`)
  return JSON.parse(body) as TokenResponse
}

/*
 * The HTTP of the vendors' backends that are in the field, header by header: each library has its own
 * names, its own spelling, and its own way to frame a body.
 */

type CredentialFields = Readonly<Record<string, string | null>>

export interface HttpLibraryProfile {
  readonly name: string
  /** In the order and spelling of the library; `Host` and the body's framing are added. */
  readonly headers: readonly (readonly [string, string])[]
  /** How credentials are written, and what the client says that they are. */
  readonly credentials: (fields: CredentialFields) => {
    readonly type: string
    readonly body: string
  }
  readonly chunked?: true
  /** Always sends all three fields of the two endpoints, null where one has no use. */
  readonly sendsNulls?: true
  readonly paths?: {
    readonly authenticate: string
    readonly refresh: string
    readonly endpoint: string
  }
}

const encodeJson = (fields: CredentialFields) => ({
  type: 'application/json',
  body: JSON.stringify(fields),
})

const dropNullFields = (fields: CredentialFields): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== null),
  )

const encodeForm = (fields: CredentialFields) => ({
  type: 'application/x-www-form-urlencoded',
  body: new URLSearchParams(dropNullFields(fields)).toString(),
})

const AXIOS_HEADERS = [
  ['Accept', 'application/json, text/plain, */*'],
  ['User-Agent', 'axios/1.7.2'],
  ['Accept-Encoding', 'gzip, compress, deflate, br'],
  ['Connection', 'keep-alive'],
] as const
const PYTHON_REQUESTS_HEADERS = [
  ['User-Agent', 'python-requests/2.31.0'],
  ['Accept-Encoding', 'gzip, deflate'],
  ['Accept', '*/*'],
  ['Connection', 'keep-alive'],
] as const
const JAVA_CONNECTION_HEADERS = [
  ['User-Agent', 'Java/1.8.0_292'],
  ['Accept', 'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2'],
  ['Connection', 'keep-alive'],
] as const
/** The JDK's HttpClient offers HTTP/2 in its first request of a connection. */
const JAVA_CLIENT_HEADERS = [
  ['Connection', 'Upgrade, HTTP2-Settings'],
  ['HTTP2-Settings', 'AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA'],
  ['Upgrade', 'h2c'],
  ['User-Agent', 'Java-http-client/17.0.9'],
] as const

export const HTTP_LIBRARY_PROFILES: readonly HttpLibraryProfile[] = [
  { name: 'axios, JSON', headers: AXIOS_HEADERS, credentials: encodeJson },
  {
    name: 'axios, all three fields with nulls to both endpoints',
    headers: AXIOS_HEADERS,
    credentials: encodeJson,
    sendsNulls: true,
  },
  { name: 'python-requests, form', headers: PYTHON_REQUESTS_HEADERS, credentials: encodeForm },
  {
    name: 'python-requests, JSON with blanks as json.dumps writes it',
    headers: PYTHON_REQUESTS_HEADERS,
    credentials: (fields) => ({
      type: 'application/json',
      body: JSON.stringify(fields).replaceAll('":', '": ').replaceAll(',"', ', "'),
    }),
  },
  {
    name: 'Java HttpURLConnection, form with a charset, spelled in its way',
    headers: JAVA_CONNECTION_HEADERS,
    credentials: (fields) => ({
      ...encodeForm(fields),
      type: 'application/x-www-form-urlencoded;charset=UTF-8',
    }),
  },
  {
    name: 'Java HttpClient, JSON in chunks with an offer of HTTP/2',
    headers: JAVA_CLIENT_HEADERS,
    credentials: encodeJson,
    chunked: true,
  },
  {
    name: 'a form with grant_type=client_credentials beside the fields',
    headers: [
      ['Accept', '*/*'],
      ['User-Agent', 'Ruby'],
      ['Accept-Encoding', 'gzip;q=1.0,deflate;q=0.6,identity;q=0.3'],
    ],
    credentials: (fields) => encodeForm({ grant_type: 'client_credentials', ...fields }),
  },
  {
    name: 'the curl sample: JSON under the Content-Type of a form',
    headers: [
      ['User-Agent', 'curl/8.4.0'],
      ['Accept', '*/*'],
    ],
    credentials: (fields) => ({
      type: 'application/x-www-form-urlencoded',
      body: `\n${JSON.stringify(fields, null, 2)}\n`,
    }),
  },
  {
    name: '.NET HttpClient, waiting for 100 Continue, paths in its own case',
    headers: [
      ['Accept', 'application/json'],
      ['Expect', '100-continue'],
    ],
    credentials: (fields) => ({ ...encodeJson(fields), type: 'application/json; charset=utf-8' }),
    paths: {
      authenticate: '/Auth/Authenticate',
      refresh: '/Auth/RefreshToken/',
      endpoint: '/Endpoint',
    },
  },
]

/** A client on one connection that it keeps, as these libraries do. */
export async function connectWithProfile(url: string, client: HttpLibraryProfile) {
  const connection = await RawConnection.open(url)
  const paths = client.paths ?? {
    authenticate: '/auth/authenticate',
    refresh: '/auth/refreshToken',
    endpoint: '/endpoint',
  }

  async function post(
    path: string,
    { type, body }: { readonly type: string; readonly body: string },
    extraHeaders: readonly (readonly [string, string])[] = [],
  ): Promise<RawResponse> {
    const framing: readonly [string, string] = client.chunked
      ? ['Transfer-Encoding', 'chunked']
      : ['Content-Length', String(Buffer.byteLength(body))]
    const headers = [
      ['Host', new URL(url).host],
      ...client.headers,
      ['Content-Type', type],
      framing,
      ...extraHeaders,
    ]
    const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    const sent = client.chunked ? encodeChunks(body) : body
    connection.write(`POST ${path} HTTP/1.1\r\n${head}\r\n${sent}`)
    const answer = await connection.readResponse()
    if (answer === null) throw new Error(`${client.name} got no answer`)
    return answer
  }

  const withNulls = (fields: CredentialFields): CredentialFields =>
    client.sendsNulls ? { apiKey: null, secret: null, refreshToken: null, ...fields } : fields

  return {
    authenticate: (apiKey: string, secret: string) =>
      post(paths.authenticate, client.credentials(withNulls({ apiKey, secret }))),
    refresh: (apiKey: string, refreshToken: string) =>
      post(paths.refresh, client.credentials(withNulls({ apiKey, refreshToken }))),
    send: (accessToken: string, message: object) =>
      post(paths.endpoint, encodeJson(message as CredentialFields), [
        ['Authorization', `Bearer ${accessToken}`],
      ]),
    close: () => connection.destroy(),
  }
}

function encodeChunks(body: string): string {
  const bytes = Buffer.from(body)
  const half = Math.floor(bytes.length / 2)
  return [bytes.subarray(0, half), bytes.subarray(half), Buffer.alloc(0)]
    .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
    .join('')
}
