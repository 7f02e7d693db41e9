import { alignRows, formatCell, formatTable } from './print.ts'

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
  if (Array.isArray(items)) return formatObject(rest) + formatList(items, columns)
  return formatObject(value)
}

function formatObject(value: JsonObject): string {
  const rows: string[][] = []
  const tables: string[] = []
  collectMembers(value, [], rows, tables)
  return [alignRows(rows), ...tables].filter((text) => text !== '').join('\n')
}

/** Collects the members of nested objects under the names that lead to them. */
function collectMembers(
  value: JsonObject,
  path: readonly string[],
  rows: string[][],
  tables: string[],
): void {
  for (const [name, member] of Object.entries(value)) {
    const label = toWords([...path, name])
    if (isObject(member)) collectMembers(member, [...path, name], rows, tables)
    else if (Array.isArray(member) && member.some(isObject)) {
      tables.push(`${label}:\n${formatList(member)}`)
    } else rows.push([label, formatMember(member)])
  }
}

function formatList(items: readonly unknown[], columns?: readonly string[]): string {
  const names = columns ?? Object.keys((items.find(isObject) as JsonObject | undefined) ?? {})
  const rows = items.map((item) =>
    names.map((name) => formatMember(readPath(item, name.split('.')))),
  )
  return names.length === 0
    ? ''
    : formatTable(
        names.map((name) => toWords(name.split('.'))),
        rows,
      )
}

/** Formats one cell. An object with a name is that name; a list is its items. */
function formatMember(value: unknown): string {
  if (value === undefined || value === '') return formatCell(null)
  if (isPlain(value)) return formatCell(value)
  if (Array.isArray(value)) return value.map(formatMember).join(', ')
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

/** `accountId` is "account", `createdAt` is "created at". */
const toWords = (path: readonly string[]): string =>
  path
    .map((name) =>
      name
        .replace(/(?<=[a-z])Id$/, '')
        .replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
    )
    .join(' ')
