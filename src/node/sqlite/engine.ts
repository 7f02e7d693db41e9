import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Log } from '../../service/ports/runtime.ts'
import { type Engine, measureSteps, type Step, type WriteOptions } from '../../storage/engine.ts'
import { SCHEMA_HISTORY, type SchemaHistory } from '../../storage/migrations.ts'
import { logMigration, silentLog } from '../log.ts'
import { CHECKPOINT_PAGES, Checkpoints } from './checkpoints.ts'
import { createFileCheck } from './database-file.ts'
import { DatabaseThread } from './database-thread.ts'
import { isBusy, isDamage, nameFileInErrors, toCallerError } from './errors.ts'
import { prepareSqliteSchema } from './schema.ts'
import {
  attemptWork,
  BUSY_TIMEOUT_MS,
  type PendingWork,
  type PendingWrite,
  settleGroup,
  Transactions,
} from './transactions.ts'

export interface SqliteOptions {
  readonly log?: Log
  readonly history?: SchemaHistory
  /** The size from which a scan runs in a thread. In a smaller file, no scan takes more than a few ms. */
  readonly threadMinBytes?: number
  /** The length of the log, in pages, from which a thread copies it to the database file. */
  readonly checkpointPages?: number
}

/** Scans of a file of this size take about 10 ms. */
const THREAD_MIN_BYTES = 32 * 1024 * 1024

/** BEGIN and COMMIT take as long as three short statements that are snapshots by themselves. */
const MIN_STATEMENTS_TO_GROUP = 4

/** Holds the inner pages of the indexes of a million keys. The system caches the others. */
const CACHE_PRAGMA = 'cache_size = -4096'

interface QueuedWrite extends PendingWrite {
  readonly isLong: boolean
}

/** A longer write runs in a thread, with a commit of its own. */
const MAX_SHORT_CHARS = 256 * 1024

/** A commit takes a fraction of this on a fast disk, and several on a slow one. */
const BUSY_RETRY_MS = 1

/** The settings of a connection that writes. */
const WRITER_PRAGMAS = [
  'synchronous = FULL',
  'foreign_keys = ON',
  CACHE_PRAGMA,
  // A statement that adds many rows keeps the pages that it may have to restore. (Large sorts run in a thread.)
  'temp_store = MEMORY',
]

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
    checkpointPages = CHECKPOINT_PAGES,
  }: SqliteOptions = {},
): Engine {
  const db = nameFileInErrors(path, () => {
    const opened = new Database(path, { timeout: BUSY_TIMEOUT_MS })
    opened.pragma('journal_mode = WAL')
    for (const pragma of WRITER_PRAGMAS) opened.pragma(pragma)
    const startedAt = performance.now()
    logMigration(prepareSqliteSchema(opened, history), startedAt, log)
    requireIntact(opened)
    return opened
  })
  const checkFiles = createFileCheck(path)
  const checkpoints = new Checkpoints(db, checkFiles, { checkpointPages, log })
  return new SqliteEngine(db, { checkFiles, checkpoints, threadMinBytes })
}

/**
 * Groups the work of one turn of the event loop. Reads run after the last of them has arrived, in one
 * snapshot if there are several. Writes share one commit, and so one fsync; they wait one turn for the
 * requests that read in the same turn, which often write next. Answers no write before that commit is on
 * disk; a failed write undoes only itself. Answers no write if the file is no longer the one that was
 * opened.
 *
 * A long write, such as a part of a payload, or one in the background runs alone in a thread, so that reads need
 * not wait for it.
 */
class SqliteEngine implements Engine {
  readonly sql = 'sqlite'
  readonly #transactions: Transactions
  readonly #checkpoints: Checkpoints
  /** Throws if the file is no longer the one that was opened. */
  readonly #checkFiles: () => void
  readonly #path: string
  readonly #threadMinBytes: number
  readonly #readerThread: DatabaseThread
  readonly #writerThread: DatabaseThread
  readonly #reads: PendingWork<Step, unknown[]>[] = []
  /** Those without values, such as the authority's version of every request: all of a turn share one. */
  readonly #sharedReads = new Map<Step, Promise<unknown[]>>()
  #writes: QueuedWrite[] = []
  #isScheduled = false
  /** True if writes wait for those of the requests that have just read. */
  #isDeferred = false
  /** The time since which another process has held the lock; null if none does. */
  #lockedSince: number | null = null
  #retryTimer: NodeJS.Timeout | undefined
  /** A long write, or the copy of a log that is too long. All other writes wait for it. */
  #pause: Promise<void> | null = null
  #isClosing = false
  #damage: unknown

