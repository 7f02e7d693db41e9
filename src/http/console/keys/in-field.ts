import { fail } from '../../../domain/failure.ts'
import type { Refusal } from '../../../service/operator.ts'

/** The fields whose text is read before the service sees it. */
type ReadField = 'owner' | 'expires'

/** A refusal of what stands in one field. It is told there too, and the field has the focus. */
export const inField = (field: ReadField, refusal: Refusal) =>
  fail<Refusal & { readonly field: ReadField }>({ ...refusal, field })

export const errorIn = (field: ReadField, refusal: Refusal | null): string | undefined =>
  refusal !== null && 'field' in refusal && refusal.field === field ? refusal.message : undefined

/** Whether a field of the form is told to be wrong, and has the focus. */
export const isInField = (refusal: Refusal | null): boolean =>
  refusal !== null && 'field' in refusal
