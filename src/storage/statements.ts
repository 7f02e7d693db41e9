import { type RawBuilder, sql } from 'kysely'
import type { Page } from '../service/ports/lists.ts'
import type { Engine, Statement, StatementCompiler, Step } from './engine.ts'
import { type ColumnType, getColumnType, listColumns, type Tables } from './tables.ts'

/** Sorts after every id: the cursor before the first page of a list with the newest first. */
export const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** Tables whose rows are found by an id, and listed in its order: the order of creation. */
type ListableTable =
  | 'accounts'
  | 'sites'
  | 'users'
  | 'developers'
  | 'sources'
  | 'destinations'
  | 'subscriptions'
  | 'keys'
  | 'sunsets'
type ColumnName<Name extends keyof Tables> = keyof Tables[Name] & string

/** Creates the statements that have the same form for every table. */
export function createTableStatements(engine: Engine, compiler: StatementCompiler) {
  const sqlStatement = createSqlWriter(compiler)
  return {
    /** Adds a row; fails if a unique column is taken. */
    insert: <Name extends keyof Tables>(table: Name) => createInsert(table, sql``),

    /** Adds a row; changes nothing if a unique column is taken. */
    insertUnlessTaken: <Name extends keyof Tables>(table: Name) =>
      createInsert(table, sql`on conflict do nothing`),

    findById<Name extends ListableTable, Value>(
      table: Name,
      toValue: (row: Tables[Name]) => Value,
    ) {
      const find = sqlStatement<{ id: string }, Tables[Name]>(
        (arg) => sql`select * from ${sql.table(table)} where id = ${arg('id')}`,
      )
      return async (id: string): Promise<Value | null> => {
        const [row] = await engine.read(find({ id }))
        return row === undefined ? null : toValue(row)
      }
    },

    /** Reads a page of the table, or of the rows of one owner. */
    page<Name extends ListableTable, Value>(
      table: Name,
      owner: ColumnName<Name>,
      toValue: (row: Tables[Name]) => Value,
    ) {
      const filteredPage = createFilteredPage(table)
      return async (ownerId: string | undefined, page: Page): Promise<Value[]> =>
        (await filteredPage([[owner, ownerId]], page)).map(toValue)
    },

    /**
     * Reads a page of the rows that have all of these values; undefined matches any value. `more`: columns
     * besides those of the table, after a comma.
     */
    filteredPage: createFilteredPage,
  }

  /** Prepares a statement for each set of columns, so that an index can serve it. */
  function createFilteredPage<Name extends ListableTable, More extends object = object>(
    table: Name,
    more: RawBuilder<unknown> = sql``,
  ) {
    const statements = createCache<Statement<Record<string, unknown>, Tables[Name] & More>>()

    return async (
      filters: readonly (readonly [ColumnName<Name>, string | undefined])[],
      { after = '', limit }: Page,
    ): Promise<(Tables[Name] & More)[]> => {
      const setFilters = filters.filter(([, value]) => value !== undefined)
      const statement = statements(String(setFilters.map(([column]) => column)), () =>
        sqlStatement((arg) => {
          const conditions = setFilters.map(
            ([column]) => sql`and ${sql.ref(column)} = ${arg(column)}`,
          )
          return sql`select ${sql.table(table)}.* ${more} from ${sql.table(table)}
            where id > ${arg('after')} ${sql.join(conditions, sql` `)} order by id limit ${arg('limit')}`
        }),
      )
      return engine.read(statement({ ...Object.fromEntries(setFilters), after, limit }))
    }
  }

  function createInsert<Name extends keyof Tables>(
    table: Name,
    conflictClause: RawBuilder<unknown>,
  ): Statement<Tables[Name], unknown> {
    const columns = listColumns(table)
    return sqlStatement<Tables[Name]>((arg) => {
      const names = sql.join(columns.map((column) => sql.ref(column)))
      const values = sql.join(columns.map((column) => sql`${arg(column)}`))
      return sql`insert into ${sql.table(table)} (${names}) values (${values}) ${conflictClause}`
    })
  }
}

