import { type RawBuilder, sql } from 'kysely'
import { type Engine, StatementCompiler, type Step } from './engine.ts'
import { KEYED_TABLE_SHAPES, TABLE_SHAPES, type TableShape } from './tables.ts'

export interface CopyOptions {
  readonly createHash: CreateHash
  /** Reports the progress in rows, and the current table. */
  readonly progress: (done: number, total: number, label: string) => void
}

export interface CopiedTable {
  readonly table: string
  /** Rows that this run wrote; the others existed. */
  readonly written: number
  readonly source: TableDigest
  readonly target: TableDigest
}

/** Thrown with a sentence if nothing was copied. */
export class CopyRefusedError extends Error {
  override name = 'CopyRefused'
}

export const isCopyEqual = ({ source, target }: CopiedTable): boolean =>
  source.rows === target.rows && source.sha256 === target.sha256

/**
 * Copies every row of a database into another one with the same schema, which must be empty or left by
 * an earlier run, which this one then continues. Then reads both, and returns the contents of each
 * table.
 */
export async function copyDatabase(
  from: Engine,
  to: Engine,
  options: CopyOptions,
): Promise<CopiedTable[]> {
  const source = createCopyStatements(from, new StatementCompiler(from.sql))
  const target = createCopyStatements(to, new StatementCompiler(to.sql))
  for (const shape of KEYED_TABLE_SHAPES) await requirePrefix(source, target, shape)
  const totalRows = await countAllRows(source)
  const written = new Map<string, number>()
  let doneRows = 0
  for (const shape of KEYED_TABLE_SHAPES) {
    const last = await target.last(shape)
    const existingRows = await target.count(shape)
    doneRows += existingRows
    let count = 0
    for await (const page of readPages(source, shape, last && extractKey(shape, last))) {
      await to.atomic(target.insert(shape, page))
      count += page.length
      options.progress(doneRows + count, totalRows, shape.name)
    }
    doneRows += count
    written.set(shape.name, count)
  }
  for (const shape of TABLE_SHAPES) {
    if (shape.key.length > 0 || shape.name === 'schema_version') continue
    const row = await source.only(shape)
    if (row !== null) await to.atomic([target.replace(shape, row)])
  }
  return compareDatabases(from, to, options, written)
}

/** Reads both, and returns the contents of each table. */
export async function compareDatabases(
  from: Engine,
  to: Engine,
  { createHash, progress }: CopyOptions,
  written: ReadonlyMap<string, number> = new Map(),
): Promise<CopiedTable[]> {
  const source = createCopyStatements(from, new StatementCompiler(from.sql))
  const target = createCopyStatements(to, new StatementCompiler(to.sql))
  const totalRows = await countAllRows(source)
  const tables: CopiedTable[] = []
  let doneRows = 0
  for (const shape of TABLE_SHAPES) {
    const onRows = (rows: number) => {
      doneRows += rows
      progress(doneRows / 2, totalRows, `comparing ${shape.name}`)
    }
    tables.push({
      table: shape.name,
      written: written.get(shape.name) ?? 0,
      source: await computeTableDigest(source, shape, createHash, onRows),
      target: await computeTableDigest(target, shape, createHash, onRows),
    })
  }
  return tables
}

export async function countAllRows(source: CopyStatements): Promise<number> {
  let totalRows = 0
  for (const shape of KEYED_TABLE_SHAPES) totalRows += await source.count(shape)
  return totalRows
}

/**
 * Requires that the target's rows are the first rows of the source: checks its first row, its last, and
 * the count between them.
 */
async function requirePrefix(
  source: CopyStatements,
  target: CopyStatements,
  shape: TableShape,
): Promise<void> {
  const last = await target.last(shape)
  if (last === null) return
  const [first] = await target.page(shape, null, 1)
  for (const row of [first ?? last, last]) {
    if ((await source.find(shape, extractKey(shape, row))) === null) refuseTarget(shape)
  }
  if ((await source.countTo(shape, extractKey(shape, last))) < (await target.count(shape)))
    refuseTarget(shape)
}

function refuseTarget({ name }: TableShape): never {
  throw new CopyRefusedError(
    `the target is neither empty nor a part of this source: its table ${name} holds other rows. ` +
      'Copy into an empty database',
  )
}

/** SHA-256 of a stream. */
export interface HashStream {
  update(text: string): unknown
  /** In hex. */
  end(): string
}
export type CreateHash = () => HashStream

/** A table's row count, and a digest of its rows in the order of their keys. */
export interface TableDigest {
  readonly rows: number
  readonly sha256: string
}

/** Limits the rows of a page, which is held in memory, because those of payloads are long. */
const getPageRows = ({ name }: TableShape): number =>
  name === 'messages' || name === 'payload_parts' ? 16 : 1000

/** Computes a digest that is the same on every engine. */
async function computeTableDigest(
  statements: CopyStatements,
  shape: TableShape,
  createHash: CreateHash,
  onRows: (rows: number) => void,
): Promise<TableDigest> {
  const hash = createHash()
  let rows = 0
  for await (const page of readPages(statements, shape)) {
    for (const row of page) hash.update(`${JSON.stringify(row)}\n`)
    rows += page.length
    onRows(page.length)
  }
  return { rows, sha256: hash.end() }
}

/** Yields the rows of a table after a key, page by page. */
export async function* readPages(
  statements: CopyStatements,
  shape: TableShape,
  after: RowValues | null = null,
): AsyncGenerator<RowValues[]> {
  if (shape.key.length === 0) {
    const row = await statements.only(shape)
    if (row !== null) yield [row]
    return
  }
  for (let from = after; ; ) {
    const page = await statements.page(shape, from, getPageRows(shape))
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    from = extractKey(shape, last)
  }
}

