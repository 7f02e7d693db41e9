import { sql } from 'kysely'
import { LONGEST_LEASE_MS, LONGEST_WAIT_MS } from '../domain/delivery.ts'
import { isFromFuture, latestPending } from '../domain/instant.ts'
import { Compiler, type Engine } from './engine.ts'
import { writer } from './written.ts'

/** Rows that were written while a clock was fast. */
export interface FutureInstants {
  /** `table.column` */
  readonly place: string
  readonly rows: number
  /** The latest of the instants, epoch ms. */
  readonly latest: number
}

const HOUR_MS = 3_600_000
const TOTP_STEP_MS = 30_000

/** The columns of instants that are compared with now or shown, with the unit that they are stored in. */
const INSTANT_COLUMNS: readonly (readonly [
  table: string,
  column: string,
  unitMs: number,
  longest: number,
])[] = [
  ['audit_events', 'at', 1, 0],
  ['audit_checkpoints', 'at', 1, 0],
  ['grants', 'rotated_at', 1, 0],
  ['invitations', 'created_at', 1, 0],
  ['key_uses', 'day', 24 * HOUR_MS, 0],
  ['keys', 'last_used_at', 1, 0],
  ['keys', 'secret_replaced_at', 1, 0],
  ['sessions', 'created_at', 1, 0],
  ['sessions', 'seen_at', 1, 0],
  ['sign_in_failures', 'last_at', 1, 0],
  ['subscriptions', 'due_at', 1, LONGEST_WAIT_MS],
  ['subscriptions', 'leased_until', 1, LONGEST_LEASE_MS],
  ['traffic', 'hour', HOUR_MS, 0],
  // The code of the next step is accepted too.
  ['users', 'totp_step', TOTP_STEP_MS, TOTP_STEP_MS],
]

interface Row {
  readonly rows: number
  readonly latest: number | null
}

/** Lists instants further in the future than a right clock can have written; empty if there are none. */
export async function listFutureInstants(engine: Engine, now: number): Promise<FutureInstants[]> {
  const written = writer(new Compiler(engine.sql))
  const found: FutureInstants[] = []
  for (const [table, column, unitMs, longestMs] of INSTANT_COLUMNS) {
    const count = written<{ latest: number }, Row>(
      (arg) => sql`
        select count(*) as "rows", max(${sql.ref(column)}) as latest from ${sql.table(table)}
        where ${sql.ref(column)} > ${arg('latest')}`,
    )
    const latest = Math.floor(latestPending(longestMs, now) / unitMs)
    const [row] = await engine.read(count({ latest }))
    if (row?.latest == null) continue
    const at = Number(row.latest) * unitMs
    found.push({ place: `${table}.${column}`, rows: Number(row.rows), latest: at })
  }
  // Only the newest message is read, by its primary key, which begins with the time: message rows are long.
  const newest = written<object, { at: number }>(
    () => sql`select received_at as at from messages order by id desc limit 1`,
  )
  const [message] = await engine.read(newest({}))
  if (message !== undefined && isFromFuture(message.at, now)) {
    found.push({ place: 'messages.received_at', rows: 1, latest: message.at })
  }
  return found
}
