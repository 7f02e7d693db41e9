import type Database from 'better-sqlite3'
import type { Log } from '../../service/ports/runtime.ts'
import { DatabaseThread } from './database-thread.ts'

/** The row of `PRAGMA wal_checkpoint`: the log's length in pages, and how many of them are in the database file. */
interface CheckpointRow {
  /** 1 if another connection kept the log from being copied or restarted. */
  readonly busy: number
  readonly log: number
  readonly checkpointed: number
}
type CheckpointMode = 'PASSIVE' | 'RESTART' | 'TRUNCATE'

/**
 * The length of the log, in pages, from which it is copied to the database file: 41 MB. A page that many
 * writes change is copied once, so a longer log costs less CPU per write, and more per read.
 */
const CHECKPOINT_PAGES = 10_000
/** SQLite itself copies a log of this length, where the thread cannot. */
const FALLBACK_PAGES = 4 * CHECKPOINT_PAGES
/** A log of this length is emptied when nothing was written for a while. */
const IDLE_PAGES = 1000
const IDLE_MS = 5000
/** The log is measured this often while there are writes. */
const CHECK_INTERVAL_MS = 50
/** How long the thread waits for other connections at the end of a copy. Meanwhile it may keep writers waiting. */
const RESTART_WAIT_MS = 50

/**
 * Copies the write-ahead log to the database file in a thread, so that the event loop does not wait for it.
 * Without a restart after the copy, writers that never pause would make the log longer and longer.
 */
export class Checkpoints {
  readonly #readLog: Database.Statement<[], CheckpointRow>
  readonly #thread: DatabaseThread
  readonly #log: Log
  #nextPages = CHECKPOINT_PAGES
  #isRunning = false
  #isClosed = false
  #checkTimer: NodeJS.Timeout | undefined
  #idleTimer: NodeJS.Timeout | undefined

  constructor(db: Database.Database, log: Log) {
    db.pragma(`wal_autocheckpoint = ${FALLBACK_PAGES}`)
    this.#readLog = db.prepare('PRAGMA wal_checkpoint(NOOP)')
    this.#thread = new DatabaseThread(db.name, { timeout: RESTART_WAIT_MS })
    this.#log = log
  }

  /** Call it after each commit. */
  afterCommit(): void {
    this.#checkTimer ??= setTimeout(() => this.#check(), CHECK_INTERVAL_MS).unref()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#checkTimer)
    clearTimeout(this.#idleTimer)
    await this.#thread.close()
  }

  #check(): void {
    this.#checkTimer = undefined
    const pages = this.#measureLog()
    if (this.#idleTimer !== undefined) this.#idleTimer.refresh()
    else if (pages >= IDLE_PAGES)
      this.#idleTimer = setTimeout(() => this.#endIdle(), IDLE_MS).unref()

    // After a failed restart, the log was restarted by another process.
    if (pages < this.#nextPages - CHECKPOINT_PAGES) this.#nextPages = CHECKPOINT_PAGES
    if (pages >= this.#nextPages && !this.#isRunning) void this.#copyLog(['PASSIVE', 'RESTART'])
  }

  /** Returns the length of the log in pages, or 0 if it is not known: an error shows at the next write. */
  #measureLog(): number {
    try {
      return this.#readLog.get()?.log ?? 0
    } catch {
      return 0
    }
  }

  async #endIdle(): Promise<void> {
    this.#idleTimer = undefined
    if (!this.#isRunning) await this.#copyLog(['PASSIVE', 'TRUNCATE'])
    if (!this.#isRunning) await this.#thread.close()
  }

  /** Never rejects. */
  async #copyLog(modes: readonly CheckpointMode[]): Promise<void> {
    this.#isRunning = true
    try {
      for (const mode of modes) {
        const [row] = await this.#thread.read({ sql: `PRAGMA wal_checkpoint(${mode})`, values: [] })
        const { busy, log } = row as CheckpointRow
        this.#nextPages = CHECKPOINT_PAGES + (busy === 1 ? log : 0)
        // Another process copies the log.
        if (busy === 1) return
      }
    } catch (error) {
      this.#nextPages += CHECKPOINT_PAGES
      if (!this.#isClosed)
        this.#log.warn({ error }, 'the log of the database could not be copied to its file')
    } finally {
      this.#isRunning = false
    }
  }
}
