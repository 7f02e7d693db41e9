import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { beforeEach, describe, expect, test } from 'vitest'
import { prepareSchema, versionOf } from '../../src/node/sqlite-schema.ts'
import { HISTORY, planFrom } from '../../src/storage/migrations.ts'
import { SCHEMA_VERSION } from '../../src/storage/tables.ts'
import { endingIn, STEPS, VERSION_3 } from '../support/migrate/histories.ts'
import { temporaryFolder } from '../support/server.ts'

const ROOT = new URL('../../', import.meta.url)
const text = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const MAIN = fileURLToPath(new URL('../support/migrate/main.ts', import.meta.url))

let path: string
let db: Database.Database
beforeEach(() => {
  path = join(temporaryFolder(), 'latchkey.db')
  db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.exec(text('test/fixtures/schema-1.sql'))
})

/** All rows of all tables. */
function contents(of = db) {
  const names = of.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
  return (names.pluck().all() as string[]).map((name) => [
    name,
    of.prepare(`SELECT * FROM ${name}`).all(),
  ])
}

describe('the plan', () => {
  test('is every step after the version that was found', () => {
    expect(planFrom(1, VERSION_3)).toEqual(STEPS)
    expect(planFrom(2, VERSION_3)).toEqual(STEPS.slice(1))
    expect(planFrom(3, VERSION_3)).toEqual([])
  })

  test.each([0, 4, 99])('is refused with a sentence for version %d', (found) => {
    expect(() => planFrom(found, VERSION_3)).toThrow(
      `the database has schema version ${found}, this Latchkey reads version 3: ` +
        'use the Latchkey that wrote it, or a newer one',
    )
  })

  test('is refused where a step is missing', () => {
    expect(() => planFrom(1, { version: 3, migrations: STEPS.slice(1) })).toThrow(/version 1/)
    expect(() => planFrom(1, { version: 3, migrations: STEPS.slice(0, 1) })).toThrow(/version 1/)
  })
})

describe('a database of version 1 with rows in it', () => {
  test('is brought to version 3, each row kept', () => {
    const { changes } = db.prepare('SELECT count(*) AS changes FROM keys').get() as Counted
    expect(prepareSchema(db, VERSION_3)).toEqual(STEPS)
    expect(versionOf(db)).toBe(3)
    expect(db.prepare('SELECT name, tier FROM accounts ORDER BY id').all()).toEqual([
      { name: 'Acme Health', tier: 'standard' },
      { name: '🏥 Ünïcode', tier: 'closed' },
    ])
    expect(db.prepare('SELECT email, phone FROM users').all()).toEqual([
      { email: 'eng@acme.example', phone: null },
    ])
    expect(db.prepare('SELECT count(*) AS changes FROM keys').get()).toEqual({ changes })
    expect(db.pragma('foreign_key_check')).toEqual([])
    expect(prepareSchema(db, VERSION_3)).toEqual([])
  })

  test('keeps its version and its rows where a step fails in the middle', () => {
    const before = contents()
    expect(() => prepareSchema(db, endingIn('UPDATE nowhere SET x = 1'))).toThrow(
      'the database keeps schema version 1: the step to 2 failed: no such table: nowhere',
    )
    expect(contents()).toEqual(before)
  })

  test('keeps the last step that was whole', () => {
    const [first] = STEPS
    const broken = { to: 3, says: '', statements: [`DELETE FROM accounts`] }
    const history = { version: 3, migrations: first === undefined ? [] : [first, broken] }
    expect(() => prepareSchema(db, history)).toThrow(
      /keeps schema version 2: the step to 3 failed: FOREIGN KEY constraint failed/,
    )
    expect(versionOf(db)).toBe(2)
    expect(db.prepare('SELECT count(*) FROM accounts').pluck().get()).toBe(2)
  })

  test('keeps its version and its rows where the process is killed in the middle', async () => {
    const before = contents()
    const killed = await promisify(execFile)(process.execPath, [MAIN, path, 'die']).catch(
      (error: { signal?: string }) => error,
    )
    expect(killed).toMatchObject({ signal: 'SIGKILL' })
    db.close()
    db = new Database(path)
    expect(contents()).toEqual(before)
    expect(prepareSchema(db, VERSION_3)).toEqual(STEPS)
  })

  test('is migrated once by processes that start together', async () => {
    const runs = await Promise.all(
      Array.from({ length: 3 }, () => promisify(execFile)(process.execPath, [MAIN, path])),
    )
    const taken = runs.flatMap(({ stdout }) => JSON.parse(stdout) as number[])
    expect(taken.sort()).toEqual([2, 3])
    expect(versionOf(db)).toBe(3)
  })

  test('that a newer Latchkey has migrated is refused and not touched', () => {
    prepareSchema(db, VERSION_3)
    const before = contents()
    expect(() => prepareSchema(db)).toThrow(/schema version 3, this Latchkey reads version 2/)
    expect(contents()).toEqual(before)
  })
})

interface Counted {
  readonly changes: number
}

describe('schema.sql', () => {
  /** Every table and index as it was written, without comments and layout. */
  const shape = (of: Database.Database) => {
    const rows = of
      .prepare('SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name')
      .all()
    return (rows as { name: string; sql: string }[]).map(({ name, sql }) => [
      name,
      sql.replace(/--[^\n]*/g, '').replace(/\s+/g, ' '),
    ])
  }
  const indexes = (of: Database.Database) =>
    of
      .prepare(
        `SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name`,
      )
      .pluck()
      .all()
  const columns = (of: Database.Database) => {
    const names = of.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
    return (names.pluck().all() as string[]).map((name) => [
      name,
      of.pragma(`table_xinfo(${name})`),
    ])
  }
  const current = new Database(':memory:')
  current.exec(text('schema.sql'))
  const fixtureOf = (version: number) => {
    const fixture = new Database(':memory:')
    fixture.exec(text(`test/fixtures/schema-${version}.sql`))
    return fixture
  }

  test('says the version that the code says', () => {
    expect(versionOf(current)).toBe(SCHEMA_VERSION)
    expect(HISTORY.version).toBe(SCHEMA_VERSION)
  })

  test('is not changed without a migration: its frozen copy is the same', () => {
    expect(shape(fixtureOf(SCHEMA_VERSION))).toEqual(shape(current))
  })

  test('every version has a fixture, with a row in every table', () => {
    const fixtures = globSync('test/fixtures/schema-*.sql', { cwd: fileURLToPath(ROOT) })
    expect(fixtures).toHaveLength(SCHEMA_VERSION)
    for (const [name, rows] of contents(fixtureOf(SCHEMA_VERSION)))
      expect(rows, String(name)).not.toEqual([])
  })

  test.each(Array.from({ length: SCHEMA_VERSION }, (_, n) => n + 1))(
    'a database of version %d is brought to it',
    (version) => {
      const fixture = fixtureOf(version)
      prepareSchema(fixture)
      expect(versionOf(fixture)).toBe(SCHEMA_VERSION)
      expect(columns(fixture)).toEqual(columns(current))
      expect(indexes(fixture)).toEqual(indexes(current))
    },
  )
})
