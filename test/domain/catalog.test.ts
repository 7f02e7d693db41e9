import { describe, expect, test } from 'vitest'
import { DATA_MODELS, findEventKind, isDataModel } from '../../src/domain/catalog.ts'

const pairs = DATA_MODELS.flatMap(({ dataModel, events }) =>
  events.map(({ eventType, kind }) => ({ dataModel, eventType, kind })),
)

const synchronous = [
  ['Clinical Decisions', 'Request'],
  ['Clinical Summary', 'DocumentGet'],
  ['Clinical Summary', 'DocumentQuery'],
  ['Clinical Summary', 'PatientQuery'],
  ['Clinical Summary', 'VisitQuery'],
  ['Enrichment', 'NaturalLanguageProcessingQuery'],
  ['Enrichment', 'NormalizationQuery'],
  ['Media', 'Query'],
  ['Notes', 'Query'],
  ['Order', 'Query'],
  ['Organization', 'Query'],
  ['PatientAdmin', 'CensusQuery'],
  ['PatientAdmin', 'VisitQuery'],
  ['PatientSearch', 'LocationQuery'],
  ['PatientSearch', 'Query'],
  ['Provider', 'ProviderQuery'],
  ['Referral', 'Query'],
  ['Results', 'Query'],
  ['Scheduling', 'AvailableSlots'],
  ['Scheduling', 'Booked'],
  ['SSO', 'Sign-on'],
  ['Vaccination', 'PatientQuery'],
]

const prototypeNames = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'get', 'size']

describe('the catalogue', () => {
  test('has 24 data models and 111 pairs, none of them twice', () => {
    expect(new Set(DATA_MODELS.map(({ dataModel }) => dataModel)).size).toBe(24)
    expect(DATA_MODELS.length).toBe(24)
    expect(new Set(pairs.map((pair) => `${pair.dataModel}:${pair.eventType}`)).size).toBe(111)
    expect(pairs.length).toBe(111)
  })

  test('has clean names: no mark, comma or stray space is left in one', () => {
    for (const { dataModel, eventType } of pairs) {
      expect(dataModel).toMatch(/^[A-Za-z]+( [A-Za-z]+)?$/)
      expect(eventType).toMatch(/^[A-Za-z]+(-on)?$/)
    }
  })

  test('knows every model and every pair that it lists', () => {
    for (const { dataModel, eventType, kind } of pairs) {
      expect(isDataModel(dataModel)).toBe(true)
      expect(findEventKind(dataModel, eventType)).toBe(kind)
    }
  })
})

describe('an event', () => {
  test('is synchronous in exactly these pairs', () => {
    const listed = pairs.filter(({ kind }) => kind === 'synchronous')
    expect(listed.map(({ dataModel, eventType }) => [dataModel, eventType])).toEqual(synchronous)
  })

  test('that answers or pushes is asynchronous', () => {
    expect(findEventKind('Scheduling', 'BookedResponse')).toBe('asynchronous')
    expect(findEventKind('PatientSearch', 'Response')).toBe('asynchronous')
    expect(findEventKind('Clinical Summary', 'PatientPush')).toBe('asynchronous')
    expect(findEventKind('PatientAdmin', 'NewPatient')).toBe('asynchronous')
  })

  test('of one model is not an event of another', () => {
    expect(findEventKind('Device', 'Query')).toBeNull()
    expect(findEventKind('SSO', 'New')).toBeNull()
  })
})

describe('a name', () => {
  test('in another case or with a space more or less is not in the catalogue', () => {
    for (const name of [
      'patientadmin',
      'PATIENTADMIN',
      'ClinicalSummary',
      ' Order',
      'Order ',
      '',
    ]) {
      expect(isDataModel(name)).toBe(false)
      expect(findEventKind(name, 'New')).toBeNull()
    }
    for (const name of ['newpatient', 'CensusQuery*', 'CensusQuery ', '']) {
      expect(findEventKind('PatientAdmin', name)).toBeNull()
    }
  })

  test.each(prototypeNames)('that every object has, %s, is not in the catalogue', (name) => {
    expect(isDataModel(name)).toBe(false)
    expect(findEventKind(name, 'New')).toBeNull()
    expect(findEventKind(name, name)).toBeNull()
    expect(findEventKind('Order', name)).toBeNull()
  })
})
