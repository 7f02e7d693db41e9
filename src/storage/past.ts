import { type RawBuilder, sql } from 'kysely'

/**
 * The opposite of `isPending`, for queries: whether a deadline has passed, or is further in the future
 * than a right clock can have set it. `latest` comes from `latestPending`.
 */
export const isPast = (endsAt: string, now: unknown, latest: unknown): RawBuilder<boolean> =>
  sql`(${sql.ref(endsAt)} <= ${now} or ${sql.ref(endsAt)} > ${latest})`
