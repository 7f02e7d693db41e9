import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  unwrap,
} from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

/*
 * Every documented pair of data model and event type, sent through the front door: a star marks the
 * synchronous ones. Written out from the documentation, not from the catalogue of the code.
 */
const DOCUMENTED = `
Claim: Payment, PaymentBatch, Submission, SubmissionBatch
Clinical Decisions: Request*, Response
Clinical Summary: DocumentGet*, DocumentGetResponse, DocumentQuery*, DocumentQueryResponse, PatientPush, PatientQuery*, PatientQueryResponse, VisitPush, VisitQuery*, VisitQueryResponse
Device: New
Enrichment: NaturalLanguageProcessingQuery*, NaturalLanguageProcessingQueryResponse, NormalizationQuery*, NormalizationQueryResponse
Financial: AccountUpdate, Transaction
Flowsheet: New
Inventory: Deplete, Update
Media: Delete, New, Query*, QueryResponse, Replace
Medications: Administration, Cancel, New, Update
Notes: Delete, New, Query*, QueryResponse, Replace
Order: Cancel, GroupedOrders, New, Query*, QueryResponse, Update
Organization: New, Query*, QueryResponse, Update
PatientAdmin: Arrival, Cancel, CensusQuery*, CensusQueryResponse, Discharge, NewPatient, PatientMerge, PatientUpdate, PreAdmit, Registration, Transfer, VisitMerge, VisitQuery*, VisitQueryResponse, VisitUpdate
PatientEducation: Delete, New, Update
PatientSearch: LocationQuery*, LocationQueryResponse, Query*, Response
Provider: Activate, Deactivate, New, ProviderQuery*, ProviderQueryResponse, Update
Referral: AuthResponse, AuthReview, Cancel, Modify, New, Query*, QueryResponse
Research: Study, SubjectUpdate
Results: New, NewUnsolicited, Query*, QueryResponse
Scheduling: AvailableSlots*, AvailableSlotsResponse, Booked*, BookedResponse, Cancel, Modification, New, NoShow, PushSlots, Reschedule
SSO: Sign-on*
SurgicalScheduling: Cancel, Modification, New, NoShow, Reschedule
Vaccination: Administration, New, PatientQuery*, PatientQueryResponse
`
const PAIRS = DOCUMENTED.trim()
  .split('\n')
  .flatMap((line) => {
    const [model = '', events = ''] = line.split(': ')
    return events
      .split(', ')
      .map((event) => [model, event.replace('*', ''), event.endsWith('*')] as const)
  })

/** The destination's words: its digits and its own order, and a Meta that is not the caller's. */
let words: string
let server: TestServer
let hospital: Awaited<ReturnType<typeof startHttpUpstream>>
let token: string
let key: Awaited<ReturnType<typeof seedKey>>

