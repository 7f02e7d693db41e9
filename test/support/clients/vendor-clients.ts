import { type RawAnswer, RawConnection } from '../raw.ts'

/*
 * The HTTP of the vendors' backends that are in the field, header by header: each library has its own
 * names, its own spelling, and its own way to frame a body.
 */

type Fields = Readonly<Record<string, string | null>>

export interface VendorClient {
  readonly name: string
  /** In the order and spelling of the library; `Host` and the body's framing are added. */
  readonly headers: readonly (readonly [string, string])[]
  /** How credentials are written, and what the client says that they are. */
  readonly credentials: (fields: Fields) => { readonly type: string; readonly body: string }
  readonly chunked?: true
  /** Always sends all three fields of the two endpoints, null where one has no use. */
  readonly sendsNulls?: true
  readonly paths?: {
    readonly authenticate: string
    readonly refresh: string
    readonly endpoint: string
  }
}

const json = (fields: Fields) => ({ type: 'application/json', body: JSON.stringify(fields) })

const given = (fields: Fields): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== null),
  )

const form = (fields: Fields) => ({
  type: 'application/x-www-form-urlencoded',
  body: new URLSearchParams(given(fields)).toString(),
})

const AXIOS = [
  ['Accept', 'application/json, text/plain, */*'],
  ['User-Agent', 'axios/1.7.2'],
  ['Accept-Encoding', 'gzip, compress, deflate, br'],
  ['Connection', 'keep-alive'],
] as const
const REQUESTS = [
  ['User-Agent', 'python-requests/2.31.0'],
  ['Accept-Encoding', 'gzip, deflate'],
  ['Accept', '*/*'],
  ['Connection', 'keep-alive'],
] as const
const JAVA_CONNECTION = [
  ['User-Agent', 'Java/1.8.0_292'],
  ['Accept', 'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2'],
  ['Connection', 'keep-alive'],
] as const
/** The JDK's HttpClient offers HTTP/2 in its first request of a connection. */
const JAVA_CLIENT = [
  ['Connection', 'Upgrade, HTTP2-Settings'],
  ['HTTP2-Settings', 'AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA'],
  ['Upgrade', 'h2c'],
  ['User-Agent', 'Java-http-client/17.0.9'],
] as const

export const VENDOR_CLIENTS: readonly VendorClient[] = [
  { name: 'axios, JSON', headers: AXIOS, credentials: json },
  {
    name: 'axios, all three fields with nulls to both endpoints',
    headers: AXIOS,
    credentials: json,
    sendsNulls: true,
  },
  { name: 'python-requests, form', headers: REQUESTS, credentials: form },
  {
    name: 'python-requests, JSON with blanks as json.dumps writes it',
    headers: REQUESTS,
    credentials: (fields) => ({
      type: 'application/json',
      body: JSON.stringify(fields).replaceAll('":', '": ').replaceAll(',"', ', "'),
    }),
  },
  {
    name: 'Java HttpURLConnection, form with a charset, spelled in its way',
    headers: JAVA_CONNECTION,
    credentials: (fields) => ({
      ...form(fields),
      type: 'application/x-www-form-urlencoded;charset=UTF-8',
    }),
  },
  {
    name: 'Java HttpClient, JSON in chunks with an offer of HTTP/2',
    headers: JAVA_CLIENT,
    credentials: json,
    chunked: true,
  },
  {
    name: 'a form with grant_type=client_credentials beside the fields',
    headers: [
      ['Accept', '*/*'],
      ['User-Agent', 'Ruby'],
      ['Accept-Encoding', 'gzip;q=1.0,deflate;q=0.6,identity;q=0.3'],
    ],
    credentials: (fields) => form({ grant_type: 'client_credentials', ...fields }),
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
    credentials: (fields) => ({ ...json(fields), type: 'application/json; charset=utf-8' }),
    paths: {
      authenticate: '/Auth/Authenticate',
      refresh: '/Auth/RefreshToken/',
      endpoint: '/Endpoint',
    },
  },
]

/** A client on one connection that it keeps, as these libraries do. */
export async function connectVendor(url: string, client: VendorClient) {
  const connection = await RawConnection.open(url)
  const paths = client.paths ?? {
    authenticate: '/auth/authenticate',
    refresh: '/auth/refreshToken',
    endpoint: '/endpoint',
  }

  async function post(
    path: string,
    { type, body }: { readonly type: string; readonly body: string },
    more: readonly (readonly [string, string])[] = [],
  ): Promise<RawAnswer> {
    const framing: readonly [string, string] = client.chunked
      ? ['Transfer-Encoding', 'chunked']
      : ['Content-Length', String(Buffer.byteLength(body))]
    const headers = [
      ['Host', new URL(url).host],
      ...client.headers,
      ['Content-Type', type],
      framing,
      ...more,
    ]
    const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    const sent = client.chunked ? chunksOf(body) : body
    connection.write(`POST ${path} HTTP/1.1\r\n${head}\r\n${sent}`)
    const answer = await connection.answer()
    if (answer === null) throw new Error(`${client.name} got no answer`)
    return answer
  }

  const withNulls = (fields: Fields): Fields =>
    client.sendsNulls ? { apiKey: null, secret: null, refreshToken: null, ...fields } : fields

  return {
    authenticate: (apiKey: string, secret: string) =>
      post(paths.authenticate, client.credentials(withNulls({ apiKey, secret }))),
    refresh: (apiKey: string, refreshToken: string) =>
      post(paths.refresh, client.credentials(withNulls({ apiKey, refreshToken }))),
    send: (accessToken: string, message: object) =>
      post(paths.endpoint, json(message as Fields), [['Authorization', `Bearer ${accessToken}`]]),
    close: () => connection.hangUp(),
  }
}

function chunksOf(body: string): string {
  const bytes = Buffer.from(body)
  const half = Math.floor(bytes.length / 2)
  return [bytes.subarray(0, half), bytes.subarray(half), Buffer.alloc(0)]
    .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
    .join('')
}
