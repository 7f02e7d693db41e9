import { setTimeout as delay } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import type { Log } from '../../service/ports/runtime.ts'
import { DatabaseThread } from './database-thread.ts'

/** The row of `PRAGMA wal_checkpoint`. */
interface CheckpointRow {
  readonly busy: 0 | 1
  /** Pages of the log, or -1 if another connection copies it. */
  readonly log: number
}
type CheckpointMode = 'PASSIVE' | 'RESTART' | 'TRUNCATE'

/**
 * The length of the log, in pages, from which it is copied to the database file: 41 MB. A page that many
 * writes change is copied once, so a longer log costs less CPU per write, and more per read.
 */
export const CHECKPOINT_PAGES = 10_000
/** A log of this many times that length is too long: writes wait while it is copied, and cannot outrun the thread. */
const MAX_LOG_FACTOR = 4
/** SQLite itself copies a log of this many times that length, where the thread cannot. */
const FALLBACK_FACTOR = 8
/** A log of this length is emptied when nothing was written for a while. */
const IDLE_PAGES = 1000
const IDLE_MS = 5000
/** The log is measured this often while there are writes. */
const CHECK_INTERVAL_MS = 50
/** How long the thread waits for other connections at the end of a copy. Meanwhile it may keep writers waiting. */
const RESTART_WAIT_MS = 50
/** Another process that copies a log which is too long may have been stopped: writes wait for it this long. */
const OTHER_COPY_WAIT_MS = 10_000

/**
 * Copies the write-ahead log to the database file in a thread, so that the event loop does not wait for it.
 * Without a restart after the copy, writers that never pause would make the log longer and longer.
 */
export class Checkpoints {
  readonly #readLog: Database.Statement<[], CheckpointRow>
  readonly #thread: DatabaseThread
  readonly #log: Log
  /** The setting of each connection that writes. */
  readonly pragma: string
  readonly #checkpointPages: number
  readonly #maxPages: number
  #nextPages: number
  #isTooLong = false
  #copy: Promise<void> | null = null
  #isClosed = false
  #checkTimer: NodeJS.Timeout | undefined
  #idleTimer: NodeJS.Timeout | undefined

  constructor(
    db: Database.Database,
    checkFiles: () => void,
    { checkpointPages, log }: { checkpointPages: number; log: Log },
  ) {
    this.#checkpointPages = checkpointPages
    this.#maxPages = MAX_LOG_FACTOR * checkpointPages
    this.#nextPages = checkpointPages
    this.pragma = `wal_autocheckpoint = ${FALLBACK_FACTOR * checkpointPages}`
    db.pragma(this.pragma)
    this.#readLog = db.prepare('PRAGMA wal_checkpoint(NOOP)')
    this.#thread = new DatabaseThread(db.name, checkFiles, { timeout: RESTART_WAIT_MS })
    this.#log = log
  }

  /** The copy of a log that is too long. Writes must wait for it. */
  get overdueCopy(): Promise<void> | null {
    return this.#isTooLong ? this.#copy : null
  }

  /** Call it after each commit. Few long writes make a long log, so it measures the log after each. */
  afterCommit({ isLong }: { isLong: boolean }): void {
    if (isLong) this.#check()
    else this.#checkTimer ??= setTimeout(() => this.#check(), CHECK_INTERVAL_MS).unref()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#checkTimer)
    clearTimeout(this.#idleTimer)
    await this.#thread.close()
  }

  #check(): void {
    clearTimeout(this.#checkTimer)
    this.#checkTimer = undefined
    const pages = this.#measureLog()
    if (this.#idleTimer !== undefined) this.#idleTimer.refresh()
    else if (pages >= IDLE_PAGES)
      this.#idleTimer = setTimeout(() => {
        this.#idleTimer = undefined
        if (this.#copy === null) this.#startCopy('TRUNCATE')
      }, IDLE_MS).unref()

    // After a failed restart, the log was restarted by another process.
    if (pages < this.#nextPages - this.#checkpointPages) this.#nextPages = this.#checkpointPages
    this.#isTooLong = pages >= this.#maxPages
    if (pages >= this.#nextPages && this.#copy === null) this.#startCopy('RESTART')
  }

  /** Returns the length of the log in pages, or 0 if it is not known: an error shows at the next write. */
  #measureLog(): number {
    try {
      return this.#readLog.get()?.log ?? 0
    } catch {
      return 0
    }
  }

  #startCopy(end: CheckpointMode): void {
    this.#copy = this.#copyLog(end).finally(() => {
      this.#copy = null
    })
  }

  /** Never rejects. */
  async #copyLog(end: CheckpointMode): Promise<void> {
    try {
      const until = performance.now() + OTHER_COPY_WAIT_MS
      let isBusy = await this.#checkpoint('PASSIVE')
      // Another process copies the log.
      while (isBusy && this.#isTooLong && performance.now() < until) {
        await delay(RESTART_WAIT_MS)
        if (this.#isClosed) return
        isBusy = await this.#checkpoint('PASSIVE')
      }
      if (!isBusy) isBusy = await this.#checkpoint(end)
      this.#nextPages = this.#checkpointPages + (isBusy ? this.#measureLog() : 0)
    } catch (error) {
      this.#nextPages += this.#checkpointPages
      if (!this.#isClosed)
        this.#log.warn({ error }, 'the log of the database could not be copied to its file')
    }
  }

  /** Resolves to true if another connection kept the log from being copied or restarted. */
  async #checkpoint(mode: CheckpointMode): Promise<boolean> {
    const rows = await this.#thread.read({ sql: `PRAGMA wal_checkpoint(${mode})`, values: [] })
    return (rows[0] as CheckpointRow).busy === 1
  }
}
