import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startStrictDestination } from './support/delivery/destinations.ts'
import type { RawResponse } from './support/raw-connection.ts'
import {
  createDeviceNewMessage,
  type LiveServer,
  seedKey,
  startLiveServer,
  unwrap,
} from './support/server.ts'
import { DAY_MS } from './support/time.ts'
import {
  connectWithProfile,
  createVendorClient,
  HTTP_LIBRARY_PROFILES,
  parseTokenResponse,
} from './support/vendor-clients.ts'

/*
 * The clients and receivers that are in the field, in their shape, over sockets.
 */

let server: LiveServer
beforeAll(async () => {
  server = await startLiveServer({
    LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1',
    LATCHKEY_FAILURES_PER_ADDRESS: '100000',
  })
})
afterAll(() => server.close())

const tokens = z.strictObject({
  accessToken: z.string().min(1),
  // A client in Java parses just this form: milliseconds, and Z.
  expires: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  refreshToken: z.string().min(1),
})

const receipt = z.strictObject({
  Meta: z.strictObject({
    DataModel: z.string(),
    EventType: z.string(),
    Message: z.strictObject({ ID: z.number().int().positive().max(Number.MAX_SAFE_INTEGER) }),
    Source: z.object({ ID: z.uuid() }),
    Destinations: z.array(z.strictObject({ ID: z.uuid(), Name: z.string() })).min(1),
    Logs: z.array(z.strictObject({ ID: z.uuid(), AttemptID: z.uuid() })).min(1),
  }),
})

const getHeader = ({ headers }: RawResponse, name: string) =>
  headers.find(([found]) => found.toLowerCase() === name)?.[1]

function parseTokens(answer: RawResponse) {
  expect(answer.status).toBe(200)
  expect(getHeader(answer, 'content-type')).toBe('application/json; charset=utf-8')
  const body = JSON.parse(answer.body)
  expect(Object.keys(body)).toEqual(['accessToken', 'expires', 'refreshToken'])
  const read = tokens.parse(body)
  // A client that renews by its own clock sets that clock by the answer's date.
  const lifeMs = Date.parse(read.expires) - Date.parse(getHeader(answer, 'date') ?? '')
  expect(Math.abs(lifeMs - DAY_MS)).toBeLessThanOrEqual(60_000)
  return read
}

describe.each(HTTP_LIBRARY_PROFILES)('$name', (shape) => {
  test('exchanges its key, refreshes twice, and sends a message on one connection', async () => {
    const { apiKey, secret, destinationId, sourceId } = await seedKey(server)
    const client = await connectWithProfile(server.url, shape)
    try {
      const first = parseTokens(await client.authenticate(apiKey, secret))
      const second = parseTokens(await client.refresh(apiKey, first.refreshToken))
      const third = parseTokens(await client.refresh(apiKey, second.refreshToken))
      const sent = await client.send(third.accessToken, createDeviceNewMessage(destinationId))
      expect(sent.status).toBe(200)
      const { Meta } = receipt.parse(JSON.parse(sent.body))
      expect(Meta).toMatchObject({
        Source: { ID: sourceId },
        Destinations: [{ ID: destinationId }],
      })
    } finally {
      client.close()
    }
  })

  test('gets 401 for a wrong secret in the vendor’s words, and can continue', async () => {
    const { apiKey, secret } = await seedKey(server)
    const client = await connectWithProfile(server.url, shape)
    try {
      const refused = await client.authenticate(apiKey, `not ${secret}`)
      expect(refused).toMatchObject({ status: 401, body: 'Invalid request' })
      expect(getHeader(refused, 'content-type')).toBe('text/html; charset=utf-8')
      parseTokens(await client.authenticate(apiKey, secret))
    } finally {
      client.close()
    }
  })
})

