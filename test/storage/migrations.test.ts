import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { beforeEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../../src/node/sqlite/engine.ts'
import { prepareSqliteSchema, readSqliteVersion } from '../../src/node/sqlite/schema.ts'
import { planMigrations, SCHEMA_HISTORY } from '../../src/storage/migrations.ts'
import { SCHEMA_VERSION } from '../../src/storage/tables.ts'
import {
  createHistoryEndingIn,
  EXPECTED_ID_CASE_KEYS,
  EXPECTED_REVOCATIONS,
  INSERT_ID_CASE_KEYS,
  normalizeSchema,
  SAMPLE_HISTORY_6,
  SAMPLE_MIGRATIONS,
  SELECT_ID_CASE_KEYS,
  SELECT_REVOCATIONS,
  SELECT_SQLITE_SCHEMA,
} from '../support/database/migrations.ts'
import { createTempFolder, createTestLog } from '../support/server.ts'

const ROOT = new URL('../../', import.meta.url)
const readText = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const MIGRATION_PROCESS_PATH = fileURLToPath(
  new URL('../support/database/migration-process.ts', import.meta.url),
)

let path: string
let db: Database.Database
beforeEach(() => {
  path = join(createTempFolder(), 'latchkey.db')
  db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.exec(readText('test/fixtures/schema-4.sql'))
})

/** All rows of all tables. */
function readContents(of = db) {
  const names = of.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
  return (names.pluck().all() as string[]).map((name) => [
    name,
    of.prepare(`SELECT * FROM ${name}`).all(),
  ])
}

describe('the plan', () => {
  test('is every step after the version that was found', () => {
    expect(planMigrations(4, SAMPLE_HISTORY_6)).toEqual(SAMPLE_MIGRATIONS)
    expect(planMigrations(5, SAMPLE_HISTORY_6)).toEqual(SAMPLE_MIGRATIONS.slice(1))
    expect(planMigrations(6, SAMPLE_HISTORY_6)).toEqual([])
  })

  test.each([1, 3, 7, 99])('is refused with a sentence for version %d', (found) => {
    expect(() => planMigrations(found, SAMPLE_HISTORY_6)).toThrow(
      `the database has schema version ${found}, this Latchkey reads version 6: ` +
        'use the version of Latchkey that wrote it, or a newer one',
    )
  })

  test('is refused where a step is missing', () => {
    expect(() => planMigrations(4, { version: 6, migrations: SAMPLE_MIGRATIONS.slice(1) })).toThrow(
      /version 4/,
    )
    expect(() =>
      planMigrations(4, { version: 6, migrations: SAMPLE_MIGRATIONS.slice(0, 1) }),
    ).toThrow(/version 4/)
  })
})

describe('a database of version 4 with rows in it', () => {
  test('is brought to version 6, each row kept', () => {
    const { changes } = db.prepare('SELECT count(*) AS changes FROM keys').get() as Counted
    expect(prepareSqliteSchema(db, SAMPLE_HISTORY_6)).toEqual(SAMPLE_MIGRATIONS)
    expect(readSqliteVersion(db)).toBe(6)
    expect(db.prepare('SELECT name, tier FROM accounts ORDER BY id').all()).toEqual([
      { name: 'Acme Health', tier: 'standard' },
      { name: '🏥 Ünïcode', tier: 'closed' },
    ])
    expect(db.prepare('SELECT email, phone FROM users').all()).toEqual([
      { email: 'eng@acme.example', phone: null },
    ])
    expect(db.prepare('SELECT count(*) AS changes FROM keys').get()).toEqual({ changes })
    expect(db.pragma('foreign_key_check')).toEqual([])
    expect(prepareSqliteSchema(db, SAMPLE_HISTORY_6)).toEqual([])
  })

  test('keeps its version and its rows where a step fails in the middle', () => {
    const before = readContents()
    expect(() =>
      prepareSqliteSchema(db, createHistoryEndingIn('UPDATE nowhere SET x = 1')),
    ).toThrow('the database keeps schema version 4: the step to 5 failed: no such table: nowhere')
    expect(readContents()).toEqual(before)
  })

  test('keeps the last step that was whole', () => {
    const [first] = SAMPLE_MIGRATIONS
    const broken = { to: 6, summary: '', statements: [`DELETE FROM accounts`] }
    const history = { version: 6, migrations: first === undefined ? [] : [first, broken] }
    expect(() => prepareSqliteSchema(db, history)).toThrow(
      /keeps schema version 5: the step to 6 failed: FOREIGN KEY constraint failed/,
    )
    expect(readSqliteVersion(db)).toBe(5)
    expect(db.prepare('SELECT count(*) FROM accounts').pluck().get()).toBe(2)
  })

  test('keeps its version and its rows where the process is killed in the middle', async () => {
    const before = readContents()
    const killed = await promisify(execFile)(process.execPath, [
      MIGRATION_PROCESS_PATH,
      path,
      'die',
    ]).catch((error: { signal?: string }) => error)
    expect(killed).toMatchObject({ signal: 'SIGKILL' })
    db.close()
    db = new Database(path)
    expect(readContents()).toEqual(before)
    expect(prepareSqliteSchema(db, SAMPLE_HISTORY_6)).toEqual(SAMPLE_MIGRATIONS)
  })

  test('is migrated once by processes that start together', async () => {
    const runs = await Promise.all(
      Array.from({ length: 3 }, () =>
        promisify(execFile)(process.execPath, [MIGRATION_PROCESS_PATH, path]),
      ),
    )
    const appliedVersions = runs.flatMap(({ stdout }) => JSON.parse(stdout) as number[])
    expect(appliedVersions.sort()).toEqual([5, 6])
    expect(readSqliteVersion(db)).toBe(6)
  })

  test('is migrated by a server, which logs it once', async () => {
    const log = createTestLog()
    await openSqlite(path, { log, history: SAMPLE_HISTORY_6 }).close()
    await openSqlite(path, { log, history: SAMPLE_HISTORY_6 }).close()
    expect(log.lines).toEqual([
      {
        level: 'info',
        message: 'the database was migrated',
        facts: { from: 4, to: 6, ms: expect.any(Number) },
      },
    ])
  })

  test('that a newer Latchkey has migrated is refused and not touched', () => {
    db.prepare('UPDATE schema_version SET version = ?').run(SCHEMA_VERSION + 1)
    const before = readContents()
    expect(() => prepareSqliteSchema(db)).toThrow(
      `schema version ${SCHEMA_VERSION + 1}, this Latchkey reads version ${SCHEMA_VERSION}`,
    )
    expect(readContents()).toEqual(before)
  })
})

test('a database of version 4 gets one spelling of each public id that is a UUID', () => {
  const fixture = new Database(':memory:')
  fixture.exec(readText('test/fixtures/schema-4.sql'))
  fixture.exec(INSERT_ID_CASE_KEYS)
  const before = fixture.prepare('SELECT version FROM authority').pluck().get() as number
  prepareSqliteSchema(fixture)
  expect(fixture.prepare(SELECT_ID_CASE_KEYS).all()).toEqual(EXPECTED_ID_CASE_KEYS)
  expect(fixture.prepare(SELECT_REVOCATIONS).all()).toEqual(EXPECTED_REVOCATIONS)
  expect(fixture.prepare('SELECT version FROM authority').pluck().get()).toBe(before + 1)
})

interface Counted {
  readonly changes: number
}

describe('schema.sql', () => {
  const readSchemaShape = (of: Database.Database) =>
    normalizeSchema(of.prepare(SELECT_SQLITE_SCHEMA).all() as Row[])
  const current = new Database(':memory:')
  current.exec(readText('schema.sql'))
  const openFixture = (version: number) => {
    const fixture = new Database(':memory:')
    fixture.exec(readText(`test/fixtures/schema-${version}.sql`))
    return fixture
  }
  /** The versions that are frozen; a version is, once it is released. */
  const frozen = globSync('test/fixtures/schema-*.sql', { cwd: fileURLToPath(ROOT) }).map((name) =>
    Number(/(\d+)\.sql$/.exec(name)?.[1]),
  )

  test('says the version that the code says', () => {
    expect(readSqliteVersion(current)).toBe(SCHEMA_VERSION)
    expect(SCHEMA_HISTORY.version).toBe(SCHEMA_VERSION)
  })

  test('every version before it is frozen, with a row in every table', () => {
    const migrated = SCHEMA_HISTORY.migrations.map(({ to }) => to - 1)
    expect(frozen).toEqual(migrated)
    for (const version of frozen) {
      for (const [name, rows] of readContents(openFixture(version)))
        expect(rows, String(name)).not.toEqual([])
    }
  })

  test.each(frozen)('is what a database of version %d is brought to, to the letter', (version) => {
    const fixture = openFixture(version)
    prepareSqliteSchema(fixture)
    expect(readSqliteVersion(fixture)).toBe(SCHEMA_VERSION)
    expect(readSchemaShape(fixture)).toEqual(readSchemaShape(current))
  })
})

type Row = Record<string, unknown>
