import { type RawBuilder, sql } from 'kysely'
import type { Page } from '../service/ports/lists.ts'
import type { Engine, Statement, StatementCompiler } from './engine.ts'
import { listColumns } from './table-shapes.ts'
import type { Tables } from './tables.ts'

/** After every id: where a list begins that has the newest first. */
export const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** Tables whose rows are found by an id and listed in its order, which is the order of their making. */
type ListableTable =
  | 'accounts'
  | 'sites'
  | 'users'
  | 'developers'
  | 'sources'
  | 'destinations'
  | 'subscriptions'
  | 'keys'
type ColumnName<Name extends keyof Tables> = keyof Tables[Name] & string

/** The statements that are the same for every table, written once. */
export function createTableStatements(engine: Engine, compiler: StatementCompiler) {
  return {
    /** Adds a row; fails where a unique column is taken. */
    insert: <Name extends keyof Tables>(table: Name) => createInsert(table, sql``),

    /** Adds a row; changes nothing where a unique column is taken. */
    insertUnlessTaken: <Name extends keyof Tables>(table: Name) =>
      createInsert(table, sql`on conflict do nothing`),

    findById<Name extends ListableTable>(table: Name) {
      const find = compiler.withArguments<{ id: string }>()((db, arg) => {
        const select = sql<Tables[Name]>`select * from ${sql.table(table)} where id = ${arg('id')}`
        return { compile: () => select.compile(db) }
      })
      return async (id: string): Promise<Tables[Name] | undefined> => {
        const [row] = await engine.read(find({ id }))
        return row
      }
    },

    /** A page of the table, or of those of its rows that have this owner. */
    page<Name extends ListableTable>(table: Name, owner: ColumnName<Name>) {
      const filteredPage = createFilteredPage(table)
      return (ownerId: string | undefined, page: Page) => filteredPage([[owner, ownerId]], page)
    },

    /** A page of those rows that have all of these values; undefined is any. */
    filteredPage: <Name extends ListableTable>(table: Name) => createFilteredPage(table),
  }

  /** Each set of columns has a statement of its own, so that an index can serve it. */
  function createFilteredPage<Name extends ListableTable>(table: Name) {
    type Args = Record<string, unknown>
    const statements = new Map<string, Statement<Args, Tables[Name]>>()

    function statementFor(columns: readonly string[]) {
      const cached = statements.get(columns.join())
      if (cached !== undefined) return cached
      const statement = compiler.withArguments<Args>()((db, arg) => {
        const filters = columns.map((column) => sql`and ${sql.ref(column)} = ${arg(column)}`)
        const select = sql<Tables[Name]>`select * from ${sql.table(table)}
          where id > ${arg('after')} ${sql.join(filters, sql` `)} order by id limit ${arg('limit')}`
        return { compile: () => select.compile(db) }
      })
      statements.set(columns.join(), statement)
      return statement
    }

    return async (
      filters: readonly (readonly [ColumnName<Name>, string | undefined])[],
      { after = '', limit }: Page,
    ): Promise<Tables[Name][]> => {
      const setFilters = filters.filter(([, value]) => value !== undefined)
      const statement = statementFor(setFilters.map(([column]) => column))
      return engine.read(statement({ ...Object.fromEntries(setFilters), after, limit }))
    }
  }

  function createInsert<Name extends keyof Tables>(
    table: Name,
    conflictClause: RawBuilder<unknown>,
  ): Statement<Tables[Name], unknown> {
    const columns = listColumns(table)
    return compiler.withArguments<Tables[Name]>()((db, arg) => {
      const names = sql.join(columns.map((column) => sql.ref(column)))
      const values = sql.join(columns.map((column) => sql`${arg(column)}`))
      const insert = sql`insert into ${sql.table(table)} (${names}) values (${values}) ${conflictClause}`
      return { compile: () => insert.compile(db) }
    })
  }
}

export type TableStatements = ReturnType<typeof createTableStatements>

/** The hole for one of the statement's arguments. */
export type Arg<Args> = (name: keyof Args & string) => unknown

/** For statements that are clearer as SQL: `written<Args, Row>(arg => sql`…`)`. */
export function createSqlWriter(compiler: StatementCompiler) {
  return <Args extends object, Row = unknown>(
    write: (arg: Arg<Args>) => RawBuilder<unknown>,
  ): Statement<Args, Row> =>
    compiler.withArguments<Args>()((db, arg) => {
      const statement = write(arg as Arg<Args>) as RawBuilder<Row>
      return { compile: () => statement.compile(db) }
    })
}

/** The values of a list that is handed over as one JSON text: so a statement serves lists of any length. */
export const expandJsonList = (engine: Engine, list: unknown): RawBuilder<unknown> =>
  engine.sql === 'sqlite'
    ? sql`(select value from json_each(${list}))`
    : sql`(select json_array_elements_text(cast(${list} as json)))`

/**
 * The opposite of `isPending`, for queries: whether a deadline has passed, or is further in the future
 * than a right clock can have set it. `latest` comes from `latestPending`.
 */
export const isPast = (endsAt: string, now: unknown, latest: unknown): RawBuilder<boolean> =>
  sql`(${sql.ref(endsAt)} <= ${now} or ${sql.ref(endsAt)} > ${latest})`

/** Where a text is in another, whatever the case of its ASCII letters. No character is special. */
export function createTextSearch({ sql: sqlEngine }: Pick<Engine, 'sql'>) {
  const position = sql.raw(sqlEngine === 'sqlite' ? 'instr' : 'strpos')
  /** In lower case as far as ASCII goes: all that SQLite knows, and three times as fast on PostgreSQL. */
  const lowerCase = (text: RawBuilder<unknown>) =>
    sqlEngine === 'sqlite' ? sql`lower(${text})` : sql`lower(${text} collate "C")`

  return (haystack: RawBuilder<unknown>, text: unknown) =>
    sql<boolean>`${position}(${lowerCase(haystack)}, ${lowerCase(sql`cast(${text} as text)`)}) > 0`
}