describe('a client that reads every error of /endpoint as JSON', () => {
  const errors = z.object({
    Meta: z.object({
      Errors: z
        .array(
          z.strictObject({
            ID: z.number(),
            Text: z.string().min(1),
            Type: z.enum(['message', 'transmission', 'query']),
            Module: z.enum(['DataModels', 'Subscriptions', 'Send']),
          }),
        )
        .min(1),
    }),
  })

  test.each<[number, string, (key: Seeded, token: string) => Sending]>([
    [401, 'no token', ({ destinationId }) => ({ body: createDeviceNewMessage(destinationId) })],
    [
      401,
      'a bad one',
      ({ destinationId }) => ({ body: createDeviceNewMessage(destinationId), token: 'x.y.z' }),
    ],
    [400, 'no JSON', (_, token) => ({ body: 'MSH|^~\\&|', token })],
    [400, 'an empty body', (_, token) => ({ body: '', token })],
    [400, 'no Meta', (_, token) => ({ body: {}, token })],
    [
      400,
      'a field missing',
      ({ destinationId }, token) => ({
        body: { ...createDeviceNewMessage(destinationId), Device: {} },
        token,
      }),
    ],
    [
      403,
      'a destination that it may not send to',
      (_, token) => ({ body: createDeviceNewMessage(crypto.randomUUID()), token }),
    ],
    [
      405,
      'another method',
      ({ destinationId }, token) => ({
        body: createDeviceNewMessage(destinationId),
        token,
        method: 'PUT',
      }),
    ],
  ])('finds Meta.Errors in a %i for %s', async (status, _, make) => {
    const key = await seedKey(server)
    const { accessToken } = parseTokenResponse(
      await createVendorClient(server.url).authenticate(key.apiKey, key.secret),
    )
    const { body, token, method = 'POST' } = make(key, accessToken)
    const answer = await fetch(`${server.url}/endpoint`, {
      method,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    errors.parse(await answer.json())
  })
})

type Seeded = Awaited<ReturnType<typeof seedKey>>

interface Sending {
  readonly body: object | string
  readonly token?: string
  readonly method?: string
}

const TOKEN = 'agreed with the receiver'

/** A source that may send to this receiver, which is yet to be verified. */
async function seedStrictRoute(url: string, method: 'POST' | 'GET') {
  const key = await seedKey(server)
  const { accountId, sourceId } = key
  const input = { accountId, name: 'Strict EMR', url, development: true, token: TOKEN, method }
  const { id } = unwrap(await server.destinations.add(input))
  unwrap(await server.subscriptions.create({ sourceId, destinationId: id }))
  const { accessToken } = parseTokenResponse(
    await createVendorClient(server.url).authenticate(key.apiKey, key.secret),
  )
  return {
    destinationId: id,
    verify: async () => unwrap(await server.destinations.verify(id)).verified,
    send: (message: object) => createVendorClient(server.url).endpoint(accessToken, message),
  }
}

describe.each([
  ['POST', 'bare'],
  ['POST', 'quoted'],
  ['POST', 'json'],
  ['GET', 'bare'],
  ['GET', 'json'],
] as const)(
  'a receiver that checks the token first, verified by %s and answering %s',
  (method, challengeFormat) => {
    test('is verified, and takes messages by a strict schema of Meta', async () => {
      const receiver = await startStrictDestination(TOKEN, { challengeFormat })
      try {
        const { destinationId, verify, send } = await seedStrictRoute(receiver.url, method)
        expect(await verify()).toBe(true)
        expect((await send(createDeviceNewMessage(destinationId))).status).toBe(200)
        await expect
          .poll(() => receiver.delivered.length + receiver.problems.length)
          .toBeGreaterThanOrEqual(1)
        expect(receiver.problems).toEqual([])
      } finally {
        await receiver.close()
      }
    })
  },
)

describe('a receiver that forgets what it has seen by Meta.Message.ID', () => {
  test('sees one id at every attempt of a message, and another for the next one', async () => {
    const receiver = await startStrictDestination(TOKEN, {
      challengeFormat: 'bare',
      statuses: [500],
    })
    try {
      const { destinationId, verify, send } = await seedStrictRoute(receiver.url, 'POST')
      expect(await verify()).toBe(true)
      const receipts = [
        await send(createDeviceNewMessage(destinationId)),
        await send(createDeviceNewMessage(destinationId)),
      ]
      const ids = receipts.map(({ body }) => receipt.parse(JSON.parse(body)).Meta.Message.ID)
      await expect
        .poll(() => receiver.delivered.length + receiver.problems.length)
        .toBeGreaterThanOrEqual(3)
      expect(receiver.problems).toEqual([])
      const arrived = receiver.delivered.map(({ meta, isDuplicate }) => [
        meta.Message.ID,
        isDuplicate,
      ])
      expect(arrived).toEqual([
        [ids[0], false],
        [ids[0], true],
        [ids[1], false],
      ])
    } finally {
      await receiver.close()
    }
  })

  test('reads what the sender wrote into Meta beside what the server adds', async () => {
    const receiver = await startStrictDestination(TOKEN, { challengeFormat: 'bare' })
    const written = {
      FacilityCode: '1234',
      Extensions: { 'sender-epic-id': { url: 'https://sender.example/epic', string: '€7' } },
      CanceledEvent: 'Discharge',
      SessionID: 'a1b2',
    }
    try {
      const { destinationId, verify, send } = await seedStrictRoute(receiver.url, 'POST')
      expect(await verify()).toBe(true)
      const message = {
        Meta: {
          DataModel: 'PatientAdmin',
          EventType: 'Cancel',
          ...written,
          EventDateTime: '2015-03-25T20:52:35.000Z',
          Destinations: [{ ID: destinationId }],
        },
        Patient: { Identifiers: [{ ID: '0000000001', IDType: 'MR' }] },
      }
      expect((await send(message)).status).toBe(200)
      await expect
        .poll(() => receiver.delivered.length + receiver.problems.length)
        .toBeGreaterThanOrEqual(1)
      expect(receiver.problems).toEqual([])
      expect(receiver.delivered[0]?.meta).toMatchObject({ ...written, Test: false })
    } finally {
      await receiver.close()
    }
  })
})

test('a client that sends a query gets what the receiver put into Meta of its answer', async () => {
  const answer = { Meta: { IsIncomplete: true }, Patients: [] }
  const receiver = await startStrictDestination(TOKEN, { challengeFormat: 'bare', answer })
  try {
    const { destinationId, verify, send } = await seedStrictRoute(receiver.url, 'GET')
    expect(await verify()).toBe(true)
    const queryAnswer = await send({
      Meta: {
        DataModel: 'PatientSearch',
        EventType: 'Query',
        EventDateTime: '2015-03-25T20:52:35.000Z',
        Destinations: [{ ID: destinationId }],
      },
      Patient: { Demographics: { LastName: 'Bixby' } },
    })
    expect(receiver.problems).toEqual([])
    expect(queryAnswer.status).toBe(200)
    const body = JSON.parse(queryAnswer.body)
    expect(Object.keys(body)).toEqual(['Patients', 'Meta'])
    expect(body.Meta).toMatchObject({ EventType: 'Query', IsIncomplete: true })
  } finally {
    await receiver.close()
  }
})
