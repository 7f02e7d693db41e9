import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Log } from '../../service/ports/runtime.ts'
import type { Engine, Step } from '../../storage/engine.ts'
import { SCHEMA_HISTORY, type SchemaHistory } from '../../storage/migrations.ts'
import { logMigration, silentLog } from '../log.ts'
import { createFileCheck } from './database-file.ts'
import { isBusy, isDamage, isFault, toCallerError } from './errors.ts'
import { ReaderThread } from './reader-thread.ts'
import { prepareSqliteSchema } from './schema.ts'

export interface SqliteOptions {
  readonly log?: Log
  readonly history?: SchemaHistory
  /** The size from which a scan runs in a thread. In a smaller file, no scan takes more than a few ms. */
  readonly threadMinBytes?: number
}

/** Scans of a file of this size take about 10 ms. */
const THREAD_MIN_BYTES = 32 * 1024 * 1024

interface PendingWork<Work, Answer> {
  readonly work: Work
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}
type PendingRead = PendingWork<Step, unknown[]>
type PendingWrite = PendingWork<readonly Step[], number[]>

/** BEGIN and COMMIT take as long as three short statements that are snapshots by themselves. */
const MIN_STATEMENTS_TO_GROUP = 4

/** How long another process may hold the lock before a caller is refused. */
const BUSY_TIMEOUT_MS = 10_000
/** A commit takes a fraction of this on a fast disk, and several on a slow one. */
const BUSY_RETRY_MS = 1

/**
 * Opens better-sqlite3 with WAL, `synchronous=FULL` and one writer. Keeps reading while another process
 * writes.
 */
export function openSqlite(
  path: string,
  {
    log = silentLog,
    history = SCHEMA_HISTORY,
    threadMinBytes = THREAD_MIN_BYTES,
  }: SqliteOptions = {},
): Engine {
  const db = new Database(path, { timeout: BUSY_TIMEOUT_MS })
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma('foreign_keys = ON')
  db.pragma('cache_size = -16384')
  const startedAt = performance.now()
  logMigration(prepareSqliteSchema(db, history), startedAt, log)
  requireIntact(db)
  return new SqliteEngine(db, createFileCheck(path), threadMinBytes)
}

/**
 * Groups the work of one turn of the event loop. Reads run after the last of them has arrived, in one
 * snapshot if there are several. Writes share one commit, and so one fsync. Answers no write before that
 * commit is on disk; a failed write undoes only itself. Answers no write if the file is no longer the one that was opened.
 */
class SqliteEngine implements Engine {
  readonly sql = 'sqlite'
  readonly #transactions: Transactions
  /** Throws if the file is no longer the one that was opened. */
  readonly #checkFiles: () => void
  readonly #path: string
  readonly #threadMinBytes: number
  readonly #readerThread: ReaderThread
  readonly #reads: PendingRead[] = []
  readonly #writes: PendingWrite[] = []
  #isScheduled = false
  /** The time since which another process has held the lock; null if none does. */
  #lockedSince: number | null = null
  #damage: unknown

  constructor(db: Database.Database, checkFiles: () => void, threadMinBytes: number) {
    this.#transactions = new Transactions(db)
    this.#checkFiles = checkFiles
    this.#path = db.name
    this.#threadMinBytes = threadMinBytes
    this.#readerThread = new ReaderThread(db.name)
  }

  read<Row>(step: Step<Row>): Promise<Row[]> {
    return new Promise<Row[]>((resolve, reject) => {
      this.#scheduleWork()
      this.#reads.push({
        work: step,
        resolve: resolve as (rows: unknown[]) => void,
        reject: (error) => reject(this.#noteDamage(error)),
      })
    })
  }

  async scan<Row>(step: Step<Row>): Promise<Row[]> {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0
    if (size < this.#threadMinBytes) return this.read(step)
    try {
      this.#requireUndamaged()
      return (await this.#readerThread.read(step)) as Row[]
    } catch (error) {
      throw this.#noteDamage(error)
    }
  }

  atomic(steps: readonly Step[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      this.#scheduleWork()
      this.#writes.push({
        work: steps,
        resolve,
        reject: (error) => reject(this.#noteDamage(error)),
      })
    })
  }

  async close(): Promise<void> {
    this.#readerThread.close()
    this.#transactions.withBusyTimeout(() => {
      this.#lockedSince = null
      this.#runPending()
    })
    this.#transactions.db.close()
  }

  #scheduleWork(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#runPending())
  }

  #runPending(): void {
    this.#isScheduled = false
    if (this.#reads.length > 0) this.#readGroup(this.#reads.splice(0))
    if (this.#writes.length > 0 && this.#lockedSince === null) this.#write()
  }

  #readGroup(reads: readonly PendingRead[]): void {
    // Equal steps, such as the authority's version of every request, are read once.
    const rowsByStep = new Map<Step, unknown[]>()
    const readOnce = (step: Step) => {
      const rows = rowsByStep.get(step) ?? this.#transactions.readRows(step)
      rowsByStep.set(step, rows)
      return rows
    }
    settleGroup(reads, () => {
      this.#requireUndamaged()
      const readAll = () => reads.map((read) => attemptWork(read, readOnce))
      const statements = new Set(reads.map(({ work }) => work)).size
      if (statements < MIN_STATEMENTS_TO_GROUP) return readAll()
      this.#transactions.begin()
      return this.#transactions.commit(readAll)
    })
  }

  /** Writes as soon as no other process does; later arrivals join the group. */
  #write(): void {
    try {
      this.#requireUndamaged()
      this.#transactions.beginImmediate()
    } catch (error) {
      this.#lockedSince ??= performance.now()
      if (isBusy(error) && performance.now() - this.#lockedSince < BUSY_TIMEOUT_MS) {
        setTimeout(() => this.#write(), BUSY_RETRY_MS)
        return
      }
      this.#lockedSince = null
      for (const { reject } of this.#writes.splice(0)) reject(error)
      return
    }
    this.#lockedSince = null
    const writes = this.#writes.splice(0)
    settleGroup(writes, () => {
      const answers = this.#transactions.commitWrites(writes)
      this.#checkFiles()
      return answers
    })
  }

  /** Converts an error for the caller. After damage, refuses all further work. */
  #noteDamage(error: unknown): unknown {
    if (isDamage(error)) this.#damage ??= error
    return toCallerError(error)
  }

  #requireUndamaged(): void {
    if (this.#damage !== undefined) throw this.#damage
  }
}

