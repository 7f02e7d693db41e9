import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { conflict, type Done, type Refusal } from '../../service/operator.ts'
import { text, type Visit } from './visit.ts'

const STATUS = {
  invalid: 422,
  not_found: 404,
  conflict: 409,
  forbidden: 403,
} as const satisfies Record<Refusal['problem'], ContentfulStatusCode>

/** The page that says why nothing was done. */
export const statusOf = (refusal: Refusal | null): ContentfulStatusCode =>
  refusal === null ? 200 : STATUS[refusal.problem]

export const messageOf = (refusal: Refusal | null): string | null => refusal?.message ?? null

/** A form says what its sender has seen: where somebody else was faster, he is told both. */
export function unlessChanged<T>(visit: Visit, now: Done<T>, is: string, wished: string): Done<T> {
  return !now.ok || is === text(visit, 'seen') || is === wished
    ? now
    : conflict(
        `somebody has changed it meanwhile: it is “${is}” now, and you typed “${wished}”. Send the form again to have yours`,
      )
}