export type TableStatements = ReturnType<typeof createTableStatements>

const MAX_CACHED_VALUES = 10_000

/** Returns the same value for equal names. It creates each once, unless there are very many. */
export function createCache<Value>(maxValues = MAX_CACHED_VALUES) {
  const values = new Map<string, Value>()
  return (name: string, create: (name: string) => Value): Value => {
    const cached = values.get(name)
    if (cached !== undefined) return cached
    if (values.size >= maxValues) values.clear()
    const value = create(name)
    values.set(name, value)
    return value
  }
}

/** Returns the same string for equal texts, instead of a new one of each row, to save memory where rows are cached. */
export function createTextPool() {
  const texts = createCache<string>()
  const keep = (text: string) => text
  return <Text extends string>(text: Text): Text => texts(text, keep) as Text
}

/** Writes the placeholder of one of the statement's arguments. */
export type Arg<Args> = (name: keyof Args & string) => unknown

/** Compiles statements that are clearer as SQL: `sqlStatement<Args, Row>((arg) => sql`…`)`. */
export function createSqlWriter(compiler: StatementCompiler) {
  return <Args extends object, Row = unknown>(
    write: (arg: Arg<Args>) => RawBuilder<unknown>,
  ): Statement<Args, Row> =>
    compiler.withArguments<Args>()((db, arg) => {
      const statement = write(arg as Arg<Args>) as RawBuilder<Row>
      return { compile: () => statement.compile(db) }
    })
}

type RowInsert<Name extends keyof Tables, Column extends keyof Tables[Name]> = Statement<
  Pick<Tables[Name], Column>,
  unknown
>

/**
 * Creates the insert of a row, which PostgreSQL can run for many rows at once: it then starts the statement and
 * parses the constraints once. `compute` selects further columns from those that are passed.
 */
export function createRowInsert<
  Name extends keyof Tables,
  Column extends keyof Tables[Name] & string,
>(
  { sql: sqlEngine }: Pick<Engine, 'sql'>,
  compiler: StatementCompiler,
  table: Name,
  columns: readonly Column[],
  compute: (value: (name: Column) => unknown) => Record<string, RawBuilder<unknown>> = () => ({}),
): RowInsert<Name, Column> {
  const sqlStatement = createSqlWriter(compiler)
  const insertInto = (computed: object) =>
    sql`insert into ${sql.table(table)}
      (${sql.join([...columns, ...Object.keys(computed)].map((name) => sql.ref(name)))})`
  if (sqlEngine === 'sqlite') {
    return sqlStatement((arg) => {
      const computed = compute(arg)
      const values = [...columns.map((name) => sql`${arg(name)}`), ...Object.values(computed)]
      return sql`${insertInto(computed)} values (${sql.join(values)})`
    })
  }
  const types = Object.fromEntries(columns.map((name) => [name, getColumnType(table, name)]))
  return createArrayStatement<Pick<Tables[Name], Column>>(
    compiler,
    types as Record<Column, ColumnType>,
    (rows) => {
      const computed = compute((name) => sql.ref(`given.${name}`))
      return sql`${insertInto(computed)}
      select ${sql.join([sql`given.*`, ...Object.values(computed)])} from ${rows}`
    },
  )
}

/**
 * Creates a statement of PostgreSQL that is run once for the values of many runs: the rows `given`, from which
 * `write` selects.
 */
