import { createHash, randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, type ClientBase } from 'pg'
import type { Log } from '../../service/ports/runtime.ts'
import type { Engine, Step } from '../../storage/engine.ts'
import { SCHEMA_HISTORY, type SchemaHistory } from '../../storage/migrations.ts'
import { logMigration } from '../startup-log.ts'
import { type ConnectionLimits, createConnectionPool } from './connections.ts'
import { DatabaseOpenError, isConnectionUsable, isSerializationConflict } from './errors.ts'
import { hasNoSchema, preparePostgresSchema, readPostgresVersion } from './schema.ts'

export interface PostgresOptions {
  /** The size of the pool. */
  readonly connections?: number
  readonly history?: SchemaHistory
  /** Time limits for tests. */
  readonly limits?: Partial<ConnectionLimits>
}

/** Attempts of a transaction that conflicts with others. */
const MAX_TRANSACTION_ATTEMPTS = 5

/**
 * Opens PostgreSQL with a pool of connections, each of which prepares a statement once. A read is one
 * statement. A list of writes is one transaction at READ COMMITTED: every guard is in the WHERE of its
 * own statement, which PostgreSQL evaluates again on a row that it waited for. While the database is
 * unreachable, every method throws StorageUnavailableError; the pool reconnects by itself. A write whose
 * connection broke before COMMIT was answered may be stored or not, and throws StorageUnavailableError
 * too: the caller tries again. That is safe because no method depends on being the first: a stored
 * refresh is repeated with the same bytes, and a stored change can be read.
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
      logMigration(await preparePostgresSchema(client, history), startedAt, log)
    })
  } catch (error) {
    await connections.close()
    throw new DatabaseOpenError(error, describeServer(url))
  }

  const pendingReads = new Map<Step, Promise<unknown[]>>()
  function read<Row>(step: Step<Row>): Promise<Row[]> {
    // PostgreSQL's text holds no U+0000, so nothing equals a value with it.
    if (step.values.some((value) => typeof value === 'string' && value.includes('\0'))) {
      return Promise.resolve([])
    }
    // Shares one read of equal steps, such as the authority's version of every request, but only among
    // those that asked before it was sent. A later one must see what was written in between.
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

/** Tests if this database was never used by Latchkey. */
export const isNewPostgres = (url: string, log: Log): Promise<boolean> =>
  withConnection(url, log, hasNoSchema)

/** Inspects the database for `latchkey doctor`. Writes nothing. */
export function inspectPostgres(url: string, log: Log) {
  return withConnection(url, log, async (client) => ({
    ...describeServer(url),
    version: (await hasNoSchema(client)) ? null : await readPostgresVersion(client),
    /** If one of them is off, a power cut loses acknowledged writes. */
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

/** Describes the server: the URL without its password. */
function describeServer(url: string) {
  const { host, port, database = '', user = '' } = new Client({ connectionString: url })
  return { server: host.startsWith('/') ? host : `${host}:${port}`, database, user }
}

async function writeSteps(client: ClientBase, steps: readonly Step[]): Promise<number[]> {
  const [only] = steps
  // A single statement is a transaction by itself: one round trip instead of three.
  if (steps.length === 1 && only !== undefined) return [await writeStep(client, only)]

  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED')
  try {
    const changed: number[] = []
    for (const step of steps) changed.push(await writeStep(client, step))
    await client.query('COMMIT')
    return changed
  } catch (error) {
    // On a broken connection there is nothing to undo.
    if (isConnectionUsable(error)) await client.query('ROLLBACK')
    throw error
  }
}

const writeStep = async (client: ClientBase, step: Step): Promise<number> =>
  (await runStep(client, step)).rowCount ?? 0

const runStep = (client: ClientBase, { sql, values }: Step) =>
  client.query({ name: getStatementName(sql), text: sql, values: [...values] })

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
