import type { Log } from '../service/ports/runtime.ts'
import type { Migration } from '../storage/migrations.ts'

/** Logs the migrations of a start; logs nothing if there were none. */
export function logMigration(applied: readonly Migration[], since: number, log: Log): void {
  const [first, last] = [applied.at(0), applied.at(-1)]
  if (first === undefined || last === undefined) return
  const ms = Math.ceil(performance.now() - since)
  log.info({ from: first.to - 1, to: last.to, ms }, 'the database was migrated')
}