beforeAll(async () => {
  hospital = await startHttpUpstream((_, response) => void response.end(words))
  server = await createTestServer({ LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' })
  key = await seedKey(server)
  const { accountId, sourceId } = key
  const input = { accountId, name: 'Hospital', url: hospital.url, development: true }
  const { id } = unwrap(await server.destinations.add(input))
  unwrap(await server.destinations.setVerified(id, true))
  unwrap(await server.subscriptions.create({ sourceId, destinationId: id }))
  key = { ...key, destinationId: id }
  const answer = await server.authenticate(key.apiKey, key.secret)
  token = ((await answer.json()) as { accessToken: string }).accessToken
})
afterAll(async () => {
  await server.close()
  hospital.close()
})

const send = (body: string) =>
  server.call('/endpoint', { body, headers: { Authorization: `Bearer ${token}` } })

test('the Redox documentation has 24 data models and 111 pairs', () => {
  expect(PAIRS).toHaveLength(111)
  expect(new Set(PAIRS.map(([model]) => model)).size).toBe(24)
  expect(PAIRS.filter(([, , synchronous]) => synchronous)).toHaveLength(22)
})

describe('the Redox endpoint', () => {
  test.each(PAIRS)(
    '%s:%s (synchronous: %s) is answered as documented',
    async (model, event, isQuery) => {
      words = '{"Found":[1]}'
      const { requests: seen } = hospital
      seen.splice(0)
      const message = {
        ...createDeviceNewMessage(key.destinationId, { DataModel: model, EventType: event }),
        Patient: { Identifiers: [{ ID: '1', IDType: 'MR' }] },
      }
      const answer = await send(JSON.stringify(message))
      expect(answer.status).toBe(200)
      const { Meta, ...found } = (await answer.json()) as Record<string, object>
      expect(Meta).toEqual({
        DataModel: model,
        EventType: event,
        Source: { ID: key.sourceId },
        Destinations: [{ ID: key.destinationId, Name: 'Hospital' }],
        Logs: [{ ID: expect.any(String), AttemptID: expect.any(String) }],
        Message: { ID: expect.any(Number) },
      })
      expect(found).toEqual(isQuery ? { Found: [1] } : {})
      expect(seen).toHaveLength(isQuery ? 1 : 0)
      const [queued] = await server.messages.list({ accountId: key.accountId, limit: 1 })
      const isStored = queued?.dataModel === model && queued.eventType === event
      expect(isStored).toBe(!isQuery)
    },
  )
})

describe('a Redox query passes to the destination and back unchanged, to the digit:', () => {
  const sendQuery = (payload: string) =>
    send(
      `{"Before": 12345678901234567890, "Meta" : {"DataModel":"PatientSearch","EventType":"Query",` +
        `"Destinations":[{"ID":"${key.destinationId}"}]} , ${payload}}`,
    )

  test('the request', async () => {
    words = ''
    hospital.requests.splice(0)
    const payload = '"Patient" : { "ID": 98765432109876543210, "Size": 1.10, "Name": "\\u00c4" }'
    expect((await sendQuery(payload)).status).toBe(200)
    const sent = String(hospital.requests[0]?.body)
    const start = '{"Before": 12345678901234567890, "Meta" : {"DataModel":'
    expect(sent.startsWith(start)).toBe(true)
    expect(sent.endsWith(`} , ${payload}}`)).toBe(true)
    expect(JSON.parse(sent).Meta).toMatchObject({
      EventType: 'Query',
      Source: { ID: key.sourceId, Name: 'Acme Source' },
    })
  })

  test.each([
    ['{"Patient":{"ID":98765432109876543210}}', '"Patient":{"ID":98765432109876543210},'],
    [
      '{ "2": 1.10, "Meta": {"EventType":"QueryResponse"}, "1": "\\u00c4" }',
      ' "2": 1.10, "1": "\\u00c4" ,',
    ],
    ['{"M\\u0065ta":{"EventType":"QueryResponse"}}', ''],
    ['{"Meta":{} , "a":1,"a":2}', ' "a":1,"a":2,'],
    ['\ufeff{"a":{"b":1,"b":2}}', '"a":{"b":1,"b":2},'],
    ['{}', ''],
    [' ', ''],
  ])('the result %s', async (found, written) => {
    words = found
    const answer = await sendQuery('"Patient":{}')
    expect(answer.status).toBe(200)
    const text = await answer.text()
    const meta = '"Meta":{"DataModel":"PatientSearch","EventType":"Query",'
    expect(text.startsWith(`{${written}${meta}`)).toBe(true)
    expect(Object.keys(JSON.parse(text)).at(-1)).toBe('Meta')
  })

  test.each([
    ['[]', 'it is not a JSON object'],
    ['"text"', 'it is not a JSON object'],
    ['null', 'it is not a JSON object'],
    ['{', 'the body is not valid JSON'],
    ['{"a":1}x', 'the body is not valid JSON'],
    ['{"Meta":{},"M\\u0065ta":{}}', '"M\\u0065ta" is there twice'],
    ['{"Meta":{"Extensions":{"a":1,"a":2}}}', '"a" is there twice'],
    [`{"Meta":{"a":"${'x'.repeat(70_000)}"}}`, 'Meta is longer than 65536 bytes'],
    [`[${'{},'.repeat(200_000)}{}]`, 'the body has more than 200,000 values'],
  ])('an invalid result is answered with 502 and the reason: %.40s', async (found, why) => {
    words = found
    const answer = await sendQuery('"Patient":{}')
    expect(answer.status).toBe(502)
    const { Meta } = (await answer.json()) as { Meta: { Errors: { Text: string }[] } }
    expect(Meta.Errors[0]?.Text).toBe(
      `The destination ${key.destinationId} did not answer as it should: of its answer, ${why}.`,
    )
  })
})
