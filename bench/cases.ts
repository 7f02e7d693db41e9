import type { LoadScript } from './load.ts'
import type { BenchVendor } from './seed.ts'

export interface BenchCase {
  readonly name: string
  /** Minimum share of bare Hono's requests a second. */
  readonly target: number
  readonly status: number
  /** Returns one script for each connection. */
  prepare(target: BenchTarget, connections: number): Promise<LoadScript[]>
}

export const BENCH_CASES: readonly BenchCase[] = [
  {
    name: 'authenticate',
    target: 0.33,
    status: 200,
    async prepare(target, connections) {
      // The first exchange of each key runs argon2, which is not measured here.
      for (const vendor of target.vendors) await authenticateBenchVendor(target, vendor)
      const requests = target.vendors.map((vendor) =>
        buildPostRequest('/auth/authenticate', formatCredentials(vendor)),
      )
      return createRotatingScripts(requests, connections)
    },
  },
  {
    name: 'refresh',
    target: 0.2,
    status: 200,
    async prepare(target, connections) {
      const scripts: LoadScript[] = []
      for (let n = 0; n < connections; n++) {
        const vendor = takeTurn(target.vendors, n)
        scripts.push(createRefreshScript(vendor, await authenticateBenchVendor(target, vendor)))
      }
      return scripts
    },
  },
  {
    name: 'guard-refused',
    target: 0.6,
    status: 403,
    async prepare(target, connections) {
      const requests = await createMessageRequests(target, () => crypto.randomUUID())
      return createRotatingScripts(requests, connections)
    },
  },
  {
    name: 'endpoint-accepted',
    target: 0.25,
    status: 200,
    async prepare(target, connections) {
      const requests = await createMessageRequests(target, (vendor) => vendor.destinationId)
      return createRotatingScripts(requests, connections)
    },
  },
]

/** Returns element `n` of the list, which begins anew after its end. */
export function takeTurn<T>(list: readonly T[], n: number): T {
  const found = list[n % list.length]
  if (found === undefined) throw new Error('the list to take turns with is empty')
  return found
}

/** Creates scripts that each send all requests in turn, beginning with different ones. */
export const createRotatingScripts = (
  requests: readonly Buffer[],
  connections: number,
): LoadScript[] =>
  Array.from({ length: connections }, (_, first) => {
    let n = first
    return { next: () => takeTurn(requests, n++) }
  })

const REFRESH_TOKEN_MEMBER = '"refreshToken":"'

/** Sends the newest refresh token each time. All tokens have one length, so the request is rewritten in place. */
function createRefreshScript(vendor: BenchVendor, { refreshToken }: BenchTokens): LoadScript {
  const body = JSON.stringify({ apiKey: vendor.apiKey, refreshToken })
  const request = buildPostRequest('/auth/refreshToken', body)
  const at = request.indexOf(REFRESH_TOKEN_MEMBER) + REFRESH_TOKEN_MEMBER.length
  return {
    next: () => request,
    answered(answer) {
      const from = answer.indexOf(REFRESH_TOKEN_MEMBER) + REFRESH_TOKEN_MEMBER.length
      request.write(answer.slice(from, from + refreshToken.length), at, 'latin1')
    },
  }
}

/** A Latchkey to send requests to: its port and the owners of its keys. */
export interface BenchTarget {
  readonly port: number
  readonly vendors: readonly BenchVendor[]
}

export interface BenchTokens {
  readonly accessToken: string
  readonly refreshToken: string
}

export const formatCredentials = ({ apiKey, secret }: BenchVendor) =>
  JSON.stringify({ apiKey, secret })

export async function authenticateBenchVendor(
  { port }: BenchTarget,
  vendor: BenchVendor,
): Promise<BenchTokens> {
  const answer = await fetch(`http://127.0.0.1:${port}/auth/authenticate`, {
    method: 'POST',
    body: formatCredentials(vendor),
  })
  if (answer.status !== 200) {
    throw new Error(`a seeded key cannot authenticate: ${answer.status} ${await answer.text()}`)
  }
  return (await answer.json()) as BenchTokens
}

const MESSAGE_BYTES = 2048

/** Creates one `POST /endpoint` for each vendor, with a valid token. */
export async function createMessageRequests(
  target: BenchTarget,
  getDestinationId: (vendor: BenchVendor) => string,
): Promise<Buffer[]> {
  const requests: Buffer[] = []
  for (const vendor of target.vendors) {
    const { accessToken } = await authenticateBenchVendor(target, vendor)
    const body = createMessage(vendor.sourceId, getDestinationId(vendor))
    requests.push(buildPostRequest('/endpoint', body, [`Authorization: Bearer ${accessToken}`]))
  }
  return requests
}

const COMMENT_MEMBER = '"Comment":"'
const NUMBER_DIGITS = 10

/** Returns a copy of the message with a number in it; the original may still be on its way out. */
export function numberRequest(request: Buffer, n: number): Buffer {
  const copy = Buffer.from(request)
  copy.write(
    String(n).padStart(NUMBER_DIGITS, '0'),
    copy.lastIndexOf(COMMENT_MEMBER) + COMMENT_MEMBER.length,
    'latin1',
  )
  return copy
}

/** Reads the number that `numberRequest` wrote. */
export function readMessageNumber(body: string): number {
  const at = body.lastIndexOf(COMMENT_MEMBER) + COMMENT_MEMBER.length
  return Number(body.slice(at, at + NUMBER_DIGITS))
}

/** Creates vital signs of one patient, as an integration sends them, filled up to a length. */
export function createMessage(
  sourceId: string,
  destinationId: string,
  bytes = MESSAGE_BYTES,
): string {
  const signs: [code: string, name: string, value: string, unit: string][] = [
    ['8867-4', 'Heart rate', '72', 'bpm'],
    ['9279-1', 'Respiratory rate', '16', 'br/min'],
    ['8310-5', 'Body temperature', '36.8', 'Cel'],
    ['8480-6', 'Systolic blood pressure', '121', 'mmHg'],
    ['8462-4', 'Diastolic blood pressure', '79', 'mmHg'],
    ['2708-6', 'Oxygen saturation', '98', '%'],
    ['29463-7', 'Body weight', '74.5', 'kg'],
  ]
  const message = {
    Meta: {
      DataModel: 'Flowsheet',
      EventType: 'New',
      EventDateTime: '2026-01-02T03:04:05.678Z',
      Test: false,
      Source: { ID: sourceId },
      Destinations: [{ ID: destinationId }],
    },
    Patient: {
      Identifiers: [
        { ID: '0000000001', IDType: 'MR' },
        { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a', IDType: 'EHRID' },
      ],
      Demographics: { FirstName: 'Timothy', LastName: 'Bixby', DOB: '2008-01-06', Sex: 'Male' },
    },
    Observations: signs.map(([Code, Description, Value, Units]) => ({
      DateTime: '2026-01-02T03:04:00.000Z',
      Value,
      ValueType: 'Numeric',
      Units,
      Code,
      Codeset: 'LOINC',
      Description,
      Notes: [],
    })),
    Comment: '',
  }
  message.Comment = 'x'.repeat(bytes - JSON.stringify(message).length)
  return JSON.stringify(message)
}

export function buildPostRequest(
  path: string,
  body: string,
  headers: readonly string[] = [],
): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}
