import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { nodeArgon2 } from '../../src/node/primitives.ts'
import { composeTestServer } from '../support/composed-server.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

/*
 * `Meta` on its way: what its sender wrote goes through as it was written, and the server sets its part.
 */

let server: TestServer
let hospital: Awaited<ReturnType<typeof startHttpUpstream>>
let answer: { status: number; body: string }
let key: Awaited<ReturnType<typeof seedKey>>
let bearer: { Authorization: string }

beforeAll(async () => {
  hospital = await startHttpUpstream((_, response) =>
    response.writeHead(answer.status).end(answer.body),
  )
  server = await createTestServer({ LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' })
  key = await seedKey(server)
  const { accountId, sourceId } = key
  const input = { accountId, name: 'Hôpital "Nord"', url: hospital.url, development: true }
  const { id } = unwrap(await server.destinations.add(input))
  unwrap(await server.destinations.setVerified(id, true))
  unwrap(await server.subscriptions.create({ sourceId, destinationId: id }))
  key = { ...key, destinationId: id }
  const tokens = await server.authenticate(key.apiKey, key.secret)
  const { accessToken } = (await tokens.json()) as { accessToken: string }
  bearer = { Authorization: `Bearer ${accessToken}` }
  server.deliveryWorker.start()
})
beforeEach(() => {
  answer = { status: 200, body: '' }
  hospital.requests.splice(0)
})
afterAll(async () => {
  await server.deliveryWorker.stop(1000)
  await server.close()
  hospital.close()
})

interface Receipt {
  Message: { ID: number }
  Logs: { ID: string; AttemptID: string }[]
  Errors: { ID: number; Text: string; Type: string; Module: string }[]
}

async function send(body: string) {
  const sent = await server.call('/endpoint', { body, headers: bearer })
  await server.deliveryWorker.finish()
  const text = await sent.text()
  const { Meta } = JSON.parse(text) as { Meta: Receipt }
  return {
    status: sent.status,
    text,
    Meta,
    arrived: hospital.requests.map(({ body }) => String(body)),
  }
}

/** The members of Meta that the server sets, in its own serialization. */
const getServerMeta = ({ Message, Logs }: Receipt) => ({
  source: `{"ID":"${key.sourceId}","Name":"Acme Source"}`,
  name: '"Hôpital \\"Nord\\""',
  logs: JSON.stringify(Logs),
  serial: Message.ID,
})

describe('a delivered Redox message', () => {
  test('keeps every member of its Meta as the sender wrote it, to the byte', async () => {
    const before =
      '\n{ "Meta" : {"SessionID": 12345678901234567890, "CanceledEvent" : "Arrival",' +
      ' "DataModel":"PatientAdmin","EventType" : "C\\u0061ncel", "IsIncomplete":false,' +
      ' "Extensions":{"x":[1.10, 1e2, "\\u00e9é"]}, "FacilityCode":null,' +
      ` "Destinations" : [ { "ID" : "${key.destinationId}", "Extra" : [ ] } ]`
    const after = ' , "Transmission": { "ID" : 0.0 } }, "Patient":{"Notes":[ ],"Notes":[1]} }\n'
    const { status, Meta, arrived } = await send(`${before}${after}`)
    expect(status).toBe(200)
    const { source, name, logs, serial } = getServerMeta(Meta)
    expect(arrived).toEqual([
      `${before.slice(0, -' } ]'.length)} ,"Name":${name}} ]` +
        ' , "Transmission": { "ID" : 0.0 } ' +
        `,"Message":{"ID":${serial}},"Source":${source},"Logs":${logs},"Test":false}` +
        ', "Patient":{"Notes":[ ],"Notes":[1]} }\n',
    ])
  })

  test('has the members set by the server in the place of those that the sender wrote', async () => {
    const meta = (it: {
      source: string
      name: string
      logs: string
      message: string
      test: string
    }) =>
      `{"Meta":{"T\\u0065st": ${it.test},"Logs":${it.logs} ,"Source" :${it.source},"DataModel":"Device",` +
      `"EventType":"New","Message":${it.message},` +
      `"Destinations":[{"Name": ${it.name},"ID":"${key.destinationId}"}]},"Device":{"ID":"1"}}`
    const { Meta, arrived } = await send(
      meta({
        source: `{"ID":"${key.sourceId}","Name":"forged","Extra":1}`,
        name: '{"forged":true}',
        logs: '[{"ID":"forged"}]',
        message: '{"Extra":1.0,"ID":5565,"More":[ ]}',
        test: 'true',
      }),
    )
    const set = getServerMeta(Meta)
    const message = `{"Extra":1.0,"ID":${set.serial},"More":[ ]}`
    expect(arrived).toEqual([meta({ ...set, message, test: 'true' })])
  })

  test.each([
    ['{}', (id: number) => `{"ID":${id}}`],
    ['{ "a" : 1 }', (id: number) => `{ "a" : 1 ,"ID":${id}}`],
    ['5565', (id: number) => `{"ID":${id}}`],
    ['null', (id: number) => `{"ID":${id}}`],
    ['[{"ID":1}]', (id: number) => `{"ID":${id}}`],
  ])('has an object with an ID where the sender’s Message was %s', async (message, wanted) => {
    const { Meta, arrived } = await send(
      `{"Meta":{"Message":${message},"DataModel":"Device","EventType":"New","Test":null,` +
        `"Destinations":[{"ID":"${key.destinationId}"}]},"Device":{"ID":"1"}}`,
    )
    expect(
      arrived[0]?.startsWith(`{"Meta":{"Message":${wanted(Meta.Message.ID)},"DataModel"`),
    ).toBe(true)
    expect(arrived[0]).toContain('"Test":false')
  })
})

const query = (more = '') =>
  '{"Meta":{"DataModel":"PatientSearch","EventType":"Query",' +
  `"Destinations":[{"ID":"${key.destinationId}"}]}${more}}`

/** In the order that the vendor's service was seen to write. */
const expectedReceipt = (
  { Message, Logs }: Receipt,
  source: string,
  message = `{"ID":${Message.ID}}`,
) =>
  `"DataModel":"PatientSearch","EventType":"Query","Message":${message},"Source":${source},` +
  `"Destinations":[{"ID":"${key.destinationId}","Name":"Hôpital \\"Nord\\""}],` +
  `"Logs":${JSON.stringify(Logs)}`

describe('the response to a Redox query', () => {
  test('keeps the members of the destination’s Meta that the request does not set', async () => {
    answer.body =
      '{"Meta" : {"EventType":"Response", "IsIncomplete" : true, "DataModel":"Other","Logs":[1],' +
      '"Extensions":{"n":12345678901234567890.10} ,"Message":{"Extra":"\\u00e9","ID":1},' +
      '"constructor":1, "Source":{"ID":"theirs"},"Destinations":[]}, "Patient":{"a":1,"a":2}}'
    const { status, text, Meta } = await send(query())
    const own = expectedReceipt(
      Meta,
      `{"ID":"${key.sourceId}"}`,
      `{"Extra":"\\u00e9","ID":${Meta.Message.ID}}`,
    )
    expect([status, text]).toEqual(
      [
        200,
        ` "Patient":{"a":1,"a":2},"Meta":{${own},"IsIncomplete" : true,` +
          '"Extensions":{"n":12345678901234567890.10},"constructor":1}}',
      ].map((part, n) => (n === 1 ? `{${part}` : part)),
    )
  })

  test.each(['null', '"Meta"', '[{"IsIncomplete":true}]', '{}'])(
    'has only the Meta of the request when the destination’s Meta is %s',
    async (meta) => {
      answer.body = `{"Meta":${meta}}`
      const { text, Meta } = await send(query())
      expect(text).toBe(`{"Meta":{${expectedReceipt(Meta, `{"ID":"${key.sourceId}"}`)}}}`)
    },
  )
})

describe('a Redox query to a failing destination', () => {
  const expectedRefusal = (status: number, text: string) => [
    status,
    { Text: text, Type: 'transmission', Module: 'Send' },
  ]

  test.each([
    [400, 400],
    [401, 400],
    [404, 400],
    [429, 400],
    [499, 400],
    [302, 502],
    [500, 502],
    [503, 502],
  ])(
    'that answers %i is answered with %i, the status code of the destination and the full Meta',
    async (status, wanted) => {
      answer = { status, body: '{"Meta":{"Errors":[]}}' }
      const sent = await send(query())
      const [{ ID, ...error } = { ID: 0 }] = sent.Meta.Errors
      expect([sent.status, error]).toEqual(
        expectedRefusal(
          wanted,
          `The destination ${key.destinationId} answered with status code ${status}.`,
        ),
      )
      const source = `{"ID":"${key.sourceId}","Name":"Acme Source"}`
      const errors = `"Errors":${JSON.stringify([{ ID, ...error }])}`
      expect(sent.text).toBe(`{"Meta":{${expectedReceipt(sent.Meta, source)},${errors}}}`)
    },
  )

  test('that does not answer in time is answered with 504 and the full Meta', async () => {
    const silent = await startHttpUpstream(() => undefined)
    const impatient = await composeTestServer(
      { LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' },
      nodeArgon2,
      { synchronousMs: 1 },
    )
    onTestFinished(async () => {
      await impatient.close()
      silent.close()
    })
    const { apiKey, secret, sourceId, accountId } = await seedKey(impatient)
    const input = { accountId, name: 'Silent', url: silent.url, development: true }
    const { id } = unwrap(await impatient.destinations.add(input))
    unwrap(await impatient.destinations.setVerified(id, true))
    unwrap(await impatient.subscriptions.create({ sourceId, destinationId: id }))
    const tokens = await impatient.post('/auth/authenticate', { apiKey, secret })
    const { accessToken } = (await tokens.json()) as { accessToken: string }
    const sent = await impatient.call('/endpoint', {
      body: query().replace(key.destinationId, id),
      headers: { Authorization: `Bearer ${accessToken}` },
    })
    const text = await sent.text()
    const { Message, Logs, Errors } = (JSON.parse(text) as { Meta: Receipt }).Meta
    const [{ ID, ...error } = { ID: 0 }] = Errors
    expect([sent.status, error]).toEqual(
      expectedRefusal(504, `The destination ${id} did not answer in time.`),
    )
    const Meta = {
      DataModel: 'PatientSearch',
      EventType: 'Query',
      Message: { ID: Message.ID },
      Source: { ID: sourceId, Name: 'Acme Source' },
      Destinations: [{ ID: id, Name: 'Silent' }],
      Logs: [{ ID: Logs[0]?.ID, AttemptID: Logs[0]?.AttemptID }],
      Errors: [{ ID, ...error }],
    }
    expect(text).toBe(JSON.stringify({ Meta }))
    expect([Message.ID, ID]).toEqual([expect.any(Number), expect.any(Number)])
  })
})

describe('a duplicate member of a Redox message', () => {
  const buildDevice = (meta: string, rest: string) =>
    `{"Meta":{"DataModel":"Device","EventType":"New","Destinations":[{"ID":"${key.destinationId}"}]${meta}}${rest}}`
  const OK = ',"Device":{"ID":"1"}'

  test.each([
    ['Meta', '', `${OK},"Meta":{}`, '"Meta"'],
    ['Meta with an escape', '', `${OK},"M\\u0065ta":{}`, '"M\\u0065ta"'],
    ['in Meta', ',"EventType":"New"', OK, '"EventType"'],
    ['in Meta with an escape', ',"Event\\u0054ype":"New"', OK, '"Event\\u0054ype"'],
    ['deep in Meta', ',"Extensions":[{"a":{"b":1,"b":1}}]', OK, '"b"'],
    ['Device', '', `${OK}${OK}`, '"Device"'],
    ['Device.ID', '', ',"Device":{"ID":"1","I\\u0044":"2"}', '"I\\u0044"'],
    ['Patient', '', `${OK},"Patient":{},"Patient":{}`, '"Patient"'],
    [
      'Patient.Identifiers',
      '',
      `${OK},"Patient":{"Identifiers":[],"Identifiers":[]}`,
      '"Identifiers"',
    ],
    [
      'Patient.Identifiers[].IDType',
      '',
      `${OK},"Patient":{"Identifiers":[{"ID":"1","IDType":"MR","IDType":"X"}]}`,
      '"IDType"',
    ],
  ])('is refused where the server reads the member: %s', async (_, meta, rest, member) => {
    const sent = await send(buildDevice(meta, rest))
    expect([sent.status, sent.Meta.Errors[0]?.Text]).toEqual([
      400,
      `The message cannot be read: ${member} is there twice.`,
    ])
    expect(sent.arrived).toEqual([])
  })

  test('is forwarded unchanged where the server does not read the member', async () => {
    const rest =
      ',"Device":{"Name":1,"ID":"1","Name":2},"x":1,"x":{"Meta":1,"Meta":2},' +
      '"Patient":{"Notes":1,"Notes":2,"Identifiers":[{"ID":"1","IDType":"MR","x":1,"x":2}]}'
    const sent = await send(buildDevice('', rest))
    expect(sent.status).toBe(200)
    expect(sent.arrived[0]?.endsWith(`}${rest}}`)).toBe(true)
  })
})

describe('a long Redox message', () => {
  const buildDevice = (rest: string) =>
    `{"Meta":{"DataModel":"Device","EventType":"New","Destinations":[{"ID":"${key.destinationId}"}]},` +
    `"Device":{"ID":"1"},${rest}}`

  test('is accepted and delivered whatever its strings contain', async () => {
    const rest = `"Text":${JSON.stringify('":'.repeat(1_500_000))}`
    const sent = await send(buildDevice(rest))
    expect(sent.status).toBe(200)
    expect(sent.arrived[0]?.endsWith(`,${rest}}`)).toBe(true)
  })

  test.each([
    ['values', `"a":[${'{},'.repeat(200_000)}{}]`],
    ['members', `"a":{${'"b":1,'.repeat(200_000)}"b":1}`],
  ])('is refused with the limit when it has too many %s', async (_, rest) => {
    const sent = await send(buildDevice(rest))
    expect([sent.status, sent.Meta.Errors[0]?.Text]).toEqual([
      400,
      'The message cannot be read: the body has more than 200,000 values.',
    ])
  })
})

// The last one, after which the queue waits.
describe('a Redox message that the destination refuses', () => {
  test('is retried with the same bytes, including Message.ID', async () => {
    answer = { status: 503, body: '' }
    const { Meta } = await send(
      '{"Meta":{"DataModel":"Device","EventType":"New",' +
        `"Destinations":[{"ID":"${key.destinationId}"}]},"Device":{"ID":"1"}}`,
    )
    // The first try again is at once.
    expect(hospital.requests.length).toBeGreaterThan(1)
    const bodies = new Set(hospital.requests.map(({ body }) => String(body)))
    expect(bodies.size).toBe(1)
    expect(JSON.parse([...bodies].join()).Meta.Message).toEqual({ ID: Meta.Message.ID })
  })
})
