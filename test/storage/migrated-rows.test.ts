import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeD1Migration } from '../../src/node/d1-files.ts'
import { openPostgres } from '../../src/node/postgres/engine.ts'
import { openSqlite } from '../../src/node/sqlite/engine.ts'
import type { Engine } from '../../src/storage/engine.ts'
import { SCHEMA_HISTORY } from '../../src/storage/migrations.ts'
import { SCHEMA_VERSION, TABLE_SHAPES } from '../../src/storage/tables.ts'
import { openD1 } from '../../src/worker/d1.ts'
import { startTestD1 } from '../support/database/d1.ts'
import {
  normalizeSchema,
  SELECT_POSTGRES_SCHEMA,
  SELECT_SQLITE_SCHEMA,
} from '../support/database/migrations.ts'
import {
  POSTGRES_START_TIMEOUT_MS,
  type PostgresServer,
  startPostgres,
} from '../support/database/postgres.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  createTestLog,
  createTestServer,
  seedKey,
  type TokenResponse,
} from '../support/server.ts'

/*
 * Migrates databases of older schema versions, with rows in them, to today's on every engine.
 */

const readText = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const FIXTURE_4 = readText('test/fixtures/schema-4.sql')
/** Rows that the fixture lacks: a disabled key, and a key whose previous secret overlaps. */
const MORE_ROWS_4 = `
  INSERT INTO sources (id, account_id, name, created_at, event_id) VALUES
    ('s2', '0199aa00-0000-7000-8000-000000000001', 's2', 1, 'e'),
    ('s3', '0199aa00-0000-7000-8000-000000000001', 's3', 1, 'e');
  INSERT INTO keys (id, account_id, owner_id, dialect, source_id, public_id, name, description, reference, status, disabled_by, access, secret_hash, previous_secret_hash, previous_secret_ends_at, token_salt, token_epoch, created_at, expires_at, disabled_at, revoked_at, secret_replaced_at, event_id) VALUES
    ('k2', '0199aa00-0000-7000-8000-000000000001', '0199aa00-0000-7000-8000-000000000011', 'redox', 's2', 'p2', '🏥 ''n''', '', '', 'disabled', 'operator', 'standard', '$argon2id$same', NULL, NULL, 'salt2', 2, 1, 9007199254740991, 5, NULL, NULL, 'e2'),
    ('k3', '0199aa00-0000-7000-8000-000000000001', '0199aa00-0000-7000-8000-000000000011', 'redox', 's3', 'p3', '', '', '', 'enabled', NULL, 'read', '$argon2id$same', '$argon2id$old', 99, 'salt3', 0, 1, NULL, NULL, NULL, 7, 'e3');`

type Row = Record<string, unknown>

interface OldVersion {
  readonly version: number
  /** The schema and its rows. */
  readonly sql: string
  /** The columns that a migrated row has gained or that a migration has changed. */
  readonly changedColumns: Readonly<Record<string, (row: Row) => Row>>
}

const setVersion = () => ({ version: SCHEMA_VERSION })

const OLD_VERSIONS: readonly OldVersion[] = [
  {
    version: 4,
    sql: FIXTURE_4 + MORE_ROWS_4,
    changedColumns: {
      schema_version: setVersion,
      // Public ids may be spelled anew, so rows cached under the old version are stale.
      authority: ({ version }) => ({ version: Number(version) + 1, token_revocations: 0 }),
      keys: () => ({ secret_digest: null, previous_secret_digest: null, user_agent: null }),
      messages: () => ({ payload_part_count: 0 }),
    },
  },
  {
    version: 6,
    sql: readText('test/fixtures/schema-6.sql'),
    changedColumns: {
      schema_version: setVersion,
      authority: () => ({ token_revocations: 0 }),
      keys: () => ({ user_agent: null }),
    },
  },
  {
    version: 7,
    sql: readText('test/fixtures/schema-7.sql'),
    changedColumns: { schema_version: setVersion, keys: () => ({ user_agent: null }) },
  },
]

/** Names of version 4 that a migration has changed, by their names of today. */
const OLD_TABLE_NAMES: Readonly<Record<string, string>> = { ip_allowlist_entries: 'address_rules' }
const RENAMED_COLUMNS: Readonly<Record<string, string>> = {
  'accounts.departed_keys': 'offboarding_policy',
  'accounts.addresses_enforced': 'ip_allowlist_enforced',
  'users.left_at': 'deactivated_at',
  'keys.dialect': 'key_type',
  'keys.secret_replaced_at': 'secret_rotated_at',
  'traffic.dialect': 'key_type',
  'deliveries.place': 'queue_position',
}
const renameColumns = (table: string, row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      RENAMED_COLUMNS[`${table}.${column}`] ?? column,
      value,
    ]),
  )

