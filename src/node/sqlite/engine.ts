import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Log } from '../../service/ports/runtime.ts'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import type { Engine, Step } from '../../storage/engine.ts'
import { SCHEMA_HISTORY, type SchemaHistory } from '../../storage/migrations.ts'
import { silentLog } from '../silent-log.ts'
import { logMigration } from '../tell-migration.ts'
import { createFileCheck } from './database-file.ts'
import { prepareSchema } from './schema.ts'

export interface SqliteOptions {
  readonly log?: Log
  readonly history?: SchemaHistory
}

interface PendingWork<Work, Answer> {
  readonly work: Work
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}
type PendingRead = PendingWork<Step, unknown[]>
type PendingWrite = PendingWork<readonly Step[], number[]>

/** How long another process may hold the lock before whoever waits for it is refused. */
const BUSY_TIMEOUT_MS = 10_000
/** A commit takes a fraction of this on a fast disk, and several on a slow one. */
const BUSY_RETRY_MS = 1

/**
 * better-sqlite3: WAL, `synchronous=FULL`, one writer. Whatever arrives in one turn of the event loop
 * is done together: reads share one snapshot, taken after the last of them arrived, and writes share
 * one commit, so one fsync. No write is answered before that commit is on disk; one that fails undoes
 * only itself. No write is answered if the file is no longer the one that was opened. While another
 * process writes, this one goes on reading.
 */
