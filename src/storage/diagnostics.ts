import { sql } from 'kysely'
import { MAX_JITTERED_WAIT_MS, MAX_LEASE_MS } from '../domain/delivery.ts'
import { getLatestDeadline, HOUR_MS, isFromFuture } from '../domain/instant.ts'
import { type Engine, measureSteps, StatementCompiler } from './engine.ts'
import { createSqlWriter } from './statements.ts'

const PROBE_BYTES = 16_384
const MAX_PROBE_BYTES = 1_000_000

/**
 * Probes the database with a write of the size of a message, because a full disk may still have room for
 * a smaller one. After a failed write, the probe is as large as that write, until one succeeds.
 * `engine` is the given engine, watched for failed writes.
 */
export function createStorageProbe(engine: Engine, compiler: StatementCompiler) {
  const write = compiler.withArguments<{ bytes: string }>()((db, arg) =>
    db
      .insertInto('probes')
      .values({ id: 'ready', bytes: arg('bytes') })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ bytes: arg('bytes') })),
  )
  let failedBytes = 0
  let pendingProbe: Promise<void> | undefined

  async function probe(): Promise<void> {
    const length = Math.min(Math.max(PROBE_BYTES, failedBytes), MAX_PROBE_BYTES)
    await engine.atomic([write({ bytes: createIncompressibleText(length) })])
    failedBytes = 0
  }

  const watchedEngine: Engine = {
    sql: engine.sql,
    read: (step) => engine.read(step),
    scan: (step) => engine.scan(step),
    close: () => engine.close(),
    atomic(steps, options) {
      const writing = engine.atomic(steps, options)
      writing.catch(() => {
        failedBytes = Math.max(failedBytes, measureSteps(steps))
      })
      return writing
    },
  }

  return {
    engine: watchedEngine,
    /** Probes at the same time share one write. */
    probe() {
      pendingProbe ??= probe().finally(() => {
        pendingProbe = undefined
      })
      return pendingProbe
    },
  }
}

/** Creates text that is different each time and hard to compress, so that every engine writes all of it. */
function createIncompressibleText(length: number): string {
  let text = ''
  while (text.length < length) text += crypto.randomUUID()
  return text
}

/** Rows that were written while a clock was fast. */
export interface FutureInstants {
  /** `table.column` */
  readonly column: string
  readonly rows: number
  /** The latest of the instants, epoch ms. */
  readonly latest: number
}

const TOTP_STEP_MS = 30_000

/** Columns of instants that are compared with now or shown, with their units. */
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
  ['oauth_uses', 'last_at', 1, 0],
  ['keys', 'secret_rotated_at', 1, 0],
  ['sessions', 'created_at', 1, 0],
  ['sessions', 'seen_at', 1, 0],
  ['sign_in_failures', 'last_at', 1, 0],
  ['subscriptions', 'due_at', 1, MAX_JITTERED_WAIT_MS],
  ['subscriptions', 'leased_until', 1, MAX_LEASE_MS],
  ['traffic', 'hour', HOUR_MS, 0],
  // The code of the next step is accepted too.
  ['users', 'totp_step', TOTP_STEP_MS, TOTP_STEP_MS],
]

interface FutureInstantRow {
  readonly rows: number
  readonly latest: number | null
}

/** Lists instants further in the future than a right clock can have written; empty if there are none. */
export async function listFutureInstants(engine: Engine, now: number): Promise<FutureInstants[]> {
  const sqlStatement = createSqlWriter(new StatementCompiler(engine.sql))
  const futureInstants: FutureInstants[] = []
  for (const [table, column, unitMs, longestMs] of INSTANT_COLUMNS) {
    const count = sqlStatement<{ latest: number }, FutureInstantRow>(
      (arg) => sql`
        select count(*) as "rows", max(${sql.ref(column)}) as latest from ${sql.table(table)}
        where ${sql.ref(column)} > ${arg('latest')}`,
    )
    const latest = Math.floor(getLatestDeadline(longestMs, now) / unitMs)
    const [row] = await engine.read(count({ latest }))
    if (row?.latest == null) continue
    const at = Number(row.latest) * unitMs
    futureInstants.push({ column: `${table}.${column}`, rows: Number(row.rows), latest: at })
  }
  // Only the newest message is read, by its primary key, which begins with the time: message rows are long.
  const newest = sqlStatement<object, { at: number }>(
    () => sql`select received_at as at from messages order by id desc limit 1`,
  )
  const [message] = await engine.read(newest({}))
  if (message !== undefined && isFromFuture(message.at, now)) {
    futureInstants.push({ column: 'messages.received_at', rows: 1, latest: message.at })
  }
  return futureInstants
}