/** Sorts in JavaScript, because engines order texts differently. */
const sortById = (rows: readonly Row[]) =>
  [...rows].sort((a, b) => (String(a.id ?? a.owner_id) < String(b.id ?? b.owner_id) ? -1 : 1))

/** The fixture's rows by table, with the columns that a migration adds or changes. */
function buildExpectedRows({ sql, changedColumns }: OldVersion): Record<string, Row[]> {
  const db = new Database(':memory:')
  db.exec(sql)
  const tables = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).pluck().all()
  const rows = (tables as string[]).map((name) => [
    name,
    sortById(db.prepare(`SELECT * FROM ${name}`).all() as Row[]).map((row) => ({
      ...renameColumns(name, row),
      ...changedColumns[name]?.(row),
    })),
  ])
  db.close()
  return Object.fromEntries(rows)
}

async function readContents(engine: Engine): Promise<Record<string, Row[]>> {
  const contents: Record<string, Row[]> = {}
  for (const { name } of TABLE_SHAPES) {
    contents[name] = sortById(await engine.read<Row>({ sql: `SELECT * FROM ${name}`, values: [] }))
  }
  return contents
}

/** The rows that a migration inserts into a new table. */
const INITIAL_ROWS: Readonly<Record<string, Row[]>> = {
  message_id_blocks: [{ next: 1 }],
  // The fixtures' messages give an account, source, destinations and subscriptions, and the tests.
  message_periods: ['01', '21', '31', '32', '41', '42', 'test'].map((end) => ({
    owner_id: end === 'test' ? end : `0199aa00-0000-7000-8000-0000000000${end}`,
    period: '0199aa0',
  })),
}

/** The rows that a migration adds to those of any table: the source's messages to each destination. */
const ADDED_ROWS: Readonly<Record<string, Row[]>> = {
  message_periods: ['31', '32'].map((end) => ({
    owner_id: `0199aa00-0000-7000-8000-000000000021 0199aa00-0000-7000-8000-0000000000${end}`,
    period: '0199aa0',
  })),
}

/** Expects every row of the fixture as it was, and no rows in a new table but the initial ones. */
async function expectEveryRow(engine: Engine, old: OldVersion): Promise<void> {
  const [before, after] = [buildExpectedRows(old), await readContents(engine)]
  const statuses = new Set(before.keys?.map(({ status }) => status))
  expect(statuses).toEqual(new Set(['enabled', 'disabled', 'revoked']))
  for (const { name } of TABLE_SHAPES) {
    const kept = before[name] ?? before[OLD_TABLE_NAMES[name] ?? ''] ?? INITIAL_ROWS[name] ?? []
    const expected = sortById([...kept, ...(ADDED_ROWS[name] ?? [])])
    expect([name, after[name]]).toEqual([name, expected])
  }
}

const readSchemaShape = async (engine: Engine, sql: string) =>
  normalizeSchema(await engine.read<Row>({ sql, values: [] }))

describe.each(OLD_VERSIONS)('a migration of schema version $version on SQLite', (old) => {
  const dir = createTempFolder()
  afterAll(() => rmSync(dir, { recursive: true }))

  test('keeps every row and ends with the schema of schema.sql', async () => {
    const path = join(dir, 'old.db')
    const db = new Database(path)
    db.exec(old.sql)
    db.close()
    const engine = openSqlite(path)
    await expectEveryRow(engine, old)
    const fresh = openSqlite(join(dir, 'new.db'))
    expect(await readSchemaShape(engine, SELECT_SQLITE_SCHEMA)).toEqual(
      await readSchemaShape(fresh, SELECT_SQLITE_SCHEMA),
    )
    for (const check of ['foreign_key_check', 'integrity_check']) {
      const rows = await engine.read({ sql: `SELECT * FROM pragma_${check}`, values: [] })
      expect(rows).toEqual(check === 'integrity_check' ? [{ integrity_check: 'ok' }] : [])
    }
    await engine.close()
    await fresh.close()
  })
})

describe.each(OLD_VERSIONS)('a migration of schema version $version on PostgreSQL', (old) => {
  let postgres: PostgresServer
  beforeAll(async () => {
    postgres = await startPostgres()
  }, POSTGRES_START_TIMEOUT_MS)
  afterAll(() => postgres.stop())

  test('keeps every row and ends with the schema of schema.sql', async () => {
    const url = await postgres.createDatabase()
    await postgres.query(url, old.sql)
    const engine = await openPostgres(url, createTestLog())
    await expectEveryRow(engine, old)
    const fresh = await openPostgres(await postgres.createDatabase(), createTestLog())
    expect(await readSchemaShape(engine, SELECT_POSTGRES_SCHEMA)).toEqual(
      await readSchemaShape(fresh, SELECT_POSTGRES_SCHEMA),
    )
    await engine.close()
    await fresh.close()
  })
})

