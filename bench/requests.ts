import type { LoadScript } from './load.ts'

/** Returns element `n` of the list, which begins anew after its end. */
export function takeTurn<T>(list: readonly T[], n: number): T {
  const found = list[n % list.length]
  if (found === undefined) throw new Error('the list to take turns with is empty')
  return found
}

/** Creates scripts that together send all requests in turn. */
export const createRotatingScripts = (
  requests: readonly Buffer[],
  connections: number,
  status = 200,
): LoadScript[] => {
  let n = 0
  return Array.from({ length: connections }, () => ({
    status,
    next: () => takeTurn(requests, n++),
    hasUnsent: () => n < requests.length,
  }))
}

/**
 * Sends the newest refresh token each time. All tokens of a server have one length, so the request is
 * rewritten in place.
 */
export function createRefreshScript(request: Buffer, member: string, token: string): LoadScript {
  const at = request.indexOf(token)
  const start = `"${member}":"`
  return {
    status: 200,
    next: () => request,
    answered(answer) {
      const from = answer.indexOf(start) + start.length
      request.write(answer.slice(from, from + token.length), at, 'latin1')
    },
  }
}

const MESSAGE_BYTES = 2048

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

type HeaderLines = readonly (readonly [name: string, value: string])[]

export const buildPostRequest = (
  path: string,
  body: string,
  headers: HeaderLines = [],
  type = 'application/json',
): Buffer =>
  buildRequest('POST', path, body, [
    ['Content-Type', type],
    ['Content-Length', String(Buffer.byteLength(body))],
    ...headers,
  ])

export const buildGetRequest = (path: string, headers: HeaderLines): Buffer =>
  buildRequest('GET', path, '', headers)

function buildRequest(method: string, path: string, body: string, headers: HeaderLines): Buffer {
  const lines = [['Host', 'localhost'], ...headers].map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}
