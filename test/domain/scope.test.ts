import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createFhirGrant,
  FHIR_LETTERS,
  grantScopes,
  isScope,
  isSystemScope,
  listAdminPermissions,
  splitScopes,
} from '../../src/domain/scope.ts'

const grant = (requested: string | null, registered: string, allowsSystem = true) =>
  grantScopes(requested, registered.split(' '), { allowsSystem }).join(' ')

describe('a scope', () => {
  test.each([
    'fhir:development',
    'fhir:staging',
    'fhir:production',
    'introspect',
    'admin:keys.read',
    'admin:ip_allowlist.write',
    'system/Patient.read',
    'system/Patient.write',
    'system/Patient.*',
    'system/*.read',
    'system/*.cruds',
    'system/Observation.rs',
    'system/Observation.s',
  ])('can be registered: %s', (scope) => expect(isScope(scope)).toBe(true))

  test.each([
    '',
    'fhir:test',
    'fhir:Production',
    'admin:keys.everything',
    'admin:',
    'openid',
    'offline_access',
    'launch',
    'patient/Patient.rs',
    'user/Patient.rs',
    'system/Patient',
    'system/Patient.',
    'system/Patient.sr',
    'system/Patient.rr',
    'system/Patient.reads',
    'system/patient.rs',
    'system/.rs',
    'system/**.rs',
    'system/Patient.rs?status=active',
    'system/Observation.rs?category=laboratory',
    'system/Patient.rs\n',
    'System/Patient.rs',
    'system/Patient/1.rs',
  ])('can not be registered: %j', (scope) => expect(isScope(scope)).toBe(false))
})

describe('granting scopes', () => {
  test.each([
    ['everything registered if nothing is requested', null, 'fhir:production introspect'],
    ['everything registered, once', null, 'introspect introspect', 'introspect'],
    ['what is requested', 'introspect', 'fhir:production introspect', 'introspect'],
    ['the registered part', 'fhir:production fhir:staging', 'fhir:staging', 'fhir:staging'],
    ['nothing for an empty request', '', 'introspect', ''],
    ['repeated scopes once', 'introspect introspect', 'introspect', 'introspect'],
    ['v1 as asked', 'system/Patient.read', 'system/Patient.rs', 'system/Patient.read'],
    ['v2 as asked', 'system/Patient.rs', 'system/Patient.read', 'system/Patient.rs'],
    ['one type of all', 'system/Patient.rs', 'system/*.cruds', 'system/Patient.rs'],
    ['fewer letters', 'system/Patient.cruds', 'system/Patient.rs', 'system/Patient.rs'],
    ['fewer letters, in v1', 'system/Patient.*', 'system/Patient.rs', 'system/Patient.read'],
    ['letters without a v1 name', 'system/Patient.*', 'system/Patient.r', 'system/Patient.r'],
    [
      'letters of several registered scopes',
      'system/Patient.cruds',
      'system/Patient.rs system/*.c',
      'system/Patient.crs',
    ],
    [
      'single types of all',
      'system/*.rs',
      'system/Patient.cruds system/Observation.read',
      'system/Observation.rs system/Patient.rs',
    ],
    [
      'all types, and more of one',
      'system/*.cruds',
      'system/*.s system/Patient.r',
      'system/*.s system/Patient.rs',
    ],
    ['no other type', 'system/Observation.rs', 'system/Patient.rs', ''],
    ['no scope with a query', 'system/Patient.rs?x=y', 'system/Patient.rs', ''],
    ['no registered scope with a query', null, 'system/Patient.rs?x=y introspect', 'introspect'],
    ['no patient or user context', 'patient/*.rs user/*.rs', 'system/*.rs', ''],
    ['administration only as registered', 'admin:keys.write', 'admin:keys.read', ''],
    ['nothing unknown', 'openid launch', 'introspect', ''],
  ])('grants %s', (_, requested, registered, expected = registered) =>
    expect(grant(requested, registered)).toBe(expected),
  )

  test('grants no system scope to a client without a key pair', () => {
    const registered = 'fhir:production system/*.cruds'
    expect(grant(null, registered, false)).toBe('fhir:production')
    expect(grant('system/Patient.rs', registered, false)).toBe('')
  })

  const anyType = fc.constantFrom('*', 'Patient', 'Observation', 'Practitioner')
  const anySystemScope = fc
    .tuple(
      anyType,
      fc.oneof(
        fc.subarray([...FHIR_LETTERS], { minLength: 1 }).map((l) => l.join('')),
        fc.constantFrom('read', 'write', '*'),
      ),
    )
    .map(([type, letters]) => `system/${type}.${letters}`)
  const anyScope = fc.oneof(
    anySystemScope,
    anySystemScope.map((scope) => `${scope}?a=b`),
    fc.constantFrom('fhir:production', 'introspect', 'admin:keys.read', 'openid'),
    fc.string(),
  )

  test('never grants more than is registered, nor more than is requested', () => {
    fc.assert(
      fc.property(fc.array(anyScope), fc.array(anyScope), (asked, registered) => {
        const requested = asked.join(' ')
        const granted = grantScopes(requested, registered, { allowsSystem: true })
        const [given, wanted, most] = [granted, splitScopes(requested), registered].map(
          createFhirGrant,
        )
        for (const type of ['*', 'Patient', 'Observation', 'Encounter']) {
          for (const letter of FHIR_LETTERS) {
            const expected = wanted?.allows(type, letter) && most?.allows(type, letter)
            expect([type, letter, given?.allows(type, letter)]).toEqual([type, letter, expected])
          }
        }
        for (const scope of granted) {
          expect(isScope(scope)).toBe(true)
          if (!isSystemScope(scope)) expect(registered).toContain(scope)
        }
      }),
    )
  })
})

test('the scope of one type does not open all, and many single ones do not either', () => {
  const single = createFhirGrant(['system/Patient.rs', 'system/Observation.rs'])
  expect(single.allows('Patient', 'r')).toBe(true)
  expect(single.allows('Patient', 'u')).toBe(false)
  expect(single.allows('*', 'r')).toBe(false)
  expect(createFhirGrant(['system/*.rs']).allows('Encounter', 's')).toBe(true)
})

test('administration scopes stand for the permissions of the same names', () => {
  expect(listAdminPermissions(['admin:keys.read', 'introspect', 'admin:nothing'])).toEqual([
    'keys.read',
  ])
})
