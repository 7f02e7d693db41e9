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

    /** A page of the table, or of those of its rows that have this owner. */
    page<Name extends Listed>(table: Name, owner: Column<Name>) {
      const pageOf = pagesOf(table)
      return (of: string | undefined, page: Page) => pageOf([[owner, of]], page)
    },

    /** A page of those rows that have all of these values; undefined is any. */
    pageOf: <Name extends Listed>(table: Name) => pagesOf(table),
  }

  /** Each set of columns has a statement of its own, so that an index can serve it. */
  function pagesOf<Name extends Listed>(table: Name) {
    type Args = Record<string, unknown>
    const statements = new Map<string, Statement<Args, Tables[Name]>>()

    function statementFor(columns: readonly string[]) {
      const known = statements.get(columns.join())
      if (known !== undefined) return known
      const statement = compiler.taking<Args>()((db, arg) => {
        const wanted = columns.map((column) => sql`and ${sql.ref(column)} = ${arg(column)}`)
        const select = sql<Tables[Name]>`select * from ${sql.table(table)}
          where id > ${arg('after')} ${sql.join(wanted, sql` `)} order by id limit ${arg('limit')}`
        return { compile: () => select.compile(db) }
      })
      statements.set(columns.join(), statement)
      return statement
    }

    return async (
      wanted: readonly (readonly [Column<Name>, string | undefined])[],
      { after = '', limit }: Page,
    ): Promise<Tables[Name][]> => {
      const given = wanted.filter(([, value]) => value !== undefined)
      const statement = statementFor(given.map(([column]) => column))
      return engine.read(statement({ ...Object.fromEntries(given), after, limit }))
    }
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
