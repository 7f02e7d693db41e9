import type { Command } from 'commander'

/** Defines a table's columns: a heading, and the text of each row. */
export type Columns<T> = readonly (readonly [heading: string, cell: (row: T) => Cell])[]
type Cell = string | number | boolean | null

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

/** Prints many values: as JSON of these items with --json, or else a table. */
export function printMany<T>(
  command: Command,
  rows: readonly T[],
  columns: Columns<T>,
  toItem: (row: T) => unknown = (row) => row,
): void {
  printOutput(command, { items: rows.map(toItem), next: null }, () =>
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

function formatCell(cell: Cell): string {
  if (cell === null) return NO_VALUE
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

type JsonObject = Readonly<Record<string, unknown>>

/** True for a value that is printed in one cell. */
export const isPlain = (value: unknown): value is string | number | boolean | null =>
  value === null || typeof value !== 'object'

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Formats a JSON value as text: a list as a table with these columns, an object as a line for each of its
 * members, and lists in it as tables below.
 */
export function formatValue(value: unknown, columns?: readonly string[]): string {
  if (!isObject(value)) return `${formatMember(value)}\n`
  const { items, next: _, ...rest } = value
  if (!Array.isArray(items)) return formatObject(value, columns)
  return formatObject(rest) + (items.length === 0 ? NOTHING_FOUND : formatList(items, columns))
}

const NOTHING_FOUND = 'Nothing found.\n'

/** Formats the members that have a value. */
function formatObject(value: JsonObject, columns?: readonly string[]): string {
  const rows: string[][] = []
  const tables: string[] = []
  collectMembers(value, { path: [], rows, tables, columns })
  return [alignRows(rows), ...tables].filter((text) => text !== '').join('\n')
}

/** Collects the members of nested objects under the names that lead to them. */
function collectMembers(
  value: JsonObject,
  to: {
    readonly path: readonly string[]
    readonly rows: string[][]
    readonly tables: string[]
    readonly columns: readonly string[] | undefined
  },
): void {
  for (const [name, member] of Object.entries(value)) {
    const path = [...to.path, name]
    if (isObject(member)) collectMembers(member, { ...to, path })
    else if (Array.isArray(member) && member.some(isObject)) {
      to.tables.push(`${toWords(path)}:\n${formatList(member, to.columns)}`)
    } else if (formatMember(member) !== NO_VALUE)
      to.rows.push([toWords(path), formatMember(member)])
  }
}

/** Formats a table of the columns in which some item has a value. */
function formatList(items: readonly unknown[], columns?: readonly string[]): string {
  const names = columns ?? Object.keys((items.find(isObject) as JsonObject | undefined) ?? {})
  const cells = names.map((name) =>
    items.map((item) => formatMember(readPath(item, name.split('.')))),
  )
  const filled = cells.filter((column) => column.some((cell) => cell !== NO_VALUE))
  if (filled.length === 0) return ''
  return formatTable(
    names.filter((_, n) => filled.includes(cells[n] ?? [])).map((name) => toWords(name.split('.'))),
    items.map((_, row) => filled.map((column) => column[row] ?? NO_VALUE)),
  )
}

/** Printed for a member without a value. */
const NO_VALUE = '-'
/** The stored time of what is due at once. */
const EPOCH = new Date(0).toISOString()

/** Formats one cell. An object with a name becomes that name, and a list becomes its items. */
function formatMember(value: unknown): string {
  if (value === undefined || value === '') return NO_VALUE
  if (value === EPOCH) return 'now'
  if (isPlain(value)) return formatCell(value)
  if (Array.isArray(value)) return value.map(formatMember).join(', ') || NO_VALUE
  const { name } = value as { name?: unknown }
  if (typeof name === 'string') return name
  return Object.entries(value)
    .filter(([, member]) => isPlain(member))
    .map(([key, member]) => `${key}=${member}`)
    .join(' ')
}

/** Reads the member that the names lead to: of each item, where there is a list on the way. */
function readPath(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return value
  if (Array.isArray(value)) return value.map((item) => readPath(item, [name, ...rest]))
  return isObject(value) ? readPath(value[name], rest) : null
}

/** Names of members that their words alone do not explain. */
const LABELS: Readonly<Record<string, string>> = {
  publicId: 'public id',
  ownerId: 'owner id',
  eventId: 'event id',
  accountName: 'account',
  siteName: 'site',
  'owner.email': 'owner',
  headId: 'next message',
  oldestAt: 'oldest message at',
  leasedBy: 'delivered by server',
  leasedUntil: 'delivered until',
}

/** `accountId` is "account", `createdAt` is "created at". */
const toWords = (path: readonly string[]): string =>
  LABELS[path.join('.')] ??
  path
    .map(
      (name) =>
        LABELS[name] ??
        name
          .replace(/(?<=[a-z])Id$/, '')
          .replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
    )
    .join(' ')
