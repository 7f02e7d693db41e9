import type { Hono } from 'hono'
import { beforeEach, describe, expect, test } from 'vitest'
import { createFhirUpstream } from '../../src/demo/upstreams/fhir.ts'

let fhir: Hono
beforeEach(() => {
  fhir = createFhirUpstream()
})

interface Resource {
  readonly resourceType: string
  readonly [element: string]: unknown
}

async function requestFhir(path: string, init: RequestInit = {}, site = 'site-1') {
  const headers = {
    'X-Latchkey-Site': site,
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'latchkey.example',
  }
  const answer = await fhir.request(path, { ...init, headers })
  expect(answer.headers.get('content-type')).toBe('application/fhir+json; charset=utf-8')
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Resource }
}

const send = (method: string, path: string, resource: unknown, site?: string) =>
  requestFhir(path, { method, body: JSON.stringify(resource) }, site)

const readEntries = ({ body }: { body: Resource }) =>
  body.entry as { fullUrl: string; resource: { id: string } }[]

const readIssue = ({ body }: { body: Resource }) => {
  expect(body.resourceType).toBe('OperationOutcome')
  return (body.issue as { severity: string; code: string }[])[0]
}

test('metadata describes the server', async () => {
  const { status, body } = await requestFhir('/fhir/metadata')
  expect(status).toBe(200)
  expect(body).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' })
})

test('a search answers a searchset whose links lead back through the proxy', async () => {
  const found = await requestFhir('/fhir/Patient?family=bix&_unknown=1')
  expect(found.body).toMatchObject({ resourceType: 'Bundle', type: 'searchset', total: 1 })
  const [entry] = readEntries(found)
  expect(entry?.fullUrl).toBe(`https://latchkey.example/fhir/Patient/${entry?.resource.id}`)
  expect(found.body.link).toEqual([
    { relation: 'self', url: 'https://latchkey.example/fhir/Patient?family=bix&_unknown=1' },
  ])
  const read = await requestFhir(`/fhir/Patient/${entry?.resource.id}`)
  expect(read.body).toEqual(entry?.resource)
  expect(read.headers.get('etag')).toBe('W/"1"')
})

test('a search finds by id and by birth date, all together', async () => {
  const [first] = readEntries(await requestFhir('/fhir/Patient?birthdate=2008-01-06'))
  const id = first?.resource.id
  expect(
    readEntries(await requestFhir(`/fhir/Patient?_id=${id}&birthdate=2008-01-06`)),
  ).toHaveLength(1)
  expect(readEntries(await requestFhir(`/fhir/Patient?_id=${id}&family=Cortez`))).toEqual([])
})

test('an unknown resource is a 404 with an OperationOutcome', async () => {
  for (const path of ['/fhir/Patient/none', '/fhir/Observation', '/elsewhere']) {
    const answer = await requestFhir(path)
    expect(answer.status).toBe(404)
    expect(readIssue(answer)).toMatchObject({ severity: 'error', code: 'not-found' })
  }
})

describe('what belongs to another site', () => {
  test('reads as not found, and is in no search', async () => {
    const ownPatient = readEntries(await requestFhir('/fhir/Patient'))
    const otherPatient = readEntries(await requestFhir('/fhir/Patient', {}, 'site-2'))
    for (const { resource } of ownPatient) {
      const answer = await requestFhir(`/fhir/Patient/${resource.id}`, {}, 'site-2')
      expect(answer.status).toBe(404)
      expect(otherPatient.map(({ resource: { id } }) => id)).not.toContain(resource.id)
    }
    expect(ownPatient.length).toBe(otherPatient.length)
  })

  test('is not changed by a PUT of the same id', async () => {
    const made = await send('POST', '/fhir/Patient', { resourceType: 'Patient', active: true })
    const { id } = made.body
    const other = { resourceType: 'Patient', id, active: false }
    expect((await send('PUT', `/fhir/Patient/${id}`, other, 'site-2')).status).toBe(201)
    expect((await requestFhir(`/fhir/Patient/${id}`)).body.active).toBe(true)
  })
})

