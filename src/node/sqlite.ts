import Database from 'better-sqlite3'
import type { Engine, Step } from '../storage/engine.ts'
import { prepareSchema } from './sqlite-schema.ts'

interface Waiting<Work, Answer> {
  readonly work: Work
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}
type Read = Waiting<Step, unknown[]>
type Write = Waiting<readonly Step[], number[]>

/**
 * better-sqlite3: WAL, `synchronous=FULL`, one writer. Whatever arrives in one turn of the event loop
 * is done together: reads share one snapshot, taken after the last of them arrived, and writes share
 * one commit, so one fsync. No write is answered before that commit is on disk; one that fails undoes
 * only itself.
 */
export function openSqlite(path: string): Engine {
  const db = new Database(path, { timeout: 10_000 })
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma('foreign_keys = ON')
  db.pragma('cache_size = -16384')
  prepareSchema(db)

  const statements = new Map<string, Database.Statement>()
  function prepared(sql: string): Database.Statement {
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = db.prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }
  const readOne = ({ sql, values }: Step) => prepared(sql).all(...values)
  const writeOne = ({ sql, values }: Step) => prepared(sql).run(...values).changes

  const begin = db.prepare('BEGIN')
  const beginImmediate = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const rollback = db.prepare('ROLLBACK')
  const savepoint = db.prepare('SAVEPOINT one')
  const release = db.prepare('RELEASE one')
  const undo = db.prepare('ROLLBACK TO one')

  /** All of it in one transaction, or an error and none of it. */
  function transact<T>(start: Database.Statement, work: () => T): T {
    start.run()
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
    tell(reads, () => transact(begin, () => reads.map((read) => outcome(read, readOnce))))
  }

  const writeTogether = (writes: readonly Write[]) =>
    tell(writes, () => {
      let refused = false
      try {
        return transact(beginImmediate, () =>
          writes.map(({ work, resolve }) => {
            refused = true
            const changed = work.map(writeOne)
            refused = false
            return () => resolve(changed)
          }),
        )
      } catch (error) {
        if (!refused) throw error
        // One of them cannot be done. Only now does each get a savepoint, and undoes only itself.
        return transact(beginImmediate, () => writes.map((write) => outcome(write, writeApart)))
      }
    })

  function writeApart(steps: readonly Step[]): number[] {
    savepoint.run()
    try {
      return steps.map(writeOne)
    } catch (error) {
      undo.run()
      throw error
    } finally {
      release.run()
    }
  }

  let reads: Read[] = []
  let writes: Write[] = []
  function wake(): void {
    if (reads.length + writes.length === 0) setImmediate(workTogether)
  }
  function workTogether(): void {
    const [reading, writing] = [reads, writes]
    reads = []
    writes = []
    if (reading.length > 0) readTogether(reading)
    if (writing.length > 0) writeTogether(writing)
  }

  return {
    sql: 'sqlite',

    read<Row>(step: Step<Row>) {
      return new Promise<Row[]>((resolve, reject) => {
        wake()
        reads.push({ work: step, resolve: resolve as (rows: unknown[]) => void, reject })
      })
    },

    atomic(steps) {
      return new Promise((resolve, reject) => {
        wake()
        writes.push({ work: steps, resolve, reject })
      })
    },

    async close() {
      workTogether()
      db.close()
    },
  }
}

function outcome<Work, Answer>(
  { work, resolve, reject }: Waiting<Work, Answer>,
  perform: (work: Work) => Answer,
): () => void {
  try {
    const answer = perform(work)
    return () => resolve(answer)
  } catch (error) {
    return () => reject(error)
  }
}