describe.each(OLD_VERSIONS)('a migration of schema version $version on D1', (old) => {
  const dir = createTempFolder()
  let migrated: Awaited<ReturnType<typeof startTestD1>>
  let fresh: typeof migrated
  beforeAll(async () => {
    ;[migrated, fresh] = await Promise.all([startTestD1(), startTestD1()])
  })
  afterAll(async () => {
    await Promise.all([migrated.dispose(), fresh.dispose()])
    rmSync(dir, { recursive: true })
  })

  test('keeps every row and ends with the schema of schema.sql', async () => {
    await migrated.executeText(old.sql)
    writeD1Migration(join(dir, 'migration.sql'), old.version)
    await migrated.executeText(readFileSync(join(dir, 'migration.sql'), 'utf8'))
    await expectEveryRow(openD1(migrated.db), old)
    await fresh.executeText(readText('schema.sql'))
    expect(normalizeSchema(await migrated.query(SELECT_SQLITE_SCHEMA))).toEqual(
      normalizeSchema(await fresh.query(SELECT_SQLITE_SCHEMA)),
    )
    expect(await migrated.query('PRAGMA foreign_key_check')).toEqual([])
  })
})

test('a migration uses only portable SQL, and drops no table that others refer to', () => {
  const referredTo = [...readText('schema.sql').matchAll(/REFERENCES (\w+)/g)].map(
    ([, name]) => name,
  )
  for (const statement of SCHEMA_HISTORY.migrations.flatMap(({ statements }) => statements)) {
    expect(statement).not.toMatch(/PRAGMA|SERIAL|BOOLEAN|AUTOINCREMENT|::/)
    const dropped = /^DROP TABLE (\w+)/.exec(statement)?.[1]
    expect(referredTo).not.toContain(dropped)
  }
})

describe('a vendor with tokens from a server of schema version 4', () => {
  test('keeps its secret, access token and refresh token after the migration', async () => {
    const before = await createTestServer()
    const vendor = await seedKey(before)
    const { apiKey, secret, destinationId } = vendor
    const first = (await (await before.authenticate(apiKey, secret)).json()) as TokenResponse
    const held = (await (await before.refresh(apiKey, first.refreshToken)).json()) as TokenResponse
    await before.storage.close()
    downgradeToVersion4(join(before.dir, 'latchkey.db'))

    const after = await createTestServer({}, { dir: before.dir, clock: before.clock })
    const message = createDeviceNewMessage(destinationId)
    expect((await after.endpoint(held.accessToken, message)).status).toBe(200)
    expect((await after.authenticate(apiKey, secret)).status).toBe(200)
    const next = await after.refresh(apiKey, held.refreshToken)
    expect(next.status).toBe(200)
    const { accessToken } = (await next.json()) as TokenResponse
    expect((await after.endpoint(accessToken, message)).status).toBe(200)
    expect((await after.authenticate(apiKey, `${secret}x`)).status).toBe(401)
    await after.close()
  })

  /** Rewrites this database as a server of schema version 4 had it. */
  function downgradeToVersion4(path: string): void {
    const db = new Database(path)
    const rows = new Map<string, Row[]>()
    const names = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).pluck().all()
    for (const name of names as string[]) {
      rows.set(OLD_TABLE_NAMES[name] ?? name, db.prepare(`SELECT * FROM ${name}`).all() as Row[])
    }
    db.close()
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })

    const old = new Database(path)
    old.pragma('journal_mode = WAL')
    old.pragma('foreign_keys = OFF')
    old.exec(FIXTURE_4.slice(0, FIXTURE_4.indexOf('-- ── Rows')))
    const tables = old.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).pluck().all()
    for (const name of tables as string[]) {
      if (name === 'schema_version') continue
      old.exec(`DELETE FROM ${name}`)
      const columns = old.prepare(`SELECT name FROM pragma_table_info('${name}')`).pluck().all()
      const insert = old.prepare(
        `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      )
      for (const row of rows.get(name) ?? []) {
        const today = (column: string) => RENAMED_COLUMNS[`${name}.${column}`] ?? column
        insert.run((columns as string[]).map((column) => row[today(column)]))
      }
    }
    old.close()
  }
})
