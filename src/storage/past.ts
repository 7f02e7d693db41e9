import { type RawBuilder, sql } from 'kysely'

/**
 * In a query what `isPending` is not: a deadline that has passed, or lies further ahead than a right
 * clock can have set it (`latest`: see `latestPending`).
 */
export const isPast = (endsAt: string, now: unknown, latest: unknown): RawBuilder<boolean> =>
  sql`(${sql.ref(endsAt)} <= ${now} or ${sql.ref(endsAt)} > ${latest})`
