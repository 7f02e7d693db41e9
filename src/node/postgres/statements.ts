import { createHash } from 'node:crypto'
import { type ClientBase, type Connection, type FieldDef, type Submittable, types } from 'pg'
import type { Step } from '../../storage/engine.ts'
import { MessageWriter } from './message-writer.ts'

/** The rows of a statement, and how many it returned or changed. */
export interface StepResult {
  readonly rows: Record<string, unknown>[]
  readonly count: number
}

/**
 * Runs steps in one round trip and one transaction: PostgreSQL begins it with the first step and commits
 * it at the Sync after the last one, before it says that it is ready
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING).
 */
export const runSteps = (client: ClientBase, steps: readonly Step[]): Promise<StepResult[]> =>
  new Promise((resolve, reject) => {
    client.query(
      new StepPipeline(steps, (error, results) => {
        if (error === null) resolve(results)
        else reject(error)
      }),
    )
  })

/** A statement that a connection has prepared. */
interface PreparedStatement {
  readonly name: string
  columns: readonly Column[]
}

interface Column {
  readonly name: string
  readonly parse: (text: string) => unknown
}

/** The state that lives as long as a connection. */
interface ConnectionState {
  readonly writer: MessageWriter
  readonly prepared: Map<string, PreparedStatement>
}

const connectionStates = new WeakMap<Connection, ConnectionState>()

function getConnectionState(connection: Connection): ConnectionState {
  let state = connectionStates.get(connection)
  if (state === undefined) {
    state = { writer: new MessageWriter(), prepared: new Map() }
    connectionStates.set(connection, state)
  }
  return state
}

type PipelineCallback = (error: Error | null, results: StepResult[]) => void

/**
 * A query of several statements, for the driver's queue. The driver's own queries are a round trip each,
 * and in its pipeline mode a transaction each.
 */
class StepPipeline implements Submittable {
  /** The driver replaces it, to limit the time of the query. */
  callback: PipelineCallback
  readonly #steps: readonly Step[]
  /** Statements that this pipeline prepares. */
  readonly #fresh = new Map<string, PreparedStatement>()
  #prepared = new Map<string, PreparedStatement>()
  readonly #statements: PreparedStatement[] = []
  readonly #results: StepResult[] = []
  #rows: Record<string, unknown>[] = []

  constructor(steps: readonly Step[], callback: PipelineCallback) {
    this.#steps = steps
    this.callback = callback
  }

  submit(connection: Connection): void {
    const { writer, prepared } = getConnectionState(connection)
    this.#prepared = prepared
    for (const { sql, values, arrayTypes, rows = [values] } of this.#steps) {
      const statement = prepared.get(sql) ?? this.#fresh.get(sql) ?? this.#prepare(writer, sql)
      this.#statements.push(statement)
      if (arrayTypes === undefined) writer.execute(statement.name, values)
      else writer.executeRows(statement.name, arrayTypes, rows)
    }
    connection.stream.write(writer.sync())
  }

  /** Replaces a statement of this name, which a pipeline that failed may have prepared. */
  #prepare(writer: MessageWriter, sql: string): PreparedStatement {
    const statement: PreparedStatement = { name: getStatementName(sql), columns: [] }
    writer.prepare(statement.name, sql)
    this.#fresh.set(sql, statement)
    return statement
  }

  handleRowDescription({ fields }: { fields: readonly FieldDef[] }): void {
    const statement = this.#statements[this.#results.length]
    if (statement !== undefined) statement.columns = fields.map(toColumn)
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const row: Record<string, unknown> = {}
    const columns = this.#statements[this.#results.length]?.columns ?? []
    for (const [n, { name, parse }] of columns.entries()) {
      const text = fields[n] ?? null
      row[name] = text === null ? null : parse(text)
    }
    this.#rows.push(row)
  }

  /** The command's tag ends with the number of rows: `UPDATE 2`, `INSERT 0 1`. */
  handleCommandComplete({ text }: { text: string }): void {
    const count = Number(text.slice(text.lastIndexOf(' ') + 1)) || 0
    this.#results.push({ rows: this.#rows, count })
    this.#rows = []
  }

  handleReadyForQuery(): void {
    for (const [sql, statement] of this.#fresh) this.#prepared.set(sql, statement)
    this.callback(null, this.#results)
  }

  handleError(error: Error): void {
    this.callback(error, [])
  }
}

const INT8_OID = 20

/** Reads BIGINT as a number: the values are milliseconds and counts. */
const toColumn = ({ name, dataTypeID }: FieldDef): Column => ({
  name,
  parse: dataTypeID === INT8_OID ? Number : types.getTypeParser(dataTypeID),
})

const statementNames = new Map<string, string>()

/** Names a statement, so that each connection prepares it once. The SQL is fixed, so there are few. */
function getStatementName(sql: string): string {
  let name = statementNames.get(sql)
  if (name === undefined) {
    name = createHash('sha256').update(sql).digest('base64url').slice(0, 20)
    statementNames.set(sql, name)
  }
  return name
}