export function openSqlite(
  path: string,
  { log = silentLog, history = SCHEMA_HISTORY }: SqliteOptions = {},
): Engine {
  const db = new Database(path, { timeout: BUSY_TIMEOUT_MS })
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma('foreign_keys = ON')
  db.pragma('cache_size = -16384')
  const startedAt = performance.now()
  logMigration(prepareSchema(db, history), startedAt, log)
  requireIntact(db)
  const checkFiles = createFileCheck(path)
  // From here on nobody waits inside SQLite, which would keep the whole process waiting.
  const setBusyTimeout = (ms: number) => db.pragma(`busy_timeout = ${ms}`)
  setBusyTimeout(0)
  function withBusyTimeout<T>(work: () => T): T {
    setBusyTimeout(BUSY_TIMEOUT_MS)
    try {
      return work()
    } finally {
      setBusyTimeout(0)
    }
  }

  const statements = new Map<string, Database.Statement>()
  function prepareStatement(sql: string): Database.Statement {
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = db.prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }
  const readNow = ({ sql, values }: Step) => prepareStatement(sql).all(...values)
  function readOne(step: Step): unknown[] {
    try {
      return readNow(step)
    } catch (error) {
      if (!isBusy(error)) throw error
      // No writer keeps a reader out: this one repairs the log after a process that was killed.
      return withBusyTimeout(() => readNow(step))
    }
  }
  const writeOne = ({ sql, values }: Step) => prepareStatement(sql).run(...values).changes

  const begin = db.prepare('BEGIN')
  const beginImmediate = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const rollback = db.prepare('ROLLBACK')
  const savepoint = db.prepare('SAVEPOINT one')
  const release = db.prepare('RELEASE one')
  const undo = db.prepare('ROLLBACK TO one')

  /** Ends the transaction that has begun: all of it, or an error and none of it. */
  function transact<T>(work: () => T): T {
    try {
      const result = work()
      commit.run()
      return result
    } catch (error) {
      // Some errors of the disk have ended the transaction already.
      if (db.inTransaction) rollback.run()
      throw error
    }
  }

  /** What is to be told of each one's work; or, where nothing could be done, the error to each. */
  function settleGroup<Answer>(
    group: readonly PendingWork<unknown, Answer>[],
    work: () => (() => void)[],
  ) {
    try {
      for (const answer of work()) answer()
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  function readGroup(reads: readonly PendingRead[]): void {
    // What many ask for in the same words, as every request does for the authority, is read once.
    const rowsByStep = new Map<Step, unknown[]>()
    const readOnce = (step: Step) => {
      const rows = rowsByStep.get(step) ?? readOne(step)
      rowsByStep.set(step, rows)
      return rows
    }
    settleGroup(reads, () => {
      requireUndamaged()
      begin.run()
      return transact(() => reads.map((read) => attemptWork(read, readOnce)))
    })
  }

  /** In the transaction that has begun. */
  const writeGroup = (writes: readonly PendingWrite[]) =>
    settleGroup(writes, () => {
      const answers = commitGroup(writes)
      checkFiles()
      return answers
    })

  function commitGroup(writes: readonly PendingWrite[]): (() => void)[] {
    let hasFailed = false
    try {
      return transact(() =>
        writes.map(({ work, resolve }) => {
          hasFailed = true
          const changed = work.map(writeOne)
          hasFailed = false
          return () => resolve(changed)
        }),
      )
    } catch (error) {
      if (!hasFailed || isFault(error)) throw error
      // One of them cannot be done. Only now does each get a savepoint, and undoes only itself.
      withBusyTimeout(() => beginImmediate.run())
      return transact(() => writes.map((write) => attemptWork(write, writeInSavepoint, isFault)))
    }
  }

  function writeInSavepoint(steps: readonly Step[]): number[] {
    // Nothing after it may become a transaction of its own.
    if (!db.inTransaction) throw new Error('the transaction has ended')
    savepoint.run()
    try {
      return steps.map(writeOne)
    } catch (error) {
      if (db.inTransaction) undo.run()
      throw error
    } finally {
      if (db.inTransaction) release.run()
    }
  }

  let damage: unknown
  /** What a caller is told. Who has seen damage relies on nothing any more, and acknowledges nothing. */
  function noteDamage(error: unknown): unknown {
    if (isDamage(error)) damage ??= error
    return toCallerError(error)
  }
  function requireUndamaged(): void {
    if (damage !== undefined) throw damage
  }

  const reads: PendingRead[] = []
  const writes: PendingWrite[] = []
  let isScheduled = false
  let lockedSince: number | null = null
  function scheduleWork(): void {
    if (isScheduled) return
    isScheduled = true
    setImmediate(runPending)
  }
  function runPending(): void {
    isScheduled = false
    if (reads.length > 0) readGroup(reads.splice(0))
    if (writes.length > 0 && lockedSince === null) write()
  }

  /** As soon as no other process does; whatever arrives until then joins the group. */
  function write(): void {
    try {
      requireUndamaged()
      beginImmediate.run()
    } catch (error) {
      lockedSince ??= performance.now()
      if (isBusy(error) && performance.now() - lockedSince < BUSY_TIMEOUT_MS) {
        setTimeout(write, BUSY_RETRY_MS)
        return
      }
      lockedSince = null
      for (const { reject } of writes.splice(0)) reject(error)
      return
    }
    lockedSince = null
    writeGroup(writes.splice(0))
  }

  return {
    sql: 'sqlite',

    read<Row>(step: Step<Row>) {
      return new Promise<Row[]>((resolve, reject) => {
        scheduleWork()
        reads.push({
          work: step,
          resolve: resolve as (rows: unknown[]) => void,
          reject: (error) => reject(noteDamage(error)),
        })
      })
    },

    atomic(steps) {
      return new Promise((resolve, reject) => {
        scheduleWork()
        writes.push({ work: steps, resolve, reject: (error) => reject(noteDamage(error)) })
      })
    },

    async close() {
      withBusyTimeout(() => {
        lockedSince = null
        runPending()
      })
      db.close()
    },
  }
}

/** Throws what is fatal to all of the group. */
function attemptWork<Work, Answer>(
  { work, resolve, reject }: PendingWork<Work, Answer>,
  perform: (work: Work) => Answer,
  isFatal: (error: unknown) => boolean = () => false,
): () => void {
  try {
    const answer = perform(work)
    return () => resolve(answer)
  } catch (error) {
    if (isFatal(error)) throw error
    return () => reject(error)
  }
}

/** Reading all of a larger database would take seconds at each start: `latchkey doctor` does. */
const QUICK_CHECK_MAX_BYTES = 64 * 1024 * 1024

/** A database that is damaged is refused before anybody relies on it. */
function requireIntact(db: Database.Database): void {
  if (statSync(db.name).size > QUICK_CHECK_MAX_BYTES) return
  const verdict = db.pragma('quick_check(1)', { simple: true })
  if (verdict !== 'ok') throw new Database.SqliteError(String(verdict), 'SQLITE_CORRUPT')
}

const { SqliteError } = Database

/** What is wrong with the machine, or the file, and not with the statement (sqlite.org/rescode.html). */
const FAULT_MESSAGES: Record<string, string> = {
  BUSY: 'another process holds the database locked',
  LOCKED: 'another process holds the database locked',
  FULL: 'the disk is full: free some space',
  IOERR: 'the disk cannot be read or written',
  READONLY: 'the database file, or its folder, is read-only',
  CANTOPEN: 'the database file cannot be opened',
  CORRUPT: 'the database is damaged: stop the server and restore it from a backup',
  NOTADB: 'the file is not a database: stop the server and restore it from a backup',
  MOVED:
    'the database file was removed, replaced or cut: stop the server and restore it from a backup',
  PROTOCOL: 'the file system does not lock the database',
  NOMEM: 'the machine is out of memory',
}

/** `SQLITE_IOERR_WRITE` is IOERR. */
const getErrorKind = (error: unknown): string =>
  error instanceof SqliteError ? (error.code.split('_')[1] ?? '') : ''

export const isBusy = (error: unknown): boolean => getErrorKind(error) === 'BUSY'

/** Whether the machine failed, so that the same statement may succeed later. */
export const isFault = (error: unknown): boolean => getErrorKind(error) in FAULT_MESSAGES

/** Whether the file is damaged, replaced or missing, which does not mend by itself. */
export const isDamage = (error: unknown): boolean =>
  ['CORRUPT', 'NOTADB', 'MOVED'].includes(getErrorKind(error))

/** What a caller is told: that the database is unavailable where the machine failed, else the error. */
export function toCallerError(error: unknown): unknown {
  const sentence = FAULT_MESSAGES[getErrorKind(error)]
  if (sentence === undefined || !(error instanceof SqliteError)) return error
  return new StorageUnavailableError(`${sentence} (${error.code})`, { cause: error })
}
