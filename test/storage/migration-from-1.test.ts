import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeD1Migration } from '../../src/node/d1-migration.ts'
import { openPostgres } from '../../src/node/postgres/engine.ts'
import { openSqlite } from '../../src/node/sqlite/engine.ts'
import type { Engine } from '../../src/storage/engine.ts'
import { EVERY_DIALECT } from '../../src/storage/migration-2.ts'
import { FEEDS } from '../../src/storage/migration-3.ts'
import { CONSOLE } from '../../src/storage/migration-4.ts'
import { TABLE_SHAPES } from '../../src/storage/table-shapes.ts'
import { SCHEMA_VERSION } from '../../src/storage/tables.ts'
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
 * From version 1, as it was released, to the schema of today: on every engine, with rows in it.
 */

const readText = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const FIXTURE = readText('test/fixtures/schema-1.sql')
/** What the fixture has no row of: a key that is disabled, and one with an overlap. */
const MORE_ROWS = `
  INSERT INTO sources (id, account_id, name, created_at, event_id) VALUES
    ('s2', '0199aa00-0000-7000-8000-000000000001', 's2', 1, 'e'),
    ('s3', '0199aa00-0000-7000-8000-000000000001', 's3', 1, 'e');
  INSERT INTO keys (id, account_id, owner_id, source_id, public_id, name, status, secret_hash, previous_secret_hash, previous_secret_ends_at, token_salt, token_epoch, created_at, expires_at, disabled_at, revoked_at, secret_replaced_at, event_id) VALUES
    ('k2', '0199aa00-0000-7000-8000-000000000001', '0199aa00-0000-7000-8000-000000000011', 's2', 'p2', '🏥 ''n''', 'disabled', '$argon2id$same', NULL, NULL, 'salt2', 2, 1, 9007199254740991, 5, NULL, NULL, 'e2'),
    ('k3', '0199aa00-0000-7000-8000-000000000001', '0199aa00-0000-7000-8000-000000000011', 's3', 'p3', '', 'enabled', '$argon2id$same', '$argon2id$old', 99, 'salt3', 0, 1, NULL, NULL, NULL, 7, 'e3');`

type Row = Record<string, unknown>

/** What each table of version 1 has gained until today. */
const ADDED_COLUMNS: Record<string, (row: Row) => Row> = {
  schema_version: () => ({ version: SCHEMA_VERSION }),
  // Ids were spelled anew: what was read before holds no longer.
  authority: ({ version }) => ({ version: Number(version) + 1 }),
  accounts: () => ({ departed_keys: 'keep', addresses_enforced: 0 }),
  audit_events: (row) => ({
    request_id: null,
    sequence: null,
    seal: null,
    account_id: row.subject,
  }),
  users: () => ({
    username: null,
    left_at: null,
    password_hash: null,
    sealed_totp: null,
    totp_step: null,
  }),
  destinations: () => ({ verification_token: null, verification_method: 'POST' }),
  subscriptions: () => ({ due_at: 0, attempts: 0, leased_by: null, leased_until: null }),
  messages: () => ({ erased_at: null }),
  deliveries: () => ({ place: 0, attempts: 0, settled_at: null, event_id: null }),
  keys: (row) => ({
    dialect: 'redox',
    site_id: null,
    developer_id: null,
    description: '',
    reference: '',
    disabled_by: row.status === 'disabled' ? 'operator' : null,
    access: 'standard',
    sealed_secret: null,
    secret_digest: null,
    previous_secret_digest: null,
    assigned_at: null,
    last_used_at: null,
  }),
}

/** Engines do not agree on the order of texts. */
const sortById = (rows: readonly Row[]) =>
  [...rows].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))

/** The rows of version 1, table by table, with what each has gained. */
function buildExpectedRows(): Record<string, Row[]> {
  const db = new Database(':memory:')
  db.exec(FIXTURE + MORE_ROWS)
  const tables = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).pluck().all()
  const rows = (tables as string[]).map((name) => [
    name,
    sortById(db.prepare(`SELECT * FROM ${name}`).all() as Row[]).map((row) => ({
      ...row,
      ...ADDED_COLUMNS[name]?.(row),
    })),
  ])
  db.close()
  return Object.fromEntries(rows)
}

async function readContents(engine: Engine): Promise<Record<string, Row[]>> {
  const found: Record<string, Row[]> = {}
  for (const { name } of TABLE_SHAPES) {
    found[name] = sortById(await engine.read<Row>({ sql: `SELECT * FROM ${name}`, values: [] }))
  }
  return found
}

/** The rows that a new table begins with. */
const MADE: Readonly<Record<string, object[]>> = {
  audit_chain: [{ sequence: 0, seal: '' }],
  message_id_blocks: [{ next: 1 }],
}

/** Every row of version 1 as it was; a table that is new has none. */
async function expectEveryRow(engine: Engine): Promise<void> {
  const [before, after] = [buildExpectedRows(), await readContents(engine)]
  const statuses = new Set(before.keys?.map(({ status }) => status))
  expect(statuses).toEqual(new Set(['enabled', 'disabled', 'revoked']))
  for (const { name } of TABLE_SHAPES) {
    const made = MADE[name] ?? []
    expect([name, after[name]]).toEqual([name, before[name] ?? made])
  }
}

