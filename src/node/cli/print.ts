import type { Command } from 'commander'

/** Defines a table's columns: a heading, and the text of each row. */
export type Columns<T> = readonly (readonly [heading: string, cell: (row: T) => Cell])[]
export type Cell = string | number | boolean | null

/** Tests for the --json option. */
export const isJsonRequested = (command: Command): boolean =>
  command.optsWithGlobals().json === true

/** Prints one JSON document with --json, or else text. */
export function printOutput(command: Command, value: unknown, text: () => string): void {
  const json = isJsonRequested(command)
  process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : text())
}

/** Formats one value: a line for each column. */
export const formatOne = <T>(row: T, columns: Columns<T>): string =>
  alignRows(columns.map(([heading, cell]) => [heading, formatCell(cell(row))]))

/** Prints many values: as JSON with --json, or else a table. */
export function printMany<T>(command: Command, rows: readonly T[], columns: Columns<T>): void {
  printOutput(command, rows, () =>
    formatTable(
      columns.map(([heading]) => heading),
      rows.map((row) => columns.map(([, cell]) => formatCell(cell(row)))),
    ),
  )
}

/** Prints a sentence on stderr, beside the output. */
export function printNote(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
}

/** Formats epoch milliseconds. */
export const formatTime = (at: number | null): Cell =>
  at === null ? null : new Date(at).toISOString()

export function formatCell(cell: Cell): string {
  if (cell === null) return '-'
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  return String(cell)
}

/** Formats rows under headings, with two spaces between columns. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return alignRows([headings.map((heading) => heading.toUpperCase()), ...rows])
}

/** Formats each row as a line, each column as wide as its widest cell. */
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

/** Replaces control characters, which could control a terminal. */
const replaceControls = (cell: string) => cell.replace(/\p{Cc}/gu, '\u{fffd}')

/** Counts code points, because wide characters are rare here. */
const countCodePoints = (cell: string) => [...cell].length

/** Formats the examples at the end of a command's help. */
export const formatExamples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ latchkey ${line}`).join('\n')}`
