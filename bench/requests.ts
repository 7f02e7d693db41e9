import type { Vendor } from './seed.ts'

/*
 * The requests that the benches send, each a whole one, made beforehand.
 */

/** Where Latchkey listens, and whose keys it knows. */
export interface Scene {
  readonly port: number
  readonly vendors: readonly Vendor[]
}

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
}

export const credentials = ({ apiKey, secret }: Vendor) => JSON.stringify({ apiKey, secret })

export async function authenticate({ port }: Scene, vendor: Vendor): Promise<Tokens> {
  const answer = await fetch(`http://127.0.0.1:${port}/auth/authenticate`, {
    method: 'POST',
    body: credentials(vendor),
  })
  if (answer.status !== 200) {
    throw new Error(`a seeded key cannot authenticate: ${answer.status} ${await answer.text()}`)
  }
  return (await answer.json()) as Tokens
}

const MESSAGE_BYTES = 2048

/** A message of each vendor, with a token that is good. */
export async function messages(
  scene: Scene,
  destinationOf: (vendor: Vendor) => string,
): Promise<Buffer[]> {
  const requests: Buffer[] = []
  for (const vendor of scene.vendors) {
    const { accessToken } = await authenticate(scene, vendor)
    const body = flowsheet(vendor.sourceId, destinationOf(vendor))
    requests.push(post('/endpoint', body, [`Authorization: Bearer ${accessToken}`]))
  }
  return requests
}

const COMMENT = '"Comment":"'
const DIGITS = 10

/** The same message, with a number in it: a copy, for what is being sent must not change. */
export function numbered(request: Buffer, n: number): Buffer {
  const copy = Buffer.from(request)
  copy.write(String(n).padStart(DIGITS, '0'), copy.lastIndexOf(COMMENT) + COMMENT.length, 'latin1')
  return copy
}

/** The number of a message that has arrived. */
export function numberIn(body: string): number {
  const at = body.lastIndexOf(COMMENT) + COMMENT.length
  return Number(body.slice(at, at + DIGITS))
}

/** Vital signs of one patient, as an integration sends them, filled up to 2 KB. */
function flowsheet(sourceId: string, destinationId: string): string {
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
  message.Comment = 'x'.repeat(MESSAGE_BYTES - JSON.stringify(message).length)
  return JSON.stringify(message)
}

export function post(path: string, body: string, headers: readonly string[] = []): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}
