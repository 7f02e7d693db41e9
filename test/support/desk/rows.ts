import { join } from 'node:path'
import Database from 'better-sqlite3'

export interface Row {
  readonly table: string
  readonly values: Readonly<Record<string, unknown>>
}

/** Every row of the database, as it is on disk. */
export function dump(dir: string): Row[] {
  const db = new Database(join(dir, 'latchkey.db'), { readonly: true })
  try {
    const tables = db.prepare("select name from sqlite_master where type = 'table'").pluck().all()
    return tables.flatMap((table) =>
      db
        .prepare(`select * from "${table}"`)
        .all()
        .map((values) => ({ table: String(table), values: values as Row['values'] })),
    )
  } finally {
    db.close()
  }
}

export const textOf = (row: Row) => JSON.stringify(row)

/** Every text of these rows that is long enough to be told from others by. */
export function textsOf(rows: readonly Row[]): Set<string> {
  const texts = new Set<string>()
  const take = (value: unknown): void => {
    if (typeof value === 'string') {
      if (value.startsWith('{')) take(JSON.parse(value))
      else if (value.length >= 8) texts.add(value)
    } else if (typeof value === 'object' && value !== null) {
      for (const part of Object.values(value)) take(part)
    }
  }
  for (const { values } of rows) take(values)
  return texts
}
