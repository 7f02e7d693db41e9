import { createHash } from 'node:crypto'
import { PEOPLE } from './people.ts'

export interface Patient {
  readonly resourceType: 'Patient'
  readonly id: string
  readonly meta: { readonly versionId: string; readonly lastUpdated: string }
  readonly [element: string]: unknown
}

interface Name {
  readonly text?: string
  readonly family?: string
  readonly given?: readonly string[]
  readonly prefix?: readonly string[]
  readonly suffix?: readonly string[]
}

/** The patients of one site. Their ids are the site's own, so that another site's are found nowhere. */
export function openPatients(site: string) {
  const patients = new Map<string, Patient>()
  const prefix = createHash('sha256').update(site).digest('hex').slice(0, 8)
  for (const { number, given, family, sex, born } of PEOPLE) {
    const name = [{ use: 'official', family, given: [given] }]
    put({ id: `${prefix}-${number}`, name, gender: sex, birthDate: born })
  }

  /** Keeps it as its next version. */
  function put(elements: Readonly<Record<string, unknown>> & { readonly id: string }): Patient {
    const before = patients.get(elements.id)
    const meta = {
      versionId: String(Number(before?.meta.versionId ?? 0) + 1),
      lastUpdated: new Date().toISOString(),
    }
    const patient: Patient = { ...elements, resourceType: 'Patient', meta }
    patients.set(patient.id, patient)
    return patient
  }

  return {
    put,
    find: (id: string) => patients.get(id),
    /** Parameters that it does not know are ignored, as §3.1.1.3 lets a server do. */
    search: (wanted: URLSearchParams) =>
      [...patients.values()].filter((patient) =>
        [...wanted].every(([parameter, value]) => matches(patient, parameter, value)),
      ),
  }
}

function matches(patient: Patient, parameter: string, value: string): boolean {
  switch (parameter) {
    case '_id':
      return patient.id === value
    case 'birthdate':
      return patient.birthDate === value
    case 'family':
      return namesOf(patient).some(({ family }) => startsWith(family, value))
    case 'name':
      // Any part of a name (hl7.org/fhir/R4/patient.html#search).
      return namesOf(patient).some(({ text, family, given = [], prefix = [], suffix = [] }) =>
        [text, family, ...given, ...prefix, ...suffix].some((part) => startsWith(part, value)),
      )
    default:
      return true
  }
}

/** A string matches from its beginning, in any case; of several values, one is enough (§3.1.1.4.8). */
const startsWith = (part: string | undefined, value: string): boolean =>
  part !== undefined &&
  value.split(',').some((wanted) => part.toLowerCase().startsWith(wanted.toLowerCase()))

const namesOf = ({ name }: Patient): Name[] => (Array.isArray(name) ? name : [])