export function createArrayStatement<Args extends object, Row = unknown>(
  compiler: StatementCompiler,
  types: Readonly<Record<keyof Args & string, ColumnType>>,
  write: (rows: RawBuilder<unknown>) => RawBuilder<unknown>,
): (first: Args, ...others: readonly Args[]) => Step<Row> {
  const names = Object.keys(types) as (keyof Args & string)[]
  const statement = createSqlWriter(compiler)<Args, Row>((arg) => {
    const arrays = names.map((name) => sql`cast(${arg(name)} as ${sql.raw(`${types[name]}[]`)})`)
    const columns = names.map((name) => sql.ref(name))
    return write(sql`unnest(${sql.join(arrays)}) as given (${sql.join(columns)})`)
  })
  const arrayTypes = names.map((name) => types[name])
  return (...runs) => ({
    ...statement(runs[0]),
    arrayTypes,
    ...(runs.length > 1 && { rows: runs.map((run) => names.map((name) => run[name])) }),
  })
}

/** Selects the values of a list passed as one JSON text, so that a statement serves lists of any length. */
export const expandJsonList = (engine: Engine, list: unknown): RawBuilder<unknown> =>
  engine.sql === 'sqlite'
    ? sql`(select value from json_each(${list}))`
    : sql`(select json_array_elements_text(cast(${list} as json)))`

/**
 * The opposite of `isPending`, for queries: true if a deadline has passed, or is further in the future
 * than a right clock can have set it. `latest` comes from `getLatestDeadline`.
 */
export const isPast = (endsAt: string, now: unknown, latest: unknown): RawBuilder<boolean> =>
  sql`(${sql.ref(endsAt)} <= ${now} or ${sql.ref(endsAt)} > ${latest})`

/** Tests if a text contains another, ignoring the case of ASCII letters. No character is special. */
export function createTextSearch({ sql: sqlEngine }: Pick<Engine, 'sql'>) {
  const position = sql.raw(sqlEngine === 'sqlite' ? 'instr' : 'strpos')
  /** Lowers ASCII letters only: SQLite knows no others, and it is three times as fast on PostgreSQL. */
  const lowerCase = (text: RawBuilder<unknown>) =>
    sqlEngine === 'sqlite' ? sql`lower(${text})` : sql`lower(${text} collate "C")`

  return (haystack: RawBuilder<unknown>, text: unknown) =>
    sql<boolean>`${position}(${lowerCase(haystack)}, ${lowerCase(sql`cast(${text} as text)`)}) > 0`
}

/** The erasure of a message takes 70 µs, and no part may delay a request. */
const ROWS_PER_PART = 100

/**
 * Creates a change of all rows that meet a condition, however many: a thread finds them, and each part of them
 * is changed by a write of its own, if they still meet it. `change` is the statement up to its WHERE. Returns
 * the number of changed rows.
 */
export function createChangeInParts<Args extends object>(
  engine: Engine,
  compiler: StatementCompiler,
  {
    id: [table, column],
    condition,
    change,
  }: {
    readonly id: readonly [table: keyof Tables, column: string]
    readonly condition: (arg: Arg<Args>) => RawBuilder<unknown>
    readonly change: (arg: Arg<Args>) => RawBuilder<unknown>
  },
): (args: Args) => Promise<number> {
  const sqlStatement = createSqlWriter(compiler)
  const id = sql.ref(`${table}.${column}`)
  const find = sqlStatement<Args & { after: string; limit: number }, { id: string }>(
    (arg) => sql`
      select distinct ${id} as id from ${sql.table(table)}
      where ${condition(arg)} and ${id} > ${arg('after')} order by ${id} limit ${arg('limit')}`,
  )
  const changePart = sqlStatement<Args & { ids: string }>(
    (arg) => sql`
      ${change(arg)} where ${condition(arg)} and ${id} in ${expandJsonList(engine, arg('ids'))}`,
  )

  return async (args) => {
    let changed = 0
    for (let after: string | undefined = ''; after !== undefined; ) {
      const found: { id: string }[] = await engine.scan(
        find({ ...args, after, limit: ROWS_PER_PART }),
      )
      if (found.length === 0) break
      const ids = JSON.stringify(found.map((row) => row.id))
      const [count = 0] = await engine.atomic([changePart({ ...args, ids })], {
        isBackground: true,
      })
      changed += count
      after = found[ROWS_PER_PART - 1]?.id
    }
    return changed
  }
}
