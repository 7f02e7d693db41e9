import { StorageUnavailableError } from '../service/ports/storage.ts'
import type { Engine, Step } from '../storage/engine.ts'
import { planMigrations, SCHEMA_HISTORY, type SchemaHistory } from '../storage/migrations.ts'

/** The part of Cloudflare's D1 that is used here. */
export interface D1Database {
  withSession(constraint: 'first-primary'): D1Session
}

interface D1Session {
  prepare(sql: string): D1Statement
  /** One transaction. */
  batch(statements: readonly D1Statement[]): Promise<D1Result[]>
}

interface D1Statement {
  bind(...values: readonly unknown[]): D1Statement
  all(): Promise<D1Result>
}

interface D1Result {
  readonly results: unknown[]
  readonly meta: { readonly changes: number }
}

interface PendingRead {
  readonly step: Step
  readonly resolve: (rows: unknown[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Opens Cloudflare's D1. Reads that a request begins together are one batch, so one round trip. Every batch has
 * its own session, whose first query goes to the primary: a replica, or an older session, may return stale rows, so
 * that a revoked key would still be accepted.
 */
export function openD1(db: D1Database, history: SchemaHistory = SCHEMA_HISTORY): Engine {
  let isSchemaChecked = false

  /** Runs the steps as one transaction in a session on the primary. Checks the schema the first time. */
  const runBatch = (steps: readonly Step[]): Promise<D1Result[]> =>
    translateD1Errors(async () => {
      if (!isSchemaChecked) {
        await checkSchema(db.withSession('first-primary'), history)
        isSchemaChecked = true
      }
      const session = db.withSession('first-primary')
      return session.batch(steps.map(({ sql, values }) => session.prepare(sql).bind(...values)))
    })

  // Never holds reads of two requests: a request must not wait for I/O of another, which may have ended.
  let reads: PendingRead[] = []
  async function readTogether(): Promise<void> {
    const group = reads
    reads = []
    try {
      const results = await runBatch(group.map(({ step }) => step))
      for (const [n, { resolve }] of group.entries()) resolve(results[n]?.results ?? [])
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }
  const read = <Row>(step: Step<Row>): Promise<Row[]> =>
    new Promise<unknown[]>((resolve, reject) => {
      if (reads.length === 0) queueMicrotask(readTogether)
      reads.push({ step, resolve, reject })
    }) as Promise<Row[]>

  return {
    sql: 'sqlite',
    read,
    scan: read,
    atomic: async (steps) => (await runBatch(steps)).map(({ meta }) => meta.changes),
    async close() {},
  }
}

/**
 * A Worker migrates nothing, because a long step would outlast its request. Until the operator has migrated
 * the database, callers are told to retry.
 */
async function checkSchema(session: D1Session, history: SchemaHistory): Promise<void> {
  const [row] = await readVersion(session)
  const found = row?.version ?? 0
  if (planMigrations(found, history).length === 0) return
  throw new StorageUnavailableError(
    `the database has schema version ${found}, this Latchkey reads version ${history.version}: ` +
      `latchkey migrate --d1 FILE --from ${found}, and execute FILE with wrangler`,
  )
}

async function readVersion(session: D1Session): Promise<{ version: number }[]> {
  try {
    const { results } = await session.prepare('SELECT version FROM schema_version').bind().all()
    return results as { version: number }[]
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('no such table'))) throw error
    throw new Error('the database is empty: wrangler d1 execute latchkey --file schema.sql')
  }
}

/**
 * The messages of D1's documented errors that are not the statement's: a lost connection, an overload, a reset, a
 * full database. D1 has no error codes.
 */
const D1_FAULT_PATTERN =
  /connection lost|overloaded|was reset|to be reset|DB reset|transient|storage limit|maximum DB size/i

async function translateD1Errors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error && D1_FAULT_PATTERN.test(error.message))) throw error
    throw new StorageUnavailableError(`D1 does not answer: ${error.message}`, { cause: error })
  }
}
