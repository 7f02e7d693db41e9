import { alignRows } from './table.ts'

/** What a database file holds, for people. */
export function formatHolding({
  path,
  bytes,
  schemaVersion,
  rows,
}: {
  path: string
  bytes: number
  schemaVersion: number
  rows: Readonly<Record<string, number>>
}): string {
  const counts = Object.entries(rows).map(([table, count]) => [`  ${table}`, String(count)])
  return `${path}: ${bytes} bytes, schema version ${schemaVersion}, no damage found\n${alignRows(counts)}`
}
