import { createHash } from 'node:crypto'
import { PEOPLE } from './people.ts'

export interface Patient {
  readonly resourceType: 'Patient'
  readonly id: string
  readonly meta: { readonly versionId: string; readonly lastUpdated: string }
  readonly [element: string]: unknown
}

interface Name {
  readonly family?: string
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
      // A string matches from its beginning, in any case (§3.1.1.4.8).
      return namesOf(patient).some(({ family }) =>
        String(family).toLowerCase().startsWith(value.toLowerCase()),
      )
    default:
      return true
  }
}

const namesOf = ({ name }: Patient): Name[] => (Array.isArray(name) ? name : [])
