import type Database from 'better-sqlite3'
import type { Step } from '../../storage/engine.ts'
import { isBusy, isFault } from './errors.ts'

/** Work that waits for its turn. */
export interface PendingWork<Work, Answer> {
  readonly work: Work
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}
export type PendingWrite = PendingWork<readonly Step[], number[]>

/** How long another process may hold the lock before a caller is refused. */
export const BUSY_TIMEOUT_MS = 10_000

/** The statements and transactions of one connection. */
export class Transactions {
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

  /** Begins to write. */
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
export function settleGroup<Answer>(
  group: readonly PendingWork<unknown, Answer>[],
  work: () => readonly (() => void)[],
): void {
  try {
    for (const answer of work()) answer()
  } catch (error) {
    for (const { reject } of group) reject(error)
  }
}

/** Performs one piece of work. Throws an error that is fatal to the group. */
export function attemptWork<Work, Answer>(
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
