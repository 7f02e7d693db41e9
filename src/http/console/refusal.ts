import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { conflict, type Done, type Refusal } from '../../service/operator.ts'
import { text, type Visit } from './visit.ts'

const STATUS = {
  invalid: 422,
  not_found: 404,
  conflict: 409,
  forbidden: 403,
  busy: 503,
} as const satisfies Record<Refusal['problem'], ContentfulStatusCode>

/** The page that says why nothing was done. */
export const statusOf = (refusal: Refusal | null): ContentfulStatusCode =>
  refusal === null ? 200 : STATUS[refusal.problem]

export const messageOf = (refusal: Refusal | null): string | null => refusal?.message ?? null

/**
 * Changes one text of a row. A form says what its sender has seen of it: where somebody else was faster,
 * he is told both, and nothing is changed.
 */
export async function changeSeen<Row, Changed>(
  visit: Visit,
  now: Done<Row>,
  {
    textOf,
    wished,
    change,
  }: {
    readonly textOf: (row: Row) => string
    readonly wished: string
    readonly change: () => Promise<Done<Changed>>
  },
): Promise<Done<Changed>> {
  if (!now.ok) return now
  const is = textOf(now.value)
  return is === text(visit, 'seen') || is === wished
    ? change()
    : conflict(
        `somebody has changed it meanwhile: it is “${is}” now, and you typed “${wished}”. Send the form again to have yours`,
      )
}
