import { Client, type ClientBase } from 'pg'
import type { Log } from '../../service/ports/runtime.ts'
import { type Engine, measureSteps, type Step } from '../../storage/engine.ts'
import {
  createMigrationError,
  formatVersionBump,
  type Migration,
  planMigrations,
  SCHEMA_HISTORY,
  type SchemaHistory,
} from '../../storage/migrations.ts'
import { logMigration } from '../log.ts'
import { readPackageFile } from '../package-file.ts'
import { MergedSteps, mergeArraySteps } from './array-steps.ts'
import { type ConnectionLimits, createConnectionPool } from './connections.ts'
import { DatabaseOpenError } from './errors.ts'
import { runSteps } from './statements.ts'
import { WorkQueue } from './work-queue.ts'

export interface PostgresOptions {
  /** The size of the pool. */
  readonly connections?: number
  readonly history?: SchemaHistory
  /** Time limits for tests. */
  readonly limits?: Partial<ConnectionLimits>
}

/** The number of connections that write at once: while one commits, another takes the writes that arrive. */
const WRITER_CONNECTIONS = 2
/**
 * The number of connections that write long lists at once. A second one would be one more process of PostgreSQL
 * that takes the time of requests.
 */
const LONG_WRITER_CONNECTIONS = 1
/** The number of connections that read at once for requests. */
const READER_CONNECTIONS = 2
/**
 * The most connections that scan at once: more would take the time of requests. The others need not wait for
 * them, even where the pool is small.
 */
const SCANNER_CONNECTIONS = 2

/**
 * Opens PostgreSQL with a pool of connections, each of which prepares a statement once. Work of one turn
 * of the event loop is grouped, and a group is one round trip:
 *
 * - Reads are a group. Each sees what was committed before it was sent. A scan is alone, on a connection
 *   that no read or write waits for.
 * - Writes are a group, and one transaction at READ COMMITTED: every guard is in the WHERE of its own
 *   statement, which PostgreSQL evaluates again on a row that it waited for. A long list is alone, on a
 *   connection that no short one waits for.
 *
 * While the database is unreachable, every method throws StorageUnavailableError; the pool reconnects by
 * itself. A write whose connection breaks before PostgreSQL confirms its commit may be stored or not, and
 * throws StorageUnavailableError too: the caller tries again. That is safe because a
 * method can run twice: a stored refresh is repeated with the same bytes, and a stored change can be read.
 */
export async function openPostgres(
  url: string,
  log: Log,
  { connections: size = 7, history = SCHEMA_HISTORY, limits = {} }: PostgresOptions = {},
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

  const writes = new WorkQueue(connections, { width: WRITER_CONNECTIONS, run: writeGroup })
  const longWrites = new WorkQueue(connections, {
    width: LONG_WRITER_CONNECTIONS,
    run: writeGroup,
    isAlone: true,
  })
  const reads = new WorkQueue(connections, {
    width: READER_CONNECTIONS,
    run: readGroup,
    isReadOnly: true,
  })
  const scans = new WorkQueue(connections, {
    width: Math.min(
      SCANNER_CONNECTIONS,
      Math.max(1, size - WRITER_CONNECTIONS - LONG_WRITER_CONNECTIONS - READER_CONNECTIONS),
    ),
    run: readGroup,
    isAlone: true,
  })
  // PostgreSQL's text holds no U+0000, so nothing equals a value with it.
  const addUnlessNul = <Row>(queue: typeof reads, step: Step<Row>): Promise<Row[]> =>
    [step.values, ...(step.rows ?? [])].flat().some(hasNul)
      ? Promise.resolve([])
      : (queue.add(step) as Promise<Row[]>)

  return {
    sql: 'postgres',
    read: (step) => addUnlessNul(reads, step),
    scan: (step) => addUnlessNul(scans, step),
    atomic: (steps) => (isLongList(steps) ? longWrites : writes).add(steps),

    async close() {
      await Promise.all([reads, scans, writes, longWrites].map((queue) => queue.finish()))
      await connections.close()
    },
  }
}

const hasNul = (value: unknown): boolean => typeof value === 'string' && value.includes('\0')

/**
 * Makes PostgreSQL plan a statement with arrays once. By default it plans anew for each length, which looks
 * cheaper, but takes longer than the read.
 */
const PLAN_ONCE: Step = {
  sql: `SELECT set_config('plan_cache_mode', 'force_generic_plan', true)`,
  values: [],
}

/**
 * Equal steps, such as the authority's version of every request, are read once. Those with arrays, such as
 * the keys of presented secrets, become one statement: for 30 keys, it takes a fifth of the time.
 */
