import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Engine, Step } from '../storage/engine.ts'
import { SCHEMA_VERSION } from '../storage/tables.ts'

const SCHEMA = new URL('../../schema.sql', import.meta.url)

/** A write that waits for the next commit. */
interface Waiting {
  readonly steps: readonly Step[]
  readonly resolve: (changed: number[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * better-sqlite3: WAL, `synchronous=FULL`, one writer. Writes that arrive in one turn of the event
 * loop share one commit, so they share one fsync; each has a savepoint of its own, so that one that
 * fails undoes only itself. None is answered before the commit is on disk.
 */
export function openSqlite(path: string): Engine {
  const db = new Database(path, { timeout: 10_000 })
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma('foreign_keys = ON')
  db.pragma('cache_size = -65536')
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

  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const rollback = db.prepare('ROLLBACK')
  const savepoint = db.prepare('SAVEPOINT one')
  const release = db.prepare('RELEASE one')
  const undo = db.prepare('ROLLBACK TO one')

  let waiting: Waiting[] = []

  function commitTogether(): void {
    const group = waiting
    waiting = []
    const answers: (() => void)[] = []
    try {
      begin.run()
      for (const { steps, resolve, reject } of group) {
        savepoint.run()
        try {
          const changed = steps.map((step) => prepared(step.sql).run(...step.values).changes)
          answers.push(() => resolve(changed))
        } catch (error) {
          undo.run()
          answers.push(() => reject(error))
        }
        release.run()
      }
      commit.run()
    } catch (error) {
      // The disk or another process's lock: nothing of the group was kept, and every writer is told.
      if (db.inTransaction) rollback.run()
      for (const { reject } of group) reject(error)
      return
    }
    for (const answer of answers) answer()
  }

  return {
    sql: 'sqlite',

    read<Row>(step: Step<Row>): Row[] {
      return prepared(step.sql).all(...step.values) as Row[]
    },

    atomic(steps) {
      return new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(commitTogether)
        waiting.push({ steps, resolve, reject })
      })
    },

    async close() {
      if (waiting.length > 0) commitTogether()
      db.close()
    },
  }
}

/** A new file gets schema.sql; a file of another version is refused before anything is read from it. */
function prepareSchema(db: Database.Database): void {
  const create = db.transaction(() => {
    const known = db
      .prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'`)
      .get()
    if (known === undefined) db.exec(readFileSync(SCHEMA, 'utf8'))
  })
  create.immediate()
  const row = db.prepare<[], { version: number }>('SELECT version FROM schema_version').get()
  if (row?.version !== SCHEMA_VERSION) {
    throw new Error(
      `the database has schema version ${row?.version}, this Latchkey reads version ${SCHEMA_VERSION}: ` +
        'use the Latchkey that wrote it, or a newer one',
    )
  }
}
