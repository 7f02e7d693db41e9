import type { Failure } from '../../domain/failure.ts'
import type { Meta } from './meta.ts'

/**
 * What the published schemas require beside `Meta`. It is little: the id of a new device, and of each
 * patient's identifier that it says what it identifies. Unknown fields are allowed everywhere.
 */
export function missingFrom(message: unknown, { DataModel, EventType }: Meta): Failure | null {
  const { Device, Patient } = message as { Device?: unknown; Patient?: unknown }
  if (DataModel === 'Device' && EventType === 'New' && !has(Device, 'ID')) {
    return { reason: 'field_missing', field: 'Device.ID' }
  }
  const identifiers = (Patient as { Identifiers?: unknown } | null | undefined)?.Identifiers
  if (!Array.isArray(identifiers)) return null
  for (const [n, identifier] of identifiers.entries()) {
    for (const name of ['ID', 'IDType']) {
      if (has(identifier, name)) continue
      return { reason: 'field_missing', field: `Patient.Identifiers[${n}].${name}` }
    }
  }
  return null
}

function has(value: unknown, name: string): boolean {
  if (typeof value !== 'object' || value === null) return false
  const found: unknown = Reflect.get(value, name)
  return found !== undefined && found !== null && found !== ''
}
