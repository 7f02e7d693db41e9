import { type RawBuilder, sql } from 'kysely'
import type { Engine } from '../engine.ts'

/** Where a text is in another, whatever the case of its ASCII letters. No character is special. */
export function createHolds({ sql: dialect }: Pick<Engine, 'sql'>) {
  const place = sql.raw(dialect === 'sqlite' ? 'instr' : 'strpos')
  /** In lower case as far as ASCII goes: all that SQLite knows, and three times as fast on PostgreSQL. */
  const low = (text: RawBuilder<unknown>) =>
    dialect === 'sqlite' ? sql`lower(${text})` : sql`lower(${text} collate "C")`

  return (whole: RawBuilder<unknown>, text: unknown) =>
    sql<boolean>`${place}(${low(whole)}, ${low(sql`cast(${text} as text)`)}) > 0`
}
