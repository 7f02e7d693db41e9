import type { Failure } from '../../domain/failure.ts'
import { type FoundValue, findMember, watchElements, watchMember } from '../json-scan.ts'
import type { Meta } from './meta.ts'

const ID_WATCH = watchMember('ID')

/** The parts of a message that `findMissing` reads. */
export const PAYLOAD_WATCHES = [
  watchMember('Device', [ID_WATCH]),
  watchMember('Patient', [watchElements('Identifiers', [ID_WATCH, watchMember('IDType')])]),
]

/**
 * What the published schemas require beside `Meta`. It is little: the id of a new device, and of each
 * patient's identifier that it says what it identifies. Unknown fields are allowed everywhere.
 */
export function findMissing(message: FoundValue, { DataModel, EventType }: Meta): Failure | null {
  if (DataModel === 'Device' && EventType === 'New' && !has(findMember(message, 'Device'), 'ID')) {
    return { reason: 'field_missing', field: 'Device.ID' }
  }
  const identifiers = findMember(findMember(message, 'Patient'), 'Identifiers')
  for (const [n, identifier] of identifiers?.elements.entries() ?? []) {
    for (const name of ['ID', 'IDType']) {
      if (has(identifier, name)) continue
      return { reason: 'field_missing', field: `Patient.Identifiers[${n}].${name}` }
    }
  }
  return null
}

function has(value: FoundValue | undefined, name: string): boolean {
  const found = findMember(value, name)
  return found !== undefined && found.kind !== 'nothing'
}