  constructor(
    db: Database.Database,
    {
      checkFiles,
      checkpoints,
      threadMinBytes,
    }: { checkFiles: () => void; checkpoints: Checkpoints; threadMinBytes: number },
  ) {
    this.#transactions = new Transactions(db)
    this.#checkpoints = checkpoints
    this.#checkFiles = checkFiles
    this.#path = db.name
    this.#threadMinBytes = threadMinBytes
    this.#readerThread = new DatabaseThread(db.name, checkFiles, {
      readonly: true,
      timeout: BUSY_TIMEOUT_MS,
      pragmas: [CACHE_PRAGMA],
    })
    const pragmas = [...WRITER_PRAGMAS, checkpoints.pragma]
    this.#writerThread = new DatabaseThread(db.name, checkFiles, {
      timeout: BUSY_RETRY_MS,
      lockTimeoutMs: BUSY_TIMEOUT_MS,
      pragmas,
    })
  }

  read<Row>(step: Step<Row>): Promise<Row[]> {
    const shared = this.#sharedReads.get(step)
    if (shared !== undefined) return shared as Promise<Row[]>
    const reading = new Promise<Row[]>((resolve, reject) => {
      this.#scheduleWork()
      this.#reads.push({
        work: step,
        resolve: resolve as (rows: unknown[]) => void,
        reject: (error) => reject(this.#noteDamage(error)),
      })
    })
    if (step.values.length === 0) this.#sharedReads.set(step, reading)
    return reading
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

  atomic(steps: readonly Step[], { isBackground = false }: WriteOptions = {}): Promise<number[]> {
    return new Promise((resolve, reject) => {
      this.#scheduleWork()
      this.#writes.push({
        work: steps,
        isLong: isBackground || measureSteps(steps) > MAX_SHORT_CHARS,
        resolve,
        reject: (error) => reject(this.#noteDamage(error)),
      })
    })
  }

  async close(): Promise<void> {
    void this.#readerThread.close()
    this.#isClosing = true
    clearTimeout(this.#retryTimer)
    do {
      await this.#pause
      this.#transactions.withBusyTimeout(() => {
        this.#lockedSince = null
        this.#runPending()
      })
    } while (this.#pause !== null || this.#writes.length > 0)
    await this.#writerThread.close()
    // The last connection copies the whole log and deletes it.
    await this.#checkpoints.close()
    this.#transactions.db.close()
  }

  #scheduleWork(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#runPending())
  }

  #runPending(): void {
    this.#isScheduled = false
    this.#sharedReads.clear()
    const hasReads = this.#reads.length > 0
    if (hasReads) this.#readGroup(this.#reads.splice(0))
    this.#isDeferred = hasReads && this.#writes.length > 0 && !this.#isDeferred
    if (this.#isDeferred) this.#scheduleWork()
    else this.#writePending()
  }

  #writePending(): void {
    const [first] = this.#writes
    if (first === undefined || this.#lockedSince !== null || this.#pause !== null) return
    const copy = this.#checkpoints.overdueCopy
    if (copy !== null) this.#pauseFor(copy)
    else if (!first.isLong) this.#write()
    else {
      this.#writes.shift()
      this.#pauseFor(this.#writeInThread(first))
    }
  }

  /** Writes again when `work` has ended, which never rejects. */
  #pauseFor(work: Promise<void>): void {
    this.#pause = work.then(() => {
      this.#pause = null
      // A short write waits for one long one, not for all that came before it.
      this.#writes.sort((a, b) => Number(a.isLong) - Number(b.isLong))
      if (this.#writes.length > 0) this.#scheduleWork()
    })
  }

  #readGroup(reads: readonly PendingWork<Step, unknown[]>[]): void {
    settleGroup(reads, () => {
      this.#requireUndamaged()
      const readAll = () =>
        reads.map((read) => attemptWork(read, (step) => this.#transactions.readRows(step)))
      if (reads.length < MIN_STATEMENTS_TO_GROUP) return readAll()
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
      const waitedMs = performance.now() - this.#lockedSince
      if (isBusy(error) && waitedMs < BUSY_TIMEOUT_MS && !this.#isClosing) {
        this.#retryTimer = setTimeout(() => this.#write(), BUSY_RETRY_MS)
        return
      }
      this.#lockedSince = null
      for (const { reject } of this.#writes.splice(0)) reject(error)
      return
    }
    this.#lockedSince = null
    const group = this.#writes.filter(({ isLong }) => !isLong)
    this.#writes = this.#writes.filter(({ isLong }) => isLong)
    settleGroup(group, () => {
      const answers = this.#transactions.commitWrites(group)
      this.#checkFiles()
      return answers
    })
    this.#checkpoints.afterCommit({ isLong: false })
    if (this.#writes.length > 0) this.#scheduleWork()
  }

  /** Never rejects. */
  async #writeInThread({ work, resolve, reject }: QueuedWrite): Promise<void> {
    try {
      this.#requireUndamaged()
      const changed = await this.#writerThread.write(work)
      this.#checkFiles()
      resolve(changed)
    } catch (error) {
      reject(error)
      // The others would wait for the lock as long again, one after another.
      if (isBusy(error)) for (const waiting of this.#writes.splice(0)) waiting.reject(error)
    }
    this.#checkpoints.afterCommit({ isLong: true })
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

/** A larger database would take seconds to read at each start: `latchkey doctor` checks it. */
const QUICK_CHECK_MAX_BYTES = 64 * 1024 * 1024

/** Refuses a damaged database before any work relies on it. */
function requireIntact(db: Database.Database): void {
  if (statSync(db.name).size > QUICK_CHECK_MAX_BYTES) return
  const verdict = db.pragma('quick_check(1)', { simple: true })
  if (verdict !== 'ok') throw new Database.SqliteError(String(verdict), 'SQLITE_CORRUPT')
}
