import type { Script } from './load.ts'
import type { Vendor } from './seed.ts'

/** Where Latchkey listens, and whose keys it knows. */
export interface Scene {
  readonly port: number
  readonly vendors: readonly Vendor[]
}

export interface Case {
  readonly name: string
  /** The least share of bare Hono's requests a second. */
  readonly aim: number
  readonly status: number
  /** One script for each connection. */
  prepare(scene: Scene, connections: number): Promise<Script[]>
}

export const cases: readonly Case[] = [
  {
    name: 'authenticate',
    aim: 0.33,
    status: 200,
    async prepare(scene, connections) {
      // The first exchange of each key is argon2's, and is not what is measured.
      for (const vendor of scene.vendors) await authenticate(scene, vendor)
      const requests = scene.vendors.map((vendor) =>
        post('/auth/authenticate', credentials(vendor)),
      )
      return takingTurns(requests, connections)
    },
  },
  {
    name: 'refresh',
    aim: 0.2,
    status: 200,
    async prepare(scene, connections) {
      const scripts: Script[] = []
      for (let n = 0; n < connections; n++) {
        const vendor = turn(scene.vendors, n)
        scripts.push(chain(vendor, await authenticate(scene, vendor)))
      }
      return scripts
    },
  },
  {
    name: 'guard-refused',
    aim: 0.6,
    status: 403,
    async prepare(scene, connections) {
      const requests = await messages(scene, () => crypto.randomUUID())
      return takingTurns(requests, connections)
    },
  },
  {
    name: 'endpoint-accepted',
    aim: 0.25,
    status: 200,
    async prepare(scene, connections) {
      const requests = await messages(scene, (vendor) => vendor.destinationId)
      return takingTurns(requests, connections)
    },
  },
]

function turn<T>(list: readonly T[], n: number): T {
  const found = list[n % list.length]
  if (found === undefined) throw new Error('nothing to take turns with')
  return found
}

/** Every connection sends all the requests in turn, each beginning with another one. */
const takingTurns = (requests: readonly Buffer[], connections: number): Script[] =>
  Array.from({ length: connections }, (_, first) => {
    let n = first
    return { next: () => turn(requests, n++) }
  })

interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
}

const MEMBER = '"refreshToken":"'

/** Presents the newest refresh token each time. Tokens have one length, so the request is rewritten in place. */
function chain(vendor: Vendor, { refreshToken }: Tokens): Script {
  const body = JSON.stringify({ apiKey: vendor.apiKey, refreshToken })
  const request = post('/auth/refreshToken', body)
  const at = request.indexOf(MEMBER) + MEMBER.length
  return {
    next: () => request,
    answered(answer) {
      const from = answer.indexOf(MEMBER) + MEMBER.length
      request.write(answer.slice(from, from + refreshToken.length), at, 'latin1')
    },
  }
}

const credentials = ({ apiKey, secret }: Vendor) => JSON.stringify({ apiKey, secret })

async function authenticate({ port }: Scene, vendor: Vendor): Promise<Tokens> {
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
async function messages(
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

function post(path: string, body: string, headers: readonly string[] = []): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}
