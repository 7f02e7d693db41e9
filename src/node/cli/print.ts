import type { Command } from 'commander'

/** How a thing is shown to people: headings, and what stands below each. */
export type Columns<T> = readonly (readonly [heading: string, cell: (row: T) => Cell])[]
export type Cell = string | number | boolean | null

/** Whether one JSON document was asked for. */
export const isJsonRequested = (command: Command): boolean =>
  command.optsWithGlobals().json === true

/** One JSON document where it was asked for, else text. */
export function printOutput(command: Command, value: unknown, text: () => string): void {
  const json = isJsonRequested(command)
  process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : text())
}

/** One thing, as the services give it (--json) or a line for each column. */
export function printOne<T>(command: Command, row: T, columns: Columns<T>): void {
  printOutput(command, row, () => formatOne(row, columns))
}

export const formatOne = <T>(row: T, columns: Columns<T>): string =>
  alignRows(columns.map(([heading, cell]) => [heading, formatCell(cell(row))]))

/** Many things, as the services give them (--json) or a table. */
export function printMany<T>(command: Command, rows: readonly T[], columns: Columns<T>): void {
  printOutput(command, rows, () => formatMany(rows, columns))
}

export const formatMany = <T>(rows: readonly T[], columns: Columns<T>): string =>
  formatTable(
    columns.map(([heading]) => heading),
    rows.map((row) => columns.map(([, cell]) => formatCell(cell(row)))),
  )

/** A sentence beside the output, for the person who reads it. */
export function printNote(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
}

/** Epoch milliseconds as people write them. */
export const formatTime = (at: number | null): Cell =>
  at === null ? null : new Date(at).toISOString()

function formatCell(cell: Cell): string {
  if (cell === null) return '-'
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  return String(cell)
}

/** Rows under headings: two blanks between columns, no colour. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return alignRows([headings.map((heading) => heading.toUpperCase()), ...rows])
}

/** Each row a line, each column as wide as its widest cell. */
export function alignRows(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(replaceControls))
  const widths: number[] = []
  for (const row of clean) {
    for (const [n, cell] of row.entries())
      widths[n] = Math.max(widths[n] ?? 0, countCodePoints(cell))
  }
  return clean
    .map((row) => {
      const cells = row.map(
        (cell, n) => cell + ' '.repeat((widths[n] ?? 0) - countCodePoints(cell)),
      )
      return `${cells.join('  ').trimEnd()}\n`
    })
    .join('')
}

/** A control character in a value must not steer a terminal. */
const replaceControls = (cell: string) => cell.replace(/\p{Cc}/gu, '\u{fffd}')

/** Code points: wide characters are rare in what is listed here. */
const countCodePoints = (cell: string) => [...cell].length

/** The end of a command's help: command lines that work. */
export const formatExamples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ latchkey ${line}`).join('\n')}`
