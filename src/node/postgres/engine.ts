import { createHash, randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, type ClientBase } from 'pg'
import type { Log } from '../../service/ports/runtime.ts'
import type { Engine, Step } from '../../storage/engine.ts'
import { SCHEMA_HISTORY, type SchemaHistory } from '../../storage/migrations.ts'
import { logMigration } from '../tell-migration.ts'
import { type ConnectionLimits, createConnectionPool } from './connections.ts'
import { DatabaseOpenError, isConnectionUsable, isSerializationConflict } from './errors.ts'
import { hasNoSchema, prepareSchema, readPostgresVersion } from './schema.ts'

export interface PostgresOptions {
  /** How many connections the pool may have. */
  readonly connections?: number
  readonly history?: SchemaHistory
  /** How long it waits for whom, where that is not as in production. */
  readonly limits?: Partial<ConnectionLimits>
}

/** How often a transaction is tried that others were in the way of. */
const MAX_TRANSACTION_ATTEMPTS = 5

/**
 * PostgreSQL, by a pool of connections and statements that each connection prepares once. A read is
 * a statement of its own. A list of writes is one transaction, at READ COMMITTED: every guard stands
 * in the WHERE of its own statement, which PostgreSQL evaluates again on a row that it waited for.
 *
 * While the database is away, every verb throws Unavailable; when it is back, the pool finds out by
 * itself. A write whose connection broke before COMMIT was answered may have been kept or not, and
 * throws Unavailable too: the caller is told to come back, and finds out by asking again. That is
 * safe because no verb depends on being the first: a refresh that was kept is answered again with
 * the same bytes (a repeat), a change that was kept is there to be seen.
 */
export async function openPostgres(
  url: string,
  log: Log,
  { connections: size = 10, history = SCHEMA_HISTORY, limits = {} }: PostgresOptions = {},
): Promise<Engine> {
  const connections = createConnectionPool(url, log, size, limits)
  try {
    await connections.withClient(async (client) => {
      const startedAt = performance.now()
      logMigration(await prepareSchema(client, history), startedAt, log)
    })
  } catch (error) {
    await connections.close()
    throw new DatabaseOpenError(error, describeServer(url))
  }

  const pendingReads = new Map<Step, Promise<unknown[]>>()
  function read<Row>(step: Step<Row>): Promise<Row[]> {
    // PostgreSQL's text holds no U+0000: nothing there is equal to what does.
    if (step.values.some((value) => typeof value === 'string' && value.includes('\0'))) {
      return Promise.resolve([])
    }
    // What many ask for in the same words, as every request does for the authority, is read once:
    // but only by those who asked before it was sent. Who comes later must see what was written
    // in between, and reads anew.
    const pending = pendingReads.get(step)
    if (pending !== undefined) return pending as Promise<Row[]>
    const rows = connections.withClient(async (client) => {
      pendingReads.delete(step)
      const result = await runStep(client, step)
      return result.rows as Row[]
    })
    pendingReads.set(step, rows)
    rows.catch(() => {
      if (pendingReads.get(step) === rows) pendingReads.delete(step)
    })
    return rows
  }

  return {
    sql: 'postgres',
    read,

    async atomic(steps) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await connections.withClient((client) => writeSteps(client, steps))
        } catch (error) {
          if (!isSerializationConflict(error) || attempt === MAX_TRANSACTION_ATTEMPTS) throw error
          await delay(randomInt(10 * attempt))
        }
      }
    },

    close: () => connections.close(),
  }
}

/** Whether this database has never been Latchkey's. */
export const isNewPostgres = (url: string, log: Log): Promise<boolean> =>
  withConnection(url, log, hasNoSchema)

/** What `latchkey doctor` wants to know. Nothing is written. */
export function inspectPostgres(url: string, log: Log) {
  return withConnection(url, log, async (client) => ({
    ...describeServer(url),
    version: (await hasNoSchema(client)) ? null : await readPostgresVersion(client),
    /** Where one of them is off, a power cut takes what was acknowledged. */
    settings: {
      fsync: await readSetting(client, 'fsync'),
      synchronous_commit: await readSetting(client, 'synchronous_commit'),
    },
  }))
}

async function withConnection<T>(url: string, log: Log, work: (client: ClientBase) => Promise<T>) {
  const connections = createConnectionPool(url, log, 1)
  try {
    return await connections.withClient(work)
  } catch (error) {
    throw new DatabaseOpenError(error, describeServer(url))
  } finally {
    await connections.close()
  }
}

async function readSetting(client: ClientBase, name: string): Promise<string> {
  const { rows } = await client.query<{ value: string }>('SELECT current_setting($1) AS value', [
    name,
  ])
  return rows[0]?.value ?? ''
}

/** What may be said of where it is: the URL without its password. */
function describeServer(url: string) {
  const { host, port, database = '', user = '' } = new Client({ connectionString: url })
  return { server: host.startsWith('/') ? host : `${host}:${port}`, database, user }
}

async function writeSteps(client: ClientBase, steps: readonly Step[]): Promise<number[]> {
  const [only] = steps
  // One statement is a transaction without being told so: one round trip instead of three.
  if (steps.length === 1 && only !== undefined) return [await writeStep(client, only)]

  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED')
  try {
    const changed: number[] = []
    for (const step of steps) changed.push(await writeStep(client, step))
    await client.query('COMMIT')
    return changed
  } catch (error) {
    // On a connection that broke there is nothing left to undo.
    if (isConnectionUsable(error)) await client.query('ROLLBACK')
    throw error
  }
}

const writeStep = async (client: ClientBase, step: Step): Promise<number> =>
  (await runStep(client, step)).rowCount ?? 0

const runStep = (client: ClientBase, { sql, values }: Step) =>
  client.query({ name: getStatementName(sql), text: sql, values: [...values] })

const statementNames = new Map<string, string>()

/** Under its name a connection prepares a statement once. The SQL is fixed, so there are few. */
function getStatementName(sql: string): string {
  let name = statementNames.get(sql)
  if (name === undefined) {
    name = createHash('sha256').update(sql).digest('base64url').slice(0, 20)
    statementNames.set(sql, name)
  }
  return name
}