/** A row's values in the order of the shape's columns. */
export type RowValues = readonly (string | number | null)[]
type StoredRow = Readonly<Record<string, string | number | null>>

/** Creates the statements of a copy from a table's shape. */
export function createCopyStatements(engine: Engine, compiler: StatementCompiler) {
  const compiledSql = new Map<string, string>()
  /** Compiles each statement once; only its values differ. */
  function createStep(
    name: string,
    write: () => RawBuilder<unknown>,
    values: readonly unknown[],
  ): Step {
    const text = compiledSql.get(name) ?? write().compile(compiler.db).sql
    compiledSql.set(name, text)
    return { sql: text, values }
  }
  const read = (name: string, write: () => RawBuilder<unknown>, values: readonly unknown[] = []) =>
    engine.read(createStep(name, write, values) as Step<StoredRow>)
  const toRowValues = ({ columns }: TableShape, rows: readonly StoredRow[]): RowValues[] =>
    rows.map((row) => columns.map((column) => row[column] ?? null))

  const joinColumns = ({ columns }: TableShape) =>
    sql.join(columns.map((column) => sql.ref(column)))
  const joinKeyColumns = ({ key }: TableShape) => sql.join(key.map((column) => sql.ref(column)))
  const formatTableName = ({ name }: TableShape) => sql.table(name)
  const createPlaceholders = (count: number) =>
    sql.join(Array.from({ length: count }, () => sql`${null}`))

  return {
    async count(shape: TableShape): Promise<number> {
      const write = () => sql`select count(*) as n from ${formatTableName(shape)}`
      const [row] = await read(`count ${shape.name}`, write)
      return Number(row?.n)
    },

    /** Counts the rows up to and including this key. */
    async countTo(shape: TableShape, key: RowValues): Promise<number> {
      const write = () =>
        sql`select count(*) as n from ${formatTableName(shape)} where (${joinKeyColumns(shape)}) <= (${createPlaceholders(key.length)})`
      const [row] = await read(`count to ${shape.name}`, write, key)
      return Number(row?.n)
    },

    /** Reads the rows after a key in the order of keys; null starts with the first. */
    async page(shape: TableShape, after: RowValues | null, limit: number): Promise<RowValues[]> {
      const order = () => sql`order by ${joinKeyColumns(shape)} limit ${limit}`
      const select = () => sql`select ${joinColumns(shape)} from ${formatTableName(shape)}`
      if (after === null) {
        return toRowValues(
          shape,
          await read(`first ${shape.name}`, () => sql`${select()} ${order()}`, [limit]),
        )
      }
      const write = () =>
        sql`${select()} where (${joinKeyColumns(shape)}) > (${createPlaceholders(after.length)}) ${order()}`
      return toRowValues(shape, await read(`after ${shape.name}`, write, [...after, limit]))
    },

    /** Reads the row with the last key. */
    async last(shape: TableShape): Promise<RowValues | null> {
      const backwards = () => sql.join(shape.key.map((column) => sql`${sql.ref(column)} desc`))
      const write = () =>
        sql`select ${joinColumns(shape)} from ${formatTableName(shape)} order by ${backwards()} limit 1`
      const [row] = toRowValues(shape, await read(`last ${shape.name}`, write))
      return row ?? null
    },

    async find(shape: TableShape, key: RowValues): Promise<RowValues | null> {
      const write = () =>
        sql`select ${joinColumns(shape)} from ${formatTableName(shape)} where (${joinKeyColumns(shape)}) = (${createPlaceholders(key.length)})`
      const [row] = toRowValues(shape, await read(`find ${shape.name}`, write, key))
      return row ?? null
    },

    /** Reads the only row of a table without a key. */
    async only(shape: TableShape): Promise<RowValues | null> {
      const write = () => sql`select ${joinColumns(shape)} from ${formatTableName(shape)}`
      const [row] = toRowValues(shape, await read(`only ${shape.name}`, write))
      return row ?? null
    },

    /**
     * Inserts many rows in each statement, always the same number, so that few statements are prepared.
     */
    insert(shape: TableShape, rows: readonly RowValues[]): Step[] {
      const steps: Step[] = []
      for (let from = 0; from < rows.length; ) {
        const size = rows.length - from < ROWS_PER_INSERT ? 1 : ROWS_PER_INSERT
        const values = rows.slice(from, from + size).flat()
        const write = () => {
          const row = () => sql`(${createPlaceholders(shape.columns.length)})`
          const tuples = sql.join(Array.from({ length: size }, row))
          return sql`insert into ${formatTableName(shape)} (${joinColumns(shape)}) values ${tuples}`
        }
        steps.push(createStep(`insert ${size} ${shape.name}`, write, values))
        from += size
      }
      return steps
    },

    /** Updates the only row of a table without a key. */
    replace(shape: TableShape, row: RowValues): Step {
      const set = () => sql.join(shape.columns.map((column) => sql`${sql.ref(column)} = ${null}`))
      return createStep(
        `replace ${shape.name}`,
        () => sql`update ${formatTableName(shape)} set ${set()}`,
        row,
      )
    },
  }
}

export type CopyStatements = ReturnType<typeof createCopyStatements>

const ROWS_PER_INSERT = 50

const extractKey = ({ key, columns }: TableShape, row: RowValues): RowValues =>
  key.map((column) => row[columns.indexOf(column)] ?? null)
