import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Log } from '../service/ports.ts'
import type { Engine, Step } from '../storage/engine.ts'
import { HISTORY, type History } from '../storage/migrations.ts'
import { silent } from './silent.ts'
import { isBusy, isDamage, isFault, toldOf } from './sqlite-faults.ts'
import { watchFiles } from './sqlite-files.ts'
import { prepareSchema } from './sqlite-schema.ts'
import { tellMigration } from './tell-migration.ts'

export interface SqliteOptions {
  readonly log?: Log
  readonly history?: History
}

interface Waiting<Work, Answer> {
  readonly work: Work
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}
type Read = Waiting<Step, unknown[]>
type Write = Waiting<readonly Step[], number[]>

/** How long another process may hold the lock before whoever waits for it is refused. */
const PATIENCE_MS = 10_000
/** A commit takes a fraction of this on a fast disk, and several on a slow one. */
const AGAIN_MS = 1

/**
 * better-sqlite3: WAL, `synchronous=FULL`, one writer. Whatever arrives in one turn of the event loop
 * is done together: reads share one snapshot, taken after the last of them arrived, and writes share
 * one commit, so one fsync. No write is answered before that commit is on disk; one that fails undoes
 * only itself. No write is answered if the file is no longer the one that was opened. While another
 * process writes, this one goes on reading.
 */
export function openSqlite(
  path: string,
  { log = silent, history = HISTORY }: SqliteOptions = {},
): Engine {
  const db = new Database(path, { timeout: PATIENCE_MS })
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma('foreign_keys = ON')
  db.pragma('cache_size = -16384')
  const began = performance.now()
  tellMigration(prepareSchema(db, history), began, log)
  refuseDamaged(db)
  const refuseMoved = watchFiles(path)
  // From here on nobody waits inside SQLite, which would keep the whole process waiting.
  const waitInside = (ms: number) => db.pragma(`busy_timeout = ${ms}`)
  waitInside(0)
  function patiently<T>(work: () => T): T {
    waitInside(PATIENCE_MS)
    try {
      return work()
    } finally {
      waitInside(0)
    }
  }

  const statements = new Map<string, Database.Statement>()
  function prepared(sql: string): Database.Statement {
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = db.prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }
  const readNow = ({ sql, values }: Step) => prepared(sql).all(...values)
  function readOne(step: Step): unknown[] {
    try {
      return readNow(step)
    } catch (error) {
      if (!isBusy(error)) throw error
      // No writer keeps a reader out: this one repairs the log after a process that was killed.
      return patiently(() => readNow(step))
    }
  }
  const writeOne = ({ sql, values }: Step) => prepared(sql).run(...values).changes

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
  function tell<Answer>(group: readonly Waiting<unknown, Answer>[], work: () => (() => void)[]) {
    try {
      for (const answer of work()) answer()
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  function readTogether(reads: readonly Read[]): void {
    // What many ask for in the same words, as every request does for the authority, is read once.
    const known = new Map<Step, unknown[]>()
    const readOnce = (step: Step) => {
      const rows = known.get(step) ?? readOne(step)
      known.set(step, rows)
      return rows
    }
    tell(reads, () => {
      refuseOnceDamaged()
      begin.run()
      return transact(() => reads.map((read) => outcome(read, readOnce)))
    })
  }

  /** In the transaction that has begun. */
  const writeTogether = (writes: readonly Write[]) =>
    tell(writes, () => {
      const answers = commitTogether(writes)
      refuseMoved()
      return answers
    })

  function commitTogether(writes: readonly Write[]): (() => void)[] {
    let refused = false
    try {
      return transact(() =>
        writes.map(({ work, resolve }) => {
          refused = true
          const changed = work.map(writeOne)
          refused = false
          return () => resolve(changed)
        }),
      )
    } catch (error) {
      if (!refused || isFault(error)) throw error
      // One of them cannot be done. Only now does each get a savepoint, and undoes only itself.
      patiently(() => beginImmediate.run())
      return transact(() => writes.map((write) => outcome(write, writeApart, isFault)))
    }
  }

  function writeApart(steps: readonly Step[]): number[] {
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
  function told(error: unknown): unknown {
    if (isDamage(error)) damage ??= error
    return toldOf(error)
  }
  function refuseOnceDamaged(): void {
    if (damage !== undefined) throw damage
  }

  const reads: Read[] = []
  const writes: Write[] = []
  let woken = false
  let lockedSince: number | null = null
  function wake(): void {
    if (woken) return
    woken = true
    setImmediate(workTogether)
  }
  function workTogether(): void {
    woken = false
    if (reads.length > 0) readTogether(reads.splice(0))
    if (writes.length > 0 && lockedSince === null) write()
  }

  /** As soon as no other process does; whatever arrives until then joins the group. */
  function write(): void {
    try {
      refuseOnceDamaged()
      beginImmediate.run()
    } catch (error) {
      lockedSince ??= performance.now()
      if (isBusy(error) && performance.now() - lockedSince < PATIENCE_MS) {
        setTimeout(write, AGAIN_MS)
        return
      }
      lockedSince = null
      for (const { reject } of writes.splice(0)) reject(error)
      return
    }
    lockedSince = null
    writeTogether(writes.splice(0))
  }

  return {
    sql: 'sqlite',

    read<Row>(step: Step<Row>) {
      return new Promise<Row[]>((resolve, reject) => {
        wake()
        reads.push({
          work: step,
          resolve: resolve as (rows: unknown[]) => void,
          reject: (error) => reject(told(error)),
        })
      })
    },

    atomic(steps) {
      return new Promise((resolve, reject) => {
        wake()
        writes.push({ work: steps, resolve, reject: (error) => reject(told(error)) })
      })
    },

    async close() {
      patiently(() => {
        lockedSince = null
        workTogether()
      })
      db.close()
    },
  }
}

/** Throws what is fatal to all of the group. */
function outcome<Work, Answer>(
  { work, resolve, reject }: Waiting<Work, Answer>,
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
const READ_WHOLE_BYTES = 64 * 1024 * 1024

/** A database that is damaged is refused before anybody relies on it. */
function refuseDamaged(db: Database.Database): void {
  if (statSync(db.name).size > READ_WHOLE_BYTES) return
  const verdict = db.pragma('quick_check(1)', { simple: true })
  if (verdict !== 'ok') throw new Database.SqliteError(String(verdict), 'SQLITE_CORRUPT')
}
