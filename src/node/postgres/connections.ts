import { type ClientBase, Pool } from 'pg'
import type { Log } from '../../service/ports/runtime.ts'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import { isConnectionUsable, toLoggableError } from './errors.ts'

/**
 * Limits every wait: for a connection, a lock, a statement, an answer that a dead network will not
 * bring, and a process of ours that hangs with locks.
 */
const CONNECTION_LIMITS = {
  connectionTimeoutMillis: 5_000,
  lock_timeout: 5_000,
  statement_timeout: 10_000,
  idle_in_transaction_session_timeout: 10_000,
  query_timeout: 15_000,
  idleTimeoutMillis: 60_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
}

/**
 * Overrides settings of the database. The guards rely on READ COMMITTED (see openPostgres). A long list must
 * not take the time of requests with further processes, nor a short statement be compiled to machine code,
 * because PostgreSQL judges it to be long.
 */
const SESSION_OPTIONS = [
  '-c default_transaction_isolation=read\\ committed',
  '-c max_parallel_workers_per_gather=0',
  '-c jit=off',
].join(' ')

export type ConnectionLimits = typeof CONNECTION_LIMITS

/** The wait after a failed attempt to connect: doubled with each, up to the last. */
const BACK_OFF_MS = { first: 50, last: 2_000 }

export interface ConnectionPool {
  /**
   * Runs work with a connection, and always releases it. Throws StorageUnavailableError if there is
   * none, and only errors that may be logged.
   */
  withClient<T>(work: (client: ClientBase) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Creates a pool that survives its database: it drops a broken connection and opens a new one. */
export function createConnectionPool(
  url: string,
  log: Log,
  size: number,
  limits: Partial<ConnectionLimits> = {},
): ConnectionPool {
  const pool = new Pool({
    ...CONNECTION_LIMITS,
    ...limits,
    connectionString: url,
    max: size,
    fallback_application_name: 'latchkey',
    options: SESSION_OPTIONS,
  })
  // A query on a connection that breaks gets the error itself; an idle connection needs a listener.
  pool.on('connect', (client) => client.on('error', () => undefined))
  pool.on('error', (error) => log.warn({ reason: error.message }, 'an idle connection was lost'))

  let backOffMs = 0
  let downUntil = 0
  async function connect() {
    // An idle connection is good, even if no further one can be opened.
    if (performance.now() < downUntil && pool.idleCount === 0) {
      throw new StorageUnavailableError('the database cannot be reached at the moment')
    }
    try {
      const client = await pool.connect()
      if (backOffMs > 0) log.info({}, 'the database can be reached again')
      backOffMs = 0
      return client
    } catch (error) {
      if (isPoolTimeout(error))
        throw new StorageUnavailableError('every connection to the database is in use')
      // Failures of many at once count as one.
      if (performance.now() >= downUntil) {
        backOffMs = Math.min(backOffMs * 2 || BACK_OFF_MS.first, BACK_OFF_MS.last)
        downUntil = performance.now() + backOffMs
      }
      throw toLoggableError(error)
    }
  }

  return {
    async withClient(work) {
      const client = await connect()
      try {
        const result = await work(client)
        client.release()
        return result
      } catch (error) {
        client.release(!isConnectionUsable(error))
        throw toLoggableError(error)
      }
    },

    async close() {
      if (!pool.ending) await pool.end()
    },
  }
}

/** Tests for the pool's error when all connections were in use for too long. */
const isPoolTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message === 'timeout exceeded when trying to connect'