test('a POST makes a patient with an id of the server’s own', async () => {
  const made = await send('POST', '/fhir/Patient', { resourceType: 'Patient', id: 'mine' })
  expect(made.status).toBe(201)
  const { id } = made.body
  expect(id).not.toBe('mine')
  expect(made.headers.get('location')).toBe(
    `https://latchkey.example/fhir/Patient/${id}/_history/1`,
  )
  expect((await requestFhir(`/fhir/Patient/${id}`)).body).toEqual(made.body)
})

test('a PUT makes the next version, or the first one', async () => {
  const patient = { resourceType: 'Patient', id: 'new', gender: 'female' }
  expect((await send('PUT', '/fhir/Patient/new', patient)).status).toBe(201)
  const repeat = await send('PUT', '/fhir/Patient/new', { ...patient, gender: 'other' })
  expect(repeat.status).toBe(200)
  expect(repeat.body).toMatchObject({ gender: 'other', meta: { versionId: '2' } })
  expect(repeat.headers.get('etag')).toBe('W/"2"')
})

test.each([
  ['POST', '/fhir/Patient', '{'],
  ['POST', '/fhir/Patient', 'null'],
  ['POST', '/fhir/Patient', '{"resourceType":"Observation"}'],
  ['PUT', '/fhir/Patient/a', '{"resourceType":"Patient"}'],
  ['PUT', '/fhir/Patient/a', '{"resourceType":"Patient","id":"b"}'],
])('%s %s of %s is refused', async (method, path, body) => {
  const answer = await requestFhir(path, { method, body })
  expect(answer.status).toBe(400)
  expect(readIssue(answer)).toMatchObject({ code: 'invalid' })
})

test.each(['bix', 'TIM', 'nobody,Tim'])(
  'a search finds by any part of a name: %s',
  async (name) => {
    expect(readEntries(await requestFhir(`/fhir/Patient?name=${name}`))).toHaveLength(1)
    expect(readEntries(await requestFhir('/fhir/Patient?name=nobody'))).toHaveLength(0)
  },
)

test('a search may be a form, whose parameters are added to those of the query', async () => {
  const buildForm = (body: string) =>
    requestFhir('/fhir/Patient/_search?name=bix', { method: 'POST', body })
  expect(readEntries(await buildForm('birthdate=2008-01-06'))).toHaveLength(1)
  expect(readEntries(await buildForm('birthdate=1971-11-30'))).toHaveLength(0)
})

const put = (id: string, resource: object = { resourceType: 'Patient', id }) => ({
  resource,
  request: { method: 'PUT', url: `Patient/${id}` },
})
const buildBundle = (type: string, ...entry: object[]) =>
  send('POST', '/fhir', { resourceType: 'Bundle', type, entry })

test('a transaction creates, updates, reads and searches', async () => {
  const { status, body } = await buildBundle(
    'transaction',
    put('t1'),
    { resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } },
    { request: { method: 'GET', url: 'Patient?family=bix' } },
  )
  expect(status).toBe(200)
  expect(body).toMatchObject({
    type: 'transaction-response',
    entry: [
      { resource: { id: 't1' }, response: { status: '201' } },
      { response: { status: '201' } },
      { resource: { type: 'searchset', total: 1 }, response: { status: '200' } },
    ],
  })
  expect((await requestFhir('/fhir/Patient/t1')).status).toBe(200)
})

test('of a transaction with a bad entry nothing is kept; of a batch all but that', async () => {
  const bad = put('t3', { resourceType: 'Patient', id: 'other' })
  expect((await buildBundle('transaction', put('t2'), bad)).status).toBe(400)
  expect((await requestFhir('/fhir/Patient/t2')).status).toBe(404)
  expect((await buildBundle('batch', put('t2'), bad)).body).toMatchObject({
    entry: [{ response: { status: '201' } }, { response: { status: '400' } }],
  })
  expect((await requestFhir('/fhir/Patient/t2')).status).toBe(200)
  expect((await buildBundle('document')).status).toBe(400)
})
