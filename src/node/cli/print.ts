import type { Command } from 'commander'
import { alignRows, formatTable } from './table.ts'

/** How a thing is shown to people: headings, and what stands below each. */
export type Columns<T> = readonly (readonly [heading: string, cell: (row: T) => Cell])[]
export type Cell = string | number | boolean | null

/** Whether one JSON document was asked for. */
export const wantsJson = (command: Command): boolean => command.optsWithGlobals().json === true

/** One JSON document where it was asked for, else text. */
export function print(command: Command, value: unknown, text: () => string): void {
  const json = wantsJson(command)
  process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : text())
}

/** One thing, as the services give it (--json) or a line for each column. */
export function printOne<T>(command: Command, row: T, columns: Columns<T>): void {
  print(command, row, () => formatOne(row, columns))
}

export const formatOne = <T>(row: T, columns: Columns<T>): string =>
  alignRows(columns.map(([heading, cell]) => [heading, write(cell(row))]))

/** Many things, as the services give them (--json) or a table. */
export function printMany<T>(command: Command, rows: readonly T[], columns: Columns<T>): void {
  print(command, rows, () => formatMany(rows, columns))
}

export const formatMany = <T>(rows: readonly T[], columns: Columns<T>): string =>
  formatTable(
    columns.map(([heading]) => heading),
    rows.map((row) => columns.map(([, cell]) => write(cell(row)))),
  )

/** A sentence beside the output, for the person who reads it. */
export function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
}

/** Epoch milliseconds as people write them. */
export const time = (at: number | null): Cell => (at === null ? null : new Date(at).toISOString())

function write(cell: Cell): string {
  if (cell === null) return '-'
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  return String(cell)
}
