import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type FhirRequest,
  formatFhirNeeds,
  listFhirNeeds,
  listMissingFhirNeeds,
} from '../../src/domain/fhir-access.ts'
import { createFhirGrant, FHIR_LETTERS } from '../../src/domain/scope.ts'

/** Writes a request as "GET /Patient/1?x=y", with the body of a form after a blank. */
function toRequest(line: string, headers: Record<string, string> = {}): FhirRequest {
  const [method = '', target = '', form = null] = line.split(' ')
  const [path = '', ...query] = target.split('?')
  return {
    method,
    path,
    query: query.join('?'),
    form: form === '-' ? '' : form,
    getHeader: (name) => headers[name] ?? null,
  }
}
const needs = (line: string, headers?: Record<string, string>) =>
  formatFhirNeeds(listFhirNeeds(toRequest(line, headers)))
const ALL = 'system/*.cruds'
const ANY = 'system/*.s'

describe('a request needs', () => {
  test.each([
    // One resource.
    ['GET /Patient/1', 'system/Patient.r'],
    ['HEAD /Patient/1', 'system/Patient.r'],
    ['GET /Patient/1/', 'system/Patient.r'],
    ['GET /Patient/1/_history', 'system/Patient.r'],
    ['GET /Patient/1/_history/2', 'system/Patient.r'],
    ['GET /Binary/1', 'system/Binary.r'],
    ['PUT /Patient/1', 'system/Patient.u'],
    ['PATCH /Patient/1', 'system/Patient.u'],
    ['DELETE /Patient/1', 'system/Patient.d'],
    ['DELETE /Patient/1/_history', 'system/Patient.d'],
    ['DELETE /Patient/1/_history/2', 'system/Patient.d'],
    ['POST /Patient/1', ALL],
    ['PUT /Patient/1/_history/2', ALL],
    ['GET /Patient/1/_history/2/3', ALL],
    // One type.
    ['GET /Patient', 'system/Patient.s'],
    ['HEAD /Patient', 'system/Patient.s'],
    ['GET /Patient?name=x&_count=1&_summary=count&_elements=id', 'system/Patient.s'],
    ['POST /Patient/_search name=x', 'system/Patient.s'],
    ['POST /Patient/_search -', 'system/Patient.s'],
    ['GET /Patient/_search?name=x', 'system/Patient.s'],
    ['GET /Patient/_history', 'system/Patient.rs'],
    ['POST /Patient', 'system/Patient.c'],
    ['POST /Bundle', 'system/Bundle.c'],
    ['POST /Binary', 'system/Binary.c'],
    ['PUT /Patient/_search', ALL],
    ['POST /Patient/_history', ALL],
    // Conditional: the condition is a search.
    ['PUT /Patient?identifier=1', 'system/Patient.us'],
    ['PATCH /Patient?identifier=1', 'system/Patient.us'],
    ['DELETE /Patient?identifier=1', 'system/Patient.ds'],
    ['DELETE /Observation?subject:Patient.name=x', 'system/Observation.ds system/Patient.s'],
    // The whole server.
    ['GET /metadata', ''],
    ['HEAD /metadata', ''],
    ['POST /metadata', ALL],
    ['GET /metadata/x', ALL],
    ['POST /', ALL],
    ['POST ', ALL],
    ['PUT /', ALL],
    ['GET /', ANY],
    ['GET ?_type=Patient', ANY],
    ['GET ?_getpages=1', ANY],
    ['GET /_search?_type=Patient', ANY],
    ['POST /_search _type=Patient', ANY],
    ['GET /_history', 'system/*.rs'],
    ['DELETE /_history', ALL],
    // Compartments.
    ['GET /Patient/1/Observation', 'system/Patient.s system/Observation.s'],
    ['GET /Patient/1/Observation?code=x', 'system/Patient.s system/Observation.s'],
    ['POST /Patient/1/Observation/_search -', 'system/Patient.s system/Observation.s'],
    ['GET /Patient/1/*', 'system/Patient.s system/*.s'],
    ['POST /Patient/1/Observation', ALL],
    ['GET /Patient/1/Observation/2', ALL],
    // Operations.
    ['GET /$export', ALL],
    ['POST /$graphql', ALL],
    ['GET /Patient/$export', ALL],
    ['GET /Patient/1/$everything', ALL],
    ['GET /Patient/1/%24everything', ALL],
    ['POST /Patient/$match', ALL],
    ['POST /Observation/_search/$x -', ALL],
    ['GET /Observation/1/_history/$x', ALL],
    // Included resources.
    ['GET /Patient?_revinclude=Observation:patient', 'system/Patient.s system/Observation.s'],
    [
      'GET /Patient?_revinclude:iterate=Observation:patient',
      'system/Patient.s system/Observation.s',
    ],
    ['GET /Patient?%5Frevinclude=Observation%3Apatient', 'system/Patient.s system/Observation.s'],
    ['GET /Patient?_REVINCLUDE=Observation:patient', 'system/Patient.s system/Observation.s'],
    ['GET /Patient?x=1;_revinclude=Observation:patient', 'system/Patient.s system/Observation.s'],
    ['GET /Patient/1?_revinclude=Observation:patient', 'system/Patient.r system/Observation.s'],
    ['GET /Patient?_revinclude=Provenance:*', 'system/Patient.s system/Provenance.s'],
    [
      'GET /Patient?_revinclude=Observation:patient:Patient',
      'system/Patient.s system/Observation.s',
    ],
    ['GET /Patient?_revinclude=*', 'system/Patient.s system/*.s'],
    ['GET /Patient?_revinclude=Observation', 'system/Patient.s system/*.s'],
    ['GET /Patient?_revinclude=Observation:patient,*', 'system/Patient.s system/*.s'],
    [
      'GET /Patient?_revinclude=Observation:patient,Condition:patient',
      'system/Patient.s system/*.s',
    ],
    ['GET /Observation?_include=Observation:patient', 'system/Observation.s system/Patient.s'],
    [
      'GET /Observation?_include=Observation:subject:Patient',
      'system/Observation.s system/Patient.s',
    ],
    ['GET /Observation?_include=Observation:subject', 'system/Observation.s system/*.s'],
    ['GET /Observation?_include=Observation:*', 'system/Observation.s system/*.s'],
    ['GET /Observation?_include=*', 'system/Observation.s system/*.s'],
    ['GET /Observation?_include=Observation.subject', 'system/Observation.s system/*.s'],
    ['GET /Observation?_include=%zz', 'system/Observation.s system/*.s'],
    [
      'POST /Observation/_search _include=Observation:patient',
      'system/Observation.s system/Patient.s',
    ],
    [
      'POST /Observation/_search?_include=Observation:patient -',
      'system/Observation.s system/Patient.s',
    ],
    // Chains.
    ['GET /Observation?patient.name=x', 'system/Observation.s system/Patient.s'],
    ['GET /Observation?subject:Patient.name=x', 'system/Observation.s system/Patient.s'],
    ['GET /Observation?subject.name=x', 'system/Observation.s system/*.s'],
    [
      'GET /Observation?patient.organization.name=x',
      'system/Observation.s system/Patient.s system/*.s',
    ],
    [
      'GET /Observation?subject:Patient.general-practitioner:Practitioner.name=x',
      'system/Observation.s system/Patient.s system/Practitioner.s',
    ],
    ['GET /Observation?subject%3APatient%2Ename=x', 'system/Observation.s system/Patient.s'],
    ['GET /Observation?subject%253APatient%252Ename=x', 'system/Observation.s system/*.s'],
    ['GET /Observation?subject:Patient=1', 'system/Observation.s'],
    ['GET /Observation?subject:identifier=1', 'system/Observation.s'],
    ['GET /Patient?_has:Observation:patient:code=x', 'system/Patient.s system/Observation.s'],
    [
      'GET /Patient?_has:Observation:patient:_has:AuditEvent:entity:agent=x',
      'system/Patient.s system/Observation.s system/AuditEvent.s',
    ],
    [
      'GET /Patient?_has:Observation:patient:performer:Practitioner.name=x',
      'system/Patient.s system/Observation.s system/Practitioner.s',
    ],
    [
      'GET /Patient?_has:Observation:patient:performer.name=x',
      'system/Patient.s system/Observation.s system/*.s',
    ],
    ['GET /Patient?_has:Observation=x', 'system/Patient.s system/*.s'],
    ['GET /Encounter?patient._has:Observation:patient:code=x', 'system/Encounter.s system/*.s'],
    // Other parameters that look elsewhere.
    ['GET /Patient?_list=1', 'system/Patient.s system/List.s'],
    ['GET /Patient?_in=Group/1', 'system/Patient.s system/*.s'],
    ['GET /Patient?_assoc=organization', 'system/Patient.s system/*.s'],
    ['GET /Patient?%5Fwith=organization', 'system/Patient.s system/*.s'],
    ['GET /Patient?_id=1&_lastUpdated=gt2026&_tag:not=x&_format=json&_page=2', 'system/Patient.s'],
    ['GET /Patient?_filter=name+eq+x', 'system/Patient.s system/*.s'],
    ['GET /Patient?_contained=true', 'system/Patient.s system/*.s'],
    ['GET /Patient?_contained=false', 'system/Patient.s'],
    ['GET /Observation?_sort=-patient.name', 'system/Observation.s system/*.s'],
    ['GET /Observation?_sort=-date', 'system/Observation.s'],
    ['GET /Patient?_query=custom', 'system/Patient.s system/*.cruds'],
    ['DELETE /Patient/1?_cascade=delete', 'system/Patient.d system/*.cruds'],
    ['GET /Patient/1?_method=DELETE', 'system/Patient.r system/*.cruds'],
    ['GET /Patient?na+me=x', 'system/Patient.s system/*.s'],
    ['GET /Patient?%zz=x', 'system/Patient.s system/*.s'],
    // A request that is not understood needs everything.
    ['GET /patient/1', ALL],
    ['GET //Patient/1', ALL],
    ['GET /Patient//1', ALL],
    ['GET /Patient/..', ALL],
    ['GET /Patient/%2e%2e', ALL],
    ['GET /Patient/1;x=y', ALL],
    ['GET /Patient%2F1', ALL],
    ['GET /Patient%252F1', ALL],
    ['GET /Patient\\1', ALL],
    ['GET /Patient/%zz', ALL],
    ['GET /Patient/_unknown', ALL],
    ['GET /.well-known/smart-configuration', ALL],
    ['OPTIONS /Patient', ALL],
    ['get /Patient/1', ALL],
    ['PURGE /Patient/1', ALL],
  ])('%s: %s', (line, expected) => {
    expect(needs(line)).toBe(expected)
  })

  test('to search, for a create that has a condition', () => {
    const condition = (value: string) => needs('POST /Patient', { 'if-none-exist': value })
    expect(condition('identifier=1')).toBe('system/Patient.cs')
    expect(condition('Patient?organization:Organization.name=x')).toBe(
      'system/Patient.cs system/Organization.s',
    )
  })

  test.each([
    'application/x-www-form-urlencoded; charset=utf-8',
    'multipart/form-data; boundary=x',
    'application/fhir+json, application/x-www-form-urlencoded',
  ])('everything, for a create whose body is %s', (type) => {
    const headers = { 'content-type': type }
    expect(needs('POST /Patient', headers)).toBe('system/Patient.c system/*.cruds')
    expect(needs('POST /Patient/_search name=x', headers)).toBe('system/Patient.s')
  })

  test('everything, for a delete that cascades', () => {
    expect(needs('DELETE /Patient/1', { 'x-cascade': 'delete' })).toBe(
      'system/Patient.d system/*.cruds',
    )
  })

  test('all types, for a search by POST whose body was not read', () => {
    expect(needs('POST /Patient/_search')).toBe('system/Patient.s system/*.s')
  })
})

