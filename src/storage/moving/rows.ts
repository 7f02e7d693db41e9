import { type RawBuilder, sql } from 'kysely'
import type { Compiler, Engine, Step } from '../engine.ts'
import type { Shape } from '../shapes.ts'

/** A row as it is moved: its values in the order of the shape's columns. */
export type Values = readonly (string | number | null)[]
type Row = Readonly<Record<string, string | number | null>>

/** The statements of a move, written from a table's shape. */
export function createMoving(engine: Engine, compiler: Compiler) {
  const written = new Map<string, string>()
  /** Each statement is written once; only its values differ from run to run. */
  function stepOf(
    name: string,
    write: () => RawBuilder<unknown>,
    values: readonly unknown[],
  ): Step {
    const text = written.get(name) ?? write().compile(compiler.db).sql
    written.set(name, text)
    return { sql: text, values }
  }
  const read = (name: string, write: () => RawBuilder<unknown>, values: readonly unknown[] = []) =>
    engine.read(stepOf(name, write, values) as Step<Row>)
  const valuesOf = ({ columns }: Shape, rows: readonly Row[]): Values[] =>
    rows.map((row) => columns.map((column) => row[column] ?? null))

  const columnsOf = ({ columns }: Shape) => sql.join(columns.map((column) => sql.ref(column)))
  const keyOf = ({ key }: Shape) => sql.join(key.map((column) => sql.ref(column)))
  const tableOf = ({ name }: Shape) => sql.table(name)
  const holes = (count: number) => sql.join(Array.from({ length: count }, () => sql`${null}`))

  return {
    async count(shape: Shape): Promise<number> {
      const write = () => sql`select count(*) as n from ${tableOf(shape)}`
      const [row] = await read(`count ${shape.name}`, write)
      return Number(row?.n)
    },

    /** How many rows there are up to this key, itself counted. */
    async countTo(shape: Shape, key: Values): Promise<number> {
      const write = () =>
        sql`select count(*) as n from ${tableOf(shape)} where (${keyOf(shape)}) <= (${holes(key.length)})`
      const [row] = await read(`count to ${shape.name}`, write, key)
      return Number(row?.n)
    },

    /** The rows after a key, in the order of keys; from the first where there is none. */
    async page(shape: Shape, after: Values | null, limit: number): Promise<Values[]> {
      const order = () => sql`order by ${keyOf(shape)} limit ${limit}`
      const select = () => sql`select ${columnsOf(shape)} from ${tableOf(shape)}`
      if (after === null) {
        return valuesOf(
          shape,
          await read(`first ${shape.name}`, () => sql`${select()} ${order()}`, [limit]),
        )
      }
      const write = () =>
        sql`${select()} where (${keyOf(shape)}) > (${holes(after.length)}) ${order()}`
      return valuesOf(shape, await read(`after ${shape.name}`, write, [...after, limit]))
    },

    /** The one with the last key. */
    async last(shape: Shape): Promise<Values | null> {
      const backwards = () => sql.join(shape.key.map((column) => sql`${sql.ref(column)} desc`))
      const write = () =>
        sql`select ${columnsOf(shape)} from ${tableOf(shape)} order by ${backwards()} limit 1`
      const [row] = valuesOf(shape, await read(`last ${shape.name}`, write))
      return row ?? null
    },

    async find(shape: Shape, key: Values): Promise<Values | null> {
      const write = () =>
        sql`select ${columnsOf(shape)} from ${tableOf(shape)} where (${keyOf(shape)}) = (${holes(key.length)})`
      const [row] = valuesOf(shape, await read(`find ${shape.name}`, write, key))
      return row ?? null
    },

    /** The only row of a table that has no key. */
    async only(shape: Shape): Promise<Values | null> {
      const write = () => sql`select ${columnsOf(shape)} from ${tableOf(shape)}`
      const [row] = valuesOf(shape, await read(`only ${shape.name}`, write))
      return row ?? null
    },

    /** Adds rows, many a statement: as many as are always the same, so that few are prepared. */
    insert(shape: Shape, rows: readonly Values[]): Step[] {
      const steps: Step[] = []
      for (let from = 0; from < rows.length; ) {
        const size = rows.length - from < TOGETHER ? 1 : TOGETHER
        const values = rows.slice(from, from + size).flat()
        const write = () => {
          const row = () => sql`(${holes(shape.columns.length)})`
          const all = sql.join(Array.from({ length: size }, row))
          return sql`insert into ${tableOf(shape)} (${columnsOf(shape)}) values ${all}`
        }
        steps.push(stepOf(`insert ${size} ${shape.name}`, write, values))
        from += size
      }
      return steps
    },

    /** Writes the only row of a table that has no key. */
    replace(shape: Shape, row: Values): Step {
      const set = () => sql.join(shape.columns.map((column) => sql`${sql.ref(column)} = ${null}`))
      return stepOf(`replace ${shape.name}`, () => sql`update ${tableOf(shape)} set ${set()}`, row)
    },
  }
}

export type Moving = ReturnType<typeof createMoving>

const TOGETHER = 50

/** The values of a row's key. */
export const keyIn = ({ key, columns }: Shape, row: Values): Values =>
  key.map((column) => row[columns.indexOf(column)] ?? null)
