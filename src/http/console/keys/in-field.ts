import { fail } from '../../../domain/failure.ts'
import type { Refusal } from '../../../service/operator.ts'

/** The fields whose text is read before the service sees it. */
type ReadField = 'owner' | 'expires'

/** A refusal of what stands in one field. It is told there too, and the field has the focus. */
export const inField = (field: ReadField, refusal: Refusal) =>
  fail<Refusal & { readonly field: ReadField }>({ ...refusal, field })

export const errorIn = (field: ReadField, refusal: Refusal | null): string | undefined =>
  refusal !== null && 'field' in refusal && refusal.field === field ? refusal.message : undefined

/** Where a form begins, unless one of its fields is told to be wrong. */
export const beginsAnew = (refusal: Refusal | null): boolean =>
  refusal === null || !('field' in refusal)
