import {
  type CopyOptions,
  CopyRefusedError,
  countAllRows,
  createCopyStatements,
  type RowValues,
  readPages,
} from './database-copy.ts'
import { type Engine, StatementCompiler } from './engine.ts'
import { TABLE_SHAPES, type TableShape } from './tables.ts'

/*
 * Exports a database as SQL text for `wrangler d1 execute --file`. D1 accepts statements of at most
 * 100,000 bytes, and values and rows of 2,000,000. Each statement is one line, so that a file can be
 * split without being parsed.
 */

const STATEMENT_MAX_BYTES = 100_000
const ROW_MAX_BYTES = 2_000_000
/** UTF-16 units of a long value in one statement: at most 90,000 bytes in hex. */
const PIECE_UNITS = 15_000
const ROWS_PER_STATEMENT = 200

/** Yields every row of the source as statements, to run after schema.sql. */
export async function* createD1Statements(
  from: Engine,
  progress: CopyOptions['progress'],
): AsyncGenerator<string> {
  const source = createCopyStatements(from, new StatementCompiler(from.sql))
  const totalRows = await countAllRows(source)
  let doneRows = 0
  for (const shape of TABLE_SHAPES) {
    if (shape.name === 'schema_version') continue
    for await (const page of readPages(source, shape)) {
      yield* shape.key.length === 0
        ? page.map((row) => formatUpdate(shape, row))
        : formatInserts(shape, page)
      doneRows += shape.key.length === 0 ? 0 : page.length
      progress(doneRows, totalRows, shape.name)
    }
  }
}

const formatUpdate = ({ name, columns }: TableShape, row: RowValues): string =>
  `UPDATE ${name} SET ${columns.map((column, n) => `${column} = ${formatLiteral(row[n])}`).join(', ')};`

/** Formats inserts with as many rows as a statement's length allows; longer rows in pieces. */
export function* formatInserts(shape: TableShape, rows: readonly RowValues[]): Generator<string> {
  const head = `INSERT INTO ${shape.name} (${shape.columns.join(', ')}) VALUES `
  let tuples: string[] = []
  let length = head.length
  for (const row of rows) {
    const tuple = formatTuple(row)
    const size = countBytes(tuple) + 1
    if (
      tuples.length > 0 &&
      (length + size > STATEMENT_MAX_BYTES || tuples.length === ROWS_PER_STATEMENT)
    ) {
      yield `${head}${tuples.join(',')};`
      tuples = []
      length = head.length
    }
    if (length + size > STATEMENT_MAX_BYTES) {
      yield* formatLongInsert(shape, head, row)
    } else {
      tuples.push(tuple)
      length += size
    }
  }
  if (tuples.length > 0) yield `${head}${tuples.join(',')};`
}

/** Formats a row that is too long for one statement: inserts long values empty, then appends to them. */
function* formatLongInsert(shape: TableShape, head: string, row: RowValues): Generator<string> {
  const size = row.reduce<number>((sum, value) => sum + countBytes(String(value)), 0)
  const where = shape.key
    .map((column) => `${column} = ${formatLiteral(row[shape.columns.indexOf(column)])}`)
    .join(' AND ')
  if (size > ROW_MAX_BYTES) {
    throw new CopyRefusedError(
      `D1 holds no row above 2,000,000 bytes: that of ${shape.name} where ${where} has ${size}`,
    )
  }
  const isLong = (value: RowValues[number]) =>
    typeof value === 'string' && value.length > PIECE_UNITS / 2
  yield `${head}${formatTuple(row.map((value) => (isLong(value) ? '' : value)))};`
  for (const [n, column] of shape.columns.entries()) {
    const value = row[n] ?? null
    if (typeof value !== 'string' || !isLong(value)) continue
    for (const piece of splitText(value)) {
      yield `UPDATE ${shape.name} SET ${column} = ${column} || ${formatLiteral(piece)} WHERE ${where};`
    }
  }
}

function* splitText(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    // Does not split a character of two units.
    const last = text.charCodeAt(from + PIECE_UNITS - 1)
    const size = last >= 0xd800 && last < 0xdc00 ? PIECE_UNITS - 1 : PIECE_UNITS
    yield text.slice(from, from + size)
    from += size
  }
}

const formatTuple = (row: RowValues): string => `(${row.map(formatLiteral).join(',')})`

const encoder = new TextEncoder()
const countBytes = (text: string): number => encoder.encode(text).length

function formatLiteral(value: RowValues[number] | undefined): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'number') return String(value)
  // A line end or U+0000 would end the statement for some readers.
  if (!/\p{Cc}/u.test(value)) return `'${value.replaceAll("'", "''")}'`
  const hex = Array.from(encoder.encode(value), (byte) => byte.toString(16).padStart(2, '0'))
  return `CAST(X'${hex.join('')}' AS TEXT)`
}
