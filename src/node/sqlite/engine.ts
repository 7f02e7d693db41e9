import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Log } from '../../service/ports/runtime.ts'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import type { Engine, Step } from '../../storage/engine.ts'
import { SCHEMA_HISTORY, type SchemaHistory } from '../../storage/migrations.ts'
import { silentLog } from '../silent-log.ts'
import { logMigration } from '../startup-log.ts'
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

/** How long another process may hold the lock before a caller is refused. */
const BUSY_TIMEOUT_MS = 10_000
/** A commit takes a fraction of this on a fast disk, and several on a slow one. */
const BUSY_RETRY_MS = 1

/**
 * Opens better-sqlite3 with WAL, `synchronous=FULL` and one writer. Groups the work of one turn of the
 * event loop: reads share one snapshot, taken after the last of them arrived, and writes share one
 * commit, so one fsync. Answers no write before that commit is on disk; a failed one undoes only itself.
 * Answers no write if the file is no longer the one that was opened. Keeps reading while another process
 * writes.
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
  // From here on, no call waits inside SQLite, which would block the whole process.
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
      // Writers do not block readers: the lock is held to recover the log after a process was killed.
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

  /** Commits the open transaction, or rolls it back and throws. */
  function transact<T>(work: () => T): T {
    try {
      const result = work()
      commit.run()
      return result
    } catch (error) {
      // Some disk errors have ended the transaction already.
      if (db.inTransaction) rollback.run()
      throw error
    }
  }

  /** Answers each of the group, or rejects all with the error of the group. */
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
    // Equal steps, such as the authority's version of every request, are read once.
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

  /** Runs in the open transaction. */
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
      // One of the writes fails. Only now does each get a savepoint, and undoes only itself.
      withBusyTimeout(() => beginImmediate.run())
      return transact(() => writes.map((write) => attemptWork(write, writeInSavepoint, isFault)))
    }
  }

  function writeInSavepoint(steps: readonly Step[]): number[] {
    // Without this check, later steps would become transactions of their own.
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
  /** Converts an error for the caller. After damage, refuses all further work. */
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

  /** Writes as soon as no other process does; later arrivals join the group. */
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

/** Performs one piece of work. Throws an error that is fatal to the group. */
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

/** A larger database would take seconds to read at each start: `latchkey doctor` checks it. */
const QUICK_CHECK_MAX_BYTES = 64 * 1024 * 1024

/** Refuses a damaged database before any work relies on it. */
function requireIntact(db: Database.Database): void {
  if (statSync(db.name).size > QUICK_CHECK_MAX_BYTES) return
  const verdict = db.pragma('quick_check(1)', { simple: true })
  if (verdict !== 'ok') throw new Database.SqliteError(String(verdict), 'SQLITE_CORRUPT')
}

const { SqliteError } = Database

/** Messages for faults of the machine or the file, not of the statement (sqlite.org/rescode.html). */
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

/** Reduces a code: `SQLITE_IOERR_WRITE` is IOERR. */
const getErrorKind = (error: unknown): string =>
  error instanceof SqliteError ? (error.code.split('_')[1] ?? '') : ''

export const isBusy = (error: unknown): boolean => getErrorKind(error) === 'BUSY'

/** Tests if the machine failed, so that the same statement may succeed later. */
export const isFault = (error: unknown): boolean => getErrorKind(error) in FAULT_MESSAGES

/** Tests if the file is damaged, replaced or missing, which needs an operator. */
export const isDamage = (error: unknown): boolean =>
  ['CORRUPT', 'NOTADB', 'MOVED'].includes(getErrorKind(error))

/** Converts a fault of the machine to StorageUnavailableError; returns other errors unchanged. */
export function toCallerError(error: unknown): unknown {
  const sentence = FAULT_MESSAGES[getErrorKind(error)]
  if (sentence === undefined || !(error instanceof SqliteError)) return error
  return new StorageUnavailableError(`${sentence} (${error.code})`, { cause: error })
}
