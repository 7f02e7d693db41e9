import {
  type Compilable,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Maybe } from '../service/ports/runtime.ts'
import type { Tables } from './tables.ts'

/** One database, whichever it is. The SQL that it is given is compiled once and never changes. */
export interface Engine {
  readonly sql: 'sqlite' | 'postgres'
  read<Row>(step: Step<Row>): Maybe<Row[]>
  /**
   * All steps or none. Resolves when they are on disk, with the number of rows that each one
   * changed; a step's own WHERE is its guard.
   */
  atomic(steps: readonly Step[]): Promise<number[]>
  close(): Promise<void>
}

/** A statement and the values of one run of it. `Row` is what it reads. */
export interface Step<Row = unknown> {
  readonly sql: string
  readonly values: readonly unknown[]
  readonly row?: Row
}

export type Statement<Args, Row> = (args: Args) => Step<Row>
export type StatementRow<S> = S extends Statement<never, infer Row> ? Row : never

class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * SQLite plans a statement anew at each run where the value of a parameter might matter to the plan
 * (https://sqlite.org/c3ref/prepare.html): beside a partial index such as `WHERE status = 'queued'`,
 * any `= ?` does, and costs ten times the run. Behind a plus it is an expression with the same value.
 */
class StablePlanSqliteCompiler extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return '+?'
  }
}

/** Writes SQL with Kysely once, with a hole for each argument; a run only fills the holes. */
export class StatementCompiler {
  readonly db: Kysely<Tables>

  constructor(sql: Engine['sql']) {
    this.db = new Kysely<Tables>({
      dialect: {
        createAdapter: () => (sql === 'sqlite' ? new SqliteAdapter() : new PostgresAdapter()),
        createDriver: () => new DummyDriver(),
        createIntrospector: (db) =>
          sql === 'sqlite' ? new SqliteIntrospector(db) : new PostgresIntrospector(db),
        createQueryCompiler: () =>
          sql === 'sqlite' ? new StablePlanSqliteCompiler() : new PostgresQueryCompiler(),
      },
    })
  }

  /** A statement without arguments. */
  withoutArguments<Row>(write: (db: Kysely<Tables>) => Compilable<Row>): Step<Row> {
    const { sql, parameters } = write(this.db).compile()
    return { sql, values: parameters }
  }

  /** `taking<Args>()(write)`: a statement with these arguments. (Two calls, so that Row is inferred.) */
  withArguments<Args extends object>() {
    type Arg = <Name extends keyof Args & string>(name: Name) => Args[Name]
    const arg: Arg = <Name extends keyof Args & string>(name: Name) =>
      new Placeholder(name) as unknown as Args[Name]

    return <Row>(
      write: (db: Kysely<Tables>, arg: Arg) => Compilable<Row>,
    ): Statement<Args, Row> => {
      const { sql, parameters } = write(this.db, arg).compile()
      return (args) => ({
        sql,
        values: parameters.map((value) =>
          value instanceof Placeholder ? args[value.name as keyof Args] : value,
        ),
      })
    }
  }
}
