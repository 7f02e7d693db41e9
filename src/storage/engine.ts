import {
  type Compilable,
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { MaybePromise } from '../service/ports/runtime.ts'
import type { ColumnType, Tables } from './tables.ts'

/** A database of any engine. Its SQL is compiled once and never changes. */
export interface Engine {
  readonly sql: 'sqlite' | 'postgres'
  read<Row>(step: Step<Row>): MaybePromise<Row[]>
  /** Runs a long read, such as a list that scans a table, without delaying other reads. */
  scan<Row>(step: Step<Row>): MaybePromise<Row[]>
  /**
   * Applies all steps or none. Resolves when they are on disk, to the number of rows that each one
   * changed; a step's own WHERE is its guard.
   */
  atomic(steps: readonly Step[], options?: WriteOptions): Promise<number[]>
  close(): Promise<void>
}

export interface WriteOptions {
  /** True for a write that no caller waits for: it may take longer, if it delays other work less. */
  readonly isBackground?: boolean
}

/** A statement with the values of one run. `Row` is the type of its rows. */
export interface Step<Row = unknown> {
  readonly sql: string
  readonly values: readonly unknown[]
  /**
   * Set for a statement of PostgreSQL that takes an array of each value: their types. Equal statements that
   * lists begin with are run as one. Each counts as one changed row, if none of them fails. Equal reads are run
   * as one, too, and each returns the rows of all.
   */
  readonly arrayTypes?: readonly ColumnType[]
  /** The values of several runs of such a statement, in place of `values`. */
  readonly rows?: readonly (readonly unknown[])[]
  readonly row?: Row
}

/** Measures the text that the steps bind, in UTF-16 units. */
export function measureSteps(steps: readonly Step[]): number {
  let length = 0
  for (const { values } of steps) {
    for (const value of values) if (typeof value === 'string') length += value.length
  }
  return length
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
 * SQLite plans a statement again at each run if a parameter's value might matter to the plan
 * (https://sqlite.org/c3ref/prepare.html): with a partial index such as `WHERE status = 'queued'`, any
 * `= ?` does, at ten times the cost of the run. With a plus it is an expression with the same value.
 */
class StablePlanSqliteCompiler extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return '+?'
  }
}

/**
 * Compiles SQL with Kysely once, when it is first run, with a placeholder for each argument; a run only
 * fills them. All statements together take a third of the CPU time of a start.
 */
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

  /** Defines a statement without arguments. */
  withoutArguments<Row>(write: (db: Kysely<Tables>) => Compilable<Row>): Step<Row> {
    let compiled: CompiledQuery<Row> | undefined
    const compile = () => {
      compiled ??= write(this.db).compile()
      return compiled
    }
    return {
      get sql() {
        return compile().sql
      },
      get values() {
        return compile().parameters
      },
    }
  }

  /**
   * Defines a statement with arguments: `withArguments<Args>()(write)`. (Two calls, so that Row is
   * inferred.)
   */
  withArguments<Args extends object>() {
    type Arg = <Name extends keyof Args & string>(name: Name) => Args[Name]
    const arg: Arg = <Name extends keyof Args & string>(name: Name) =>
      new Placeholder(name) as unknown as Args[Name]

    return <Row>(
      write: (db: Kysely<Tables>, arg: Arg) => Compilable<Row>,
    ): Statement<Args, Row> => {
      let compiled: CompiledQuery<Row> | undefined
      return (args) => {
        compiled ??= write(this.db, arg).compile()
        return {
          sql: compiled.sql,
          values: compiled.parameters.map((value) =>
            value instanceof Placeholder ? args[value.name as keyof Args] : value,
          ),
        }
      }
    }
  }
}