const readSchemaShape = async (engine: Engine, sql: string) =>
  normalizeSchema(await engine.read<Row>({ sql, values: [] }))

describe('SQLite', () => {
  const dir = createTempFolder()
  afterAll(() => rmSync(dir, { recursive: true }))

  test('keeps every row, and becomes what schema.sql makes', async () => {
    const path = join(dir, 'old.db')
    const db = new Database(path)
    db.exec(FIXTURE + MORE_ROWS)
    db.close()
    const engine = openSqlite(path)
    await expectEveryRow(engine)
    const fresh = openSqlite(join(dir, 'new.db'))
    expect(await readSchemaShape(engine, SELECT_SQLITE_SCHEMA)).toEqual(
      await readSchemaShape(fresh, SELECT_SQLITE_SCHEMA),
    )
    for (const check of ['foreign_key_check', 'integrity_check']) {
      const found = await engine.read({ sql: `SELECT * FROM pragma_${check}`, values: [] })
      expect(found).toEqual(check === 'integrity_check' ? [{ integrity_check: 'ok' }] : [])
    }
    await engine.close()
    await fresh.close()
  })
})

describe('PostgreSQL', () => {
  let postgres: PostgresServer
  beforeAll(async () => {
    postgres = await startPostgres()
  }, POSTGRES_START_TIMEOUT_MS)
  afterAll(() => postgres.stop())

  test('keeps every row, and becomes what schema.sql makes', async () => {
    const url = await postgres.createDatabase()
    await postgres.query(url, FIXTURE + MORE_ROWS)
    const engine = await openPostgres(url, createTestLog())
    await expectEveryRow(engine)
    const fresh = await openPostgres(await postgres.createDatabase(), createTestLog())
    expect(await readSchemaShape(engine, SELECT_POSTGRES_SCHEMA)).toEqual(
      await readSchemaShape(fresh, SELECT_POSTGRES_SCHEMA),
    )
    await engine.close()
    await fresh.close()
  })
})

describe('D1', () => {
  const dir = createTempFolder()
  let old: Awaited<ReturnType<typeof startTestD1>>
  let fresh: typeof old
  beforeAll(async () => {
    ;[old, fresh] = await Promise.all([startTestD1(), startTestD1()])
  })
  afterAll(async () => {
    await Promise.all([old.dispose(), fresh.dispose()])
    rmSync(dir, { recursive: true })
  })

  test('keeps every row, and becomes what schema.sql makes', async () => {
    await old.executeText(FIXTURE + MORE_ROWS)
    writeD1Migration(join(dir, 'migration.sql'), 1)
    await old.executeText(readFileSync(join(dir, 'migration.sql'), 'utf8'))
    await expectEveryRow(openD1(old.db))
    await fresh.executeText(readText('schema.sql'))
    expect(normalizeSchema(await old.query(SELECT_SQLITE_SCHEMA))).toEqual(
      normalizeSchema(await fresh.query(SELECT_SQLITE_SCHEMA)),
    )
    expect(await old.query('PRAGMA foreign_key_check')).toEqual([])
  })
})

test('a step is the portable subset: no statement of one engine, and none that drops what others refer to', () => {
  const referredTo = [...readText('schema.sql').matchAll(/REFERENCES (\w+)/g)].map(
    ([, name]) => name,
  )
  for (const statement of [...EVERY_DIALECT, ...FEEDS, ...CONSOLE]) {
    expect(statement).not.toMatch(/PRAGMA|SERIAL|BOOLEAN|AUTOINCREMENT|::/)
    const dropped = /^DROP TABLE (\w+)/.exec(statement)?.[1]
    expect(referredTo).not.toContain(dropped)
  }
})

describe('a vendor who had tokens when the server was of version 1', () => {
  test('goes on with his secret, his access token and his refresh token', async () => {
    const before = await createTestServer()
    const vendor = await seedKey(before)
    const { apiKey, secret, destinationId } = vendor
    const first = (await (await before.authenticate(apiKey, secret)).json()) as TokenResponse
    const held = (await (await before.refresh(apiKey, first.refreshToken)).json()) as TokenResponse
    await before.storage.close()
    downgradeToVersion1(join(before.dir, 'latchkey.db'))

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

  /** The rows of this database in a file of version 1, as a server of that version had them. */
  function downgradeToVersion1(path: string): void {
    const db = new Database(path)
    const rows = new Map<string, Row[]>()
    const names = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).pluck().all()
    for (const name of names as string[]) {
      rows.set(name, db.prepare(`SELECT * FROM ${name}`).all() as Row[])
    }
    db.close()
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })

    const old = new Database(path)
    old.pragma('journal_mode = WAL')
    old.pragma('foreign_keys = OFF')
    old.exec(FIXTURE.slice(0, FIXTURE.indexOf('-- ── Rows')))
    const tables = old.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).pluck().all()
    for (const name of tables as string[]) {
      if (name === 'schema_version') continue
      old.exec(`DELETE FROM ${name}`)
      const columns = old.prepare(`SELECT name FROM pragma_table_info('${name}')`).pluck().all()
      const insert = old.prepare(
        `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      )
      for (const row of rows.get(name) ?? []) {
        insert.run((columns as string[]).map((column) => row[column]))
      }
    }
    old.close()
  }
})
