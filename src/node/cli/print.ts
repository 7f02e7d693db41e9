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
      rows.map((row) => columns.map(([, cell]) => cell(row))),
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

/** Formats a cell. Replaces control characters, which could control a terminal. */
function formatCell(cell: Cell): string {
  if (cell === null) return NO_VALUE
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  return String(cell).replace(/\p{Cc}/gu, '\u{fffd}')
}

/** Formats rows under headings, with two spaces between columns. */
export const formatTable = (headings: readonly string[], rows: readonly (readonly Cell[])[]) =>
  alignRows([headings.map((heading) => heading.toUpperCase()), ...rows])

/** Formats each row as a line, each column as wide as its widest cell. */
export function alignRows(rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(formatCell))
  const widths: number[] = []
  for (const row of texts) {
    for (const [n, text] of row.entries()) {
      widths[n] = Math.max(widths[n] ?? 0, countCodePoints(text))
    }
  }
  const pad = (text: string, n: number) =>
    text + ' '.repeat((widths[n] ?? 0) - countCodePoints(text))
  return texts.map((row) => `${row.map(pad).join('  ').trimEnd()}\n`).join('')
}

/** Counts code points, because wide characters are rare here. */
const countCodePoints = (text: string) => [...text].length

/** Formats the examples at the end of a command's help. */
export const formatExamples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ latchkey ${line}`).join('\n')}`

type JsonObject = Readonly<Record<string, unknown>>

/** True for a value that is printed in one cell. */
export const isPlain = (value: unknown): value is Cell =>
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

/** Formats the members that have a value, those of nested objects under the names that lead to them. */
function formatObject(value: JsonObject, columns?: readonly string[]): string {
  const rows: string[][] = []
  const tables: string[] = []
  function collectMembers(object: JsonObject, parents: readonly string[]): void {
    for (const [name, member] of Object.entries(object)) {
      const path = [...parents, name]
      if (isObject(member)) collectMembers(member, path)
      else if (Array.isArray(member) && member.some(isObject)) {
        tables.push(`${toWords(path)}:\n${formatList(member, columns)}`)
      } else if (formatMember(member) !== NO_VALUE) rows.push([toWords(path), formatMember(member)])
    }
  }
  collectMembers(value, [])
  return [alignRows(rows), ...tables].filter((text) => text !== '').join('\n')
}

/** Formats a table of the columns in which some item has a value. */
function formatList(
  items: readonly unknown[],
  names: readonly string[] = Object.keys(items.find(isObject) ?? {}),
): string {
  const columns = names
    .map((name) => name.split('.'))
    .map((path) => ({ path, cells: items.map((item) => formatMember(readPath(item, path))) }))
    .filter(({ cells }) => cells.some((cell) => cell !== NO_VALUE))
  if (columns.length === 0) return ''
  return formatTable(
    columns.map(({ path }) => toWords(path)),
    items.map((_, row) => columns.map(({ cells }) => cells[row] ?? null)),
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
    .map(([key, member]) => `${key}=${formatFact(key, member)}`)
    .join(' ')
}

/** Formats a fact of an audit event, which has times as epoch milliseconds. */
const formatFact = (name: string, value: unknown): string =>
  typeof value === 'number' && /(?:At|^until)$/.test(name)
    ? new Date(value).toISOString()
    : String(value)

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
  'key.keyType': 'key type',
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