describe('granted scopes', () => {
  const isAllowed = (scopes: string, line: string) =>
    listMissingFhirNeeds(createFhirGrant(scopes.split(' ')), toRequest(line)).length === 0

  /** A request for each letter, of one type. */
  const REQUESTS = {
    c: ['POST /Patient'],
    r: [
      'GET /Patient/1',
      'HEAD /Patient/1',
      'GET /Patient/1/_history',
      'GET /Patient/1/_history/2',
    ],
    u: ['PUT /Patient/1', 'PATCH /Patient/1'],
    d: ['DELETE /Patient/1'],
    s: ['GET /Patient?name=x', 'POST /Patient/_search name=x'],
  }
  const cases = [
    ['system/Patient.read', 'rs'],
    ['system/Patient.write', 'cud'],
    ['system/Patient.*', 'cruds'],
    ['system/*.read', 'rs'],
    ['system/*.cruds', 'cruds'],
    ...FHIR_LETTERS.map((letter) => [`system/Patient.${letter}`, letter]),
    ...FHIR_LETTERS.map((letter) => [`system/*.${letter}`, letter]),
    ['system/Observation.cruds', ''],
    ['fhir:production introspect admin:keys.read', ''],
    ['patient/Patient.rs user/Patient.cruds', ''],
    ['system/Patient.rs?name=x', ''],
    ['', ''],
  ] as [string, string][]
  test.each(cases)('%j open the interactions %j of a type, and no other', (scopes, letters) => {
    for (const [letter, lines] of Object.entries(REQUESTS)) {
      for (const line of lines) {
        expect([line, isAllowed(scopes, line)]).toEqual([line, letters.includes(letter)])
      }
    }
    expect(isAllowed(scopes, 'GET /metadata')).toBe(true)
  })

  // A client with system/Patient.cruds must not reach these.
  test.each([
    'GET /Patient?_revinclude=Observation:patient',
    'GET /Patient/1?_revinclude=Observation:patient',
    'GET /Patient?_include=Patient:organization',
    'GET /Patient?_include=*',
    'GET /Patient?organization.name=x',
    'GET /Patient?_has:Observation:patient:code=x',
    'POST /Patient/_search _revinclude=Observation:patient',
    'GET /Patient/1/Observation',
    'GET /Patient/1/*',
    'GET /Patient/1/$everything',
    'GET /Patient/$export',
    'GET ?_type=Observation',
    'GET /_history',
    'POST /',
    'GET /Observation/1',
    'GET /observation/1',
    'DELETE /Patient/1?_cascade=delete',
  ])('of one type do not open %s', (line) => {
    expect(isAllowed('system/Patient.cruds', line)).toBe(false)
    expect(isAllowed('system/*.cruds', line)).toBe(true)
  })

  test('open a batch, a transaction or an operation only together', () => {
    for (const letter of FHIR_LETTERS) {
      const others = FHIR_LETTERS.filter((each) => each !== letter).join('')
      for (const line of ['POST /', 'GET /$export', 'POST /Patient/$match']) {
        expect(isAllowed(`system/*.${others}`, line)).toBe(false)
      }
    }
  })
})

test('every request is judged without an error, and only metadata needs nothing', () => {
  const part = fc.constantFrom('Patient', '1', '_history', '_search', '$op', '*', '..', '%2e', '')
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS')
  fc.assert(
    fc.property(
      method,
      fc.array(fc.oneof(part, fc.string())),
      fc.string(),
      (verb, parts, query) => {
        const path = `/${parts.join('/')}`
        fc.pre(!/^\/metadata\/?$/.test(path))
        const request = { method: verb, path, query, form: query, getHeader: () => null }
        expect(listFhirNeeds(request)).not.toEqual([])
      },
    ),
  )
})
