import { ok } from '../../../domain/failure.ts'
import { type Done, invalid, type Refusal } from '../../../service/operator.ts'
import { field } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { day } from '../parts/time.ts'
import { errorIn } from './in-field.ts'

/** Keys expire at the beginning of a day. */
export function expiryField(value: string, refusal: Refusal | null): Html {
  const error = errorIn('expires', refusal)
  return field({
    name: 'expires',
    label: 'Expires on',
    type: 'date',
    value,
    hint: 'Refused from the beginning of this day (UTC) on. Empty: it never expires.',
    error,
    autofocus: error !== undefined,
  })
}

/** Null for never. A day that was not changed leaves the moment as it is. */
export function readExpiry(typed: string, before: number | null = null): Done<number | null> {
  if (typed === '') return ok(null)
  if (before !== null && typed === day(before)) return ok(before)
  const at = /^\d{4}-\d{2}-\d{2}$/.test(typed) ? Date.parse(`${typed}T00:00:00Z`) : Number.NaN
  return Number.isNaN(at) ? invalid(`${JSON.stringify(typed)} is no day: write 2027-01-31`) : ok(at)
}
