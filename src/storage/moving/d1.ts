import type { Engine } from '../engine.ts'
import { Compiler } from '../engine.ts'
import { SHAPES, type Shape } from '../shapes.ts'
import { CopyRefused, countAll, type Watch } from './copy.ts'
import { pagesOf } from './digest.ts'
import { createMoving, type Values } from './rows.ts'

/*
 * A database as SQL text for `wrangler d1 execute --file`. D1 takes statements of 100,000 bytes at
 * most, and values and rows of 2,000,000. Each statement is one line, so that a file can be split
 * without being understood.
 */

const STATEMENT_MAX = 100_000
const ROW_MAX = 2_000_000
/** UTF-16 units of a long value that are written at a time: 90,000 bytes at most, in hex. */
const PIECE = 15_000
const ROWS_TOGETHER = 200

/** Every row of the source as statements, to be run after schema.sql. */
export async function* importOf(from: Engine, progress: Watch['progress']): AsyncGenerator<string> {
  const source = createMoving(from, new Compiler(from.sql))
  const all = await countAll(source)
  let done = 0
  for (const shape of SHAPES) {
    if (shape.name === 'schema_version') continue
    for await (const page of pagesOf(source, shape)) {
      yield* shape.key.length === 0 ? page.map((row) => update(shape, row)) : inserts(shape, page)
      done += shape.key.length === 0 ? 0 : page.length
      progress(done, all, shape.name)
    }
  }
}

const update = ({ name, columns }: Shape, row: Values): string =>
  `UPDATE ${name} SET ${columns.map((column, n) => `${column} = ${literal(row[n])}`).join(', ')};`

/** Adds rows: as many a statement as its length allows; what is longer, in pieces. */
export function* inserts(shape: Shape, rows: readonly Values[]): Generator<string> {
  const head = `INSERT INTO ${shape.name} (${shape.columns.join(', ')}) VALUES `
  let together: string[] = []
  let length = head.length
  for (const row of rows) {
    const tuple = tupleOf(row)
    const size = bytes(tuple) + 1
    if (
      together.length > 0 &&
      (length + size > STATEMENT_MAX || together.length === ROWS_TOGETHER)
    ) {
      yield `${head}${together.join(',')};`
      together = []
      length = head.length
    }
    if (length + size > STATEMENT_MAX) {
      yield* inPieces(shape, head, row)
    } else {
      together.push(tuple)
      length += size
    }
  }
  if (together.length > 0) yield `${head}${together.join(',')};`
}

/** A row too long for one statement: its long values begin empty, and grow. */
function* inPieces(shape: Shape, head: string, row: Values): Generator<string> {
  const size = row.reduce<number>((sum, value) => sum + bytes(String(value)), 0)
  const where = shape.key
    .map((column) => `${column} = ${literal(row[shape.columns.indexOf(column)])}`)
    .join(' AND ')
  if (size > ROW_MAX) {
    throw new CopyRefused(
      `D1 holds no row above 2,000,000 bytes: that of ${shape.name} where ${where} has ${size}`,
    )
  }
  const isLong = (value: Values[number]) => typeof value === 'string' && value.length > PIECE / 2
  yield `${head}${tupleOf(row.map((value) => (isLong(value) ? '' : value)))};`
  for (const [n, column] of shape.columns.entries()) {
    const value = row[n] ?? null
    if (typeof value !== 'string' || !isLong(value)) continue
    for (const piece of piecesOf(value)) {
      yield `UPDATE ${shape.name} SET ${column} = ${column} || ${literal(piece)} WHERE ${where};`
    }
  }
}

function* piecesOf(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    // A character of two units stays whole.
    const last = text.charCodeAt(from + PIECE - 1)
    const size = last >= 0xd800 && last < 0xdc00 ? PIECE - 1 : PIECE
    yield text.slice(from, from + size)
    from += size
  }
}

const tupleOf = (row: Values): string => `(${row.map(literal).join(',')})`

const encoder = new TextEncoder()
const bytes = (text: string): number => encoder.encode(text).length

function literal(value: Values[number] | undefined): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'number') return String(value)
  // A line's end or U+0000 would end the statement for one reader or another.
  if (!/\p{Cc}/u.test(value)) return `'${value.replaceAll("'", "''")}'`
  const hex = Array.from(encoder.encode(value), (byte) => byte.toString(16).padStart(2, '0'))
  return `CAST(X'${hex.join('')}' AS TEXT)`
}
