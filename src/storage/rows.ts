import { type RawBuilder, sql } from 'kysely'
import type { Page } from '../service/ports.ts'
import type { Compiler, Engine, Statement } from './engine.ts'
import { columnsOf } from './shapes.ts'
import type { Tables } from './tables.ts'

/** After every id: where a list begins that has the newest first. */
export const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** Tables whose rows are found by an id and listed in its order, which is the order of their making. */
type Listed =
  | 'accounts'
  | 'sites'
  | 'users'
  | 'developers'
  | 'sources'
  | 'destinations'
  | 'subscriptions'
  | 'keys'
type Column<Name extends keyof Tables> = keyof Tables[Name] & string

/** The statements that are the same for every table, written once. */
export function createRows(engine: Engine, compiler: Compiler) {
  return {
    /** Adds a row; fails where a unique column is taken. */
    insert: <Name extends keyof Tables>(table: Name) => insertInto(table, sql``),

    /** Adds a row; changes nothing where a unique column is taken. */
    insertUnlessTaken: <Name extends keyof Tables>(table: Name) =>
      insertInto(table, sql`on conflict do nothing`),

    byId<Name extends Listed>(table: Name) {
      const find = compiler.taking<{ id: string }>()((db, arg) => {
        const select = sql<Tables[Name]>`select * from ${sql.table(table)} where id = ${arg('id')}`
        return { compile: () => select.compile(db) }
      })
      return async (id: string): Promise<Tables[Name] | undefined> => {
        const [row] = await engine.read(find({ id }))
        return row
      }
    },

    /** A page of the table, or of those of its rows that have this owner: two statements, two indexes. */
    page<Name extends Listed>(table: Name, owner: Column<Name>) {
      type Args = { owner: string; after: string; limit: number }
      const from = sql`select * from ${sql.table(table)} where id >`
      const order = sql`order by id limit`
      const all = compiler.taking<Args>()((db, arg) => {
        const select = sql<Tables[Name]>`${from} ${arg('after')} ${order} ${arg('limit')}`
        return { compile: () => select.compile(db) }
      })
      const owned = compiler.taking<Args>()((db, arg) => {
        const isOwned = sql`and ${sql.ref(owner)} = ${arg('owner')}`
        const select = sql<
          Tables[Name]
        >`${from} ${arg('after')} ${isOwned} ${order} ${arg('limit')}`
        return { compile: () => select.compile(db) }
      })
      return async (of: string | undefined, { after = '', limit }: Page): Promise<Tables[Name][]> =>
        engine.read((of === undefined ? all : owned)({ owner: of ?? '', after, limit }))
    },
  }

  function insertInto<Name extends keyof Tables>(
    table: Name,
    otherwise: RawBuilder<unknown>,
  ): Statement<Tables[Name], unknown> {
    const columns = columnsOf(table)
    return compiler.taking<Tables[Name]>()((db, arg) => {
      const names = sql.join(columns.map((column) => sql.ref(column)))
      const values = sql.join(columns.map((column) => sql`${arg(column)}`))
      const insert = sql`insert into ${sql.table(table)} (${names}) values (${values}) ${otherwise}`
      return { compile: () => insert.compile(db) }
    })
  }
}

export type Rows = ReturnType<typeof createRows>