async function readGroup(client: ClientBase, group: readonly Step[]): Promise<unknown[][]> {
  const others = new Set(group.filter(({ arrayTypes }) => arrayTypes === undefined))
  const merged = new MergedSteps()
  for (const step of group) if (step.arrayTypes !== undefined) merged.add(step)
  // The others come first, because they are planned for their values.
  const steps = merged.size > 0 ? [...others, PLAN_ONCE, ...merged.values()] : [...others]
  const results = await runSteps(client, steps)
  const rows = new Map(steps.map((step, n) => [step, results[n]?.rows ?? []]))
  return group.map((step) => rows.get(merged.get(step.sql) ?? step) ?? [])
}

/**
 * Limits how long a group waits for locks. A list that must wait longer, or that waits for a group which
 * waits for this one, is tried again alone and keeps no other waiting.
 */
const LIMIT_LOCK_WAIT: Step = {
  sql: `SELECT set_config('lock_timeout', '100', true)`,
  values: [],
}

async function writeGroup(
  client: ClientBase,
  group: readonly (readonly Step[])[],
): Promise<number[][]> {
  const preceding = group.length > 1 ? [LIMIT_LOCK_WAIT] : []
  const { steps, splitCounts } = mergeArraySteps(group)
  const results = await runSteps(client, [...preceding, ...steps])
  return splitCounts(results.slice(preceding.length).map(({ count }) => count))
}

const MAX_GROUPED_STEPS = 30
const MAX_GROUPED_CHARS = 256 * 1024

const isLongList = (steps: readonly Step[]): boolean =>
  steps.length > MAX_GROUPED_STEPS || measureSteps(steps) > MAX_GROUPED_CHARS

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

/** Arbitrary: no other program may use the same lock id in this database. */
const SCHEMA_LOCK_ID = 4_905_231

/** Tests if Latchkey never used the database. */
export async function hasNoSchema(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ is_empty: boolean }>(
    `SELECT to_regclass('schema_version') IS NULL AS is_empty`,
  )
  return rows[0]?.is_empty === true
}

export async function readPostgresVersion(client: ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ version: number }>('SELECT version FROM schema_version')
  // The driver's own queries read BIGINT as text.
  return rows[0] && Number(rows[0].version)
}

/**
 * How PostgreSQL stores rows. Encrypted texts cannot be compressed; it would try for each. The last use of a key
 * changes each minute: with room for it in the same page, no index does.
 */
const STORAGE_SETTINGS = `
  ALTER TABLE IF EXISTS messages ALTER COLUMN sealed_payload SET STORAGE EXTERNAL;
  ALTER TABLE IF EXISTS payload_parts ALTER COLUMN sealed SET STORAGE EXTERNAL;
  ALTER TABLE IF EXISTS keys SET (fillfactor = 85)`

/**
 * Creates the schema in an empty database, migrates an older one step by step, and refuses any other
 * version before reading from it. Returns the steps taken here: of servers that start at once, one takes
 * each, and the others wait.
 */
export async function preparePostgresSchema(
  client: ClientBase,
  history: SchemaHistory = SCHEMA_HISTORY,
): Promise<Migration[]> {
  await client.query('BEGIN')
  await client.query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK_ID])
  if (await hasNoSchema(client)) {
    await client.query(readPackageFile('schema.sql'))
    await client.query(STORAGE_SETTINGS)
  }
  const version = await readPostgresVersion(client)
  await client.query('COMMIT')

  const plan = planMigrations(version ?? 0, history)
  const applied: Migration[] = []
  for (const migration of plan) {
    if (await applyMigration(client, migration)) applied.push(migration)
  }
  if (applied.length > 0) await client.query(STORAGE_SETTINGS)
  // A newer Latchkey may have migrated further.
  if (plan.length > 0) planMigrations((await readPostgresVersion(client)) ?? 0, history)
  return applied
}

const MIGRATION_TIMEOUT_MS = 24 * 60 * 60 * 1000

async function applyMigration(client: ClientBase, migration: Migration): Promise<boolean> {
  await client.query('BEGIN')
  try {
    // A large table takes longer than any request may; so does another server's migration.
    await client.query('SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0')
    const queryWithTimeout = (text: string) => {
      const query = { text, query_timeout: MIGRATION_TIMEOUT_MS }
      return client.query(query)
    }
    const { rowCount } = await queryWithTimeout(formatVersionBump(migration))
    const isOurs = rowCount === 1
    for (const statement of isOurs ? migration.statements : []) await queryWithTimeout(statement)
    await client.query('COMMIT')
    return isOurs
  } catch (error) {
    // On a broken connection there is nothing to undo.
    await client.query('ROLLBACK').catch(() => undefined)
    throw createMigrationError(migration, error)
  }
}