/** The statements and transactions of one connection. */
class Transactions {
  readonly db: Database.Database
  readonly #statements = new Map<string, Database.Statement>()
  readonly #begin: Database.Statement
  readonly #beginImmediate: Database.Statement
  readonly #commit: Database.Statement
  readonly #rollback: Database.Statement
  readonly #savepoint: Database.Statement
  readonly #release: Database.Statement
  readonly #undo: Database.Statement

  constructor(db: Database.Database) {
    this.db = db
    // From here on, no call waits inside SQLite, which would block the whole process.
    this.#setBusyTimeout(0)
    this.#begin = db.prepare('BEGIN')
    this.#beginImmediate = db.prepare('BEGIN IMMEDIATE')
    this.#commit = db.prepare('COMMIT')
    this.#rollback = db.prepare('ROLLBACK')
    this.#savepoint = db.prepare('SAVEPOINT one')
    this.#release = db.prepare('RELEASE one')
    this.#undo = db.prepare('ROLLBACK TO one')
  }

  begin(): void {
    this.#begin.run()
  }

  beginImmediate(): void {
    this.#beginImmediate.run()
  }

  /** Runs `work` and commits the open transaction, or rolls it back and throws. */
  commit<T>(work: () => T): T {
    try {
      const result = work()
      this.#commit.run()
      return result
    } catch (error) {
      // Some disk errors have ended the transaction already.
      if (this.db.inTransaction) this.#rollback.run()
      throw error
    }
  }

  /** Writes a group in the open transaction, and commits it. Returns the functions that answer. */
  commitWrites(writes: readonly PendingWrite[]): (() => void)[] {
    let hasFailed = false
    try {
      return this.commit(() =>
        writes.map(({ work, resolve }) => {
          hasFailed = true
          const changed = work.map((step) => this.#writeRows(step))
          hasFailed = false
          return () => resolve(changed)
        }),
      )
    } catch (error) {
      if (!hasFailed || isFault(error)) throw error
      // One of the writes fails. Only now does each get a savepoint, and undoes only itself.
      this.withBusyTimeout(() => this.beginImmediate())
      const writeOne = (steps: readonly Step[]) => this.#writeInSavepoint(steps)
      return this.commit(() => writes.map((write) => attemptWork(write, writeOne, isFault)))
    }
  }

  readRows(step: Step): unknown[] {
    try {
      return this.#prepare(step.sql).all(...step.values)
    } catch (error) {
      if (!isBusy(error)) throw error
      // Writers do not block readers: the lock is held to recover the log after a process was killed.
      return this.withBusyTimeout(() => this.#prepare(step.sql).all(...step.values))
    }
  }

  withBusyTimeout<T>(work: () => T): T {
    this.#setBusyTimeout(BUSY_TIMEOUT_MS)
    try {
      return work()
    } finally {
      this.#setBusyTimeout(0)
    }
  }

  #setBusyTimeout(ms: number): void {
    this.db.pragma(`busy_timeout = ${ms}`)
  }

  #writeInSavepoint(steps: readonly Step[]): number[] {
    // Without this check, later steps would become transactions of their own.
    if (!this.db.inTransaction) throw new Error('the transaction has ended')
    this.#savepoint.run()
    try {
      return steps.map((step) => this.#writeRows(step))
    } catch (error) {
      if (this.db.inTransaction) this.#undo.run()
      throw error
    } finally {
      if (this.db.inTransaction) this.#release.run()
    }
  }

  /** Returns the number of changed rows. */
  #writeRows({ sql, values }: Step): number {
    return this.#prepare(sql).run(...values).changes
  }

  #prepare(sql: string): Database.Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

/** Answers each of the group, or rejects all with the error of the group. */
function settleGroup<Answer>(
  group: readonly PendingWork<unknown, Answer>[],
  work: () => (() => void)[],
): void {
  try {
    for (const answer of work()) answer()
  } catch (error) {
    for (const { reject } of group) reject(error)
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
