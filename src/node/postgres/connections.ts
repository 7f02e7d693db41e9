import { type ClientBase, Pool, types } from 'pg'
import type { Log } from '../../service/ports/runtime.ts'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import { isConnectionUsable, toLoggableError } from './errors.ts'

/**
 * Nothing waits for ever: for a connection, for a lock, for a statement, for an answer that a dead
 * network will not bring; nor do locks wait for a process of ours that hangs.
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

export type ConnectionLimits = typeof CONNECTION_LIMITS

/** How long nobody tries after a failed attempt to connect: doubled with each, up to the last. */
const BACK_OFF_MS = { first: 50, last: 2_000 }

const INT8 = 20
/** BIGINT as a number, in this pool only: what is stored are milliseconds and counts. */
const parsers: typeof types = {
  ...types,
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8 ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
}

export interface ConnectionPool {
  /**
   * Lends a connection; takes it back whatever happens. Throws Unavailable where there is none, and
   * only errors that may be logged.
   */
  withClient<T>(work: (client: ClientBase) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** A pool that survives its database: a connection that broke is not used again, a new one is made. */
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
    types: parsers,
    fallback_application_name: 'latchkey',
  })
  // Whoever waits for an answer on a connection that breaks hears of it there; an idle one has nobody.
  pool.on('connect', (client) => client.on('error', () => undefined))
  pool.on('error', (error) => log.warn({ reason: error.message }, 'an idle connection was lost'))

  let backOffMs = 0
  let downUntil = 0
  async function connect() {
    // A connection that is there is good, even where no further one can be had.
    if (performance.now() < downUntil && pool.idleCount === 0) {
      throw new StorageUnavailableError('the database could not be reached just now')
    }
    try {
      const client = await pool.connect()
      if (backOffMs > 0) log.info({}, 'the database is reached again')
      backOffMs = 0
      return client
    } catch (error) {
      if (isPoolTimeout(error))
        throw new StorageUnavailableError('every connection to the database is in use')
      // Many wait for a connection at once: their failures are one.
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

/** The pool's word for a wait for a connection that others had all the time. */
const isPoolTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message === 'timeout exceeded when trying to connect'
