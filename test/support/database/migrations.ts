import type { Migration } from '../../../src/storage/migrations.ts'

/** A history that no release has: two steps after version 4, the second rebuilds a table. */
export const SAMPLE_MIGRATIONS: readonly Migration[] = [
  {
    to: 5,
    summary: 'accounts have a tier',
    statements: [
      `ALTER TABLE accounts ADD COLUMN tier TEXT NOT NULL DEFAULT 'standard'`,
      `UPDATE accounts SET tier = 'closed' WHERE status = 'closed'`,
    ],
  },
  {
    to: 6,
    summary: 'users have a phone, grants a reason',
    statements: [
      'ALTER TABLE users ADD COLUMN phone TEXT',
      'CREATE TABLE grants_6 (id TEXT PRIMARY KEY, key_id TEXT NOT NULL, reason TEXT)',
      'INSERT INTO grants_6 (id, key_id) SELECT id, key_id FROM grants',
      'DROP TABLE grants',
      'ALTER TABLE grants_6 RENAME TO grants',
    ],
  },
]

export const SAMPLE_HISTORY_6 = { version: 6, migrations: SAMPLE_MIGRATIONS }

/** Version 4 to 5, with one more statement at its end. */
export const createHistoryEndingIn = (statement: string) => ({
  version: 5,
  migrations: SAMPLE_MIGRATIONS.slice(0, 1).map((step) => ({
    ...step,
    statements: [...step.statements, statement],
  })),
})

/** A table or index as it was written, without what says nothing: comments, layout, quotes. */
export const normalizeSql = (sql: string): string =>
  sql
    .replace(/--[^\n]*/g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([(),]) ?/g, '$1')

/** Selects the schema that SQLite and D1 report. */
export const SELECT_SQLITE_SCHEMA = `SELECT type, name, tbl_name, sql FROM sqlite_master
  WHERE sql IS NOT NULL AND name NOT LIKE '_cf%' AND name NOT LIKE 'sqlite_%' ORDER BY type, name`

export const normalizeSchema = (rows: readonly Record<string, unknown>[]) =>
  rows.map((row) => ({ ...row, sql: normalizeSql(String(row.sql)) }))

/** Selects the schema that PostgreSQL reports: columns in order, constraints and indexes by name (a
 * CHECK without, because it keeps the name of a renamed column). */
export const SELECT_POSTGRES_SCHEMA = `
  SELECT 'column' AS type, table_name || '.' || ordinal_position AS name,
    concat_ws(' ', column_name, data_type, is_nullable, column_default) AS sql
  FROM information_schema.columns WHERE table_schema = 'public'
  UNION ALL
  SELECT 'constraint', conrelid::regclass || CASE contype WHEN 'c' THEN '' ELSE '.' || conname END,
    pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
  UNION ALL
  SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
  ORDER BY 1, 2, 3`

/*
 * Keys of schema version 4 whose public ids are UUIDs in several spellings, and what becomes of them.
 */

const createKeyId = (n: number) => `0199aa00-0000-7000-8000-0000000001${String(n).padStart(2, '0')}`
const LOWER_CASE_ID = 'f81d4fae-7dec-41d0-a765-00a0c91e6bf6'
const MIXED_CASE_ID = 'F81D4FAE-7dec-41D0-A765-00a0c91e6bf6'

interface IdCaseKey {
  readonly n: number
  readonly publicId: string
  readonly status: 'enabled' | 'revoked'
  readonly usedAt: number | null
}

const ID_CASE_KEYS: readonly IdCaseKey[] = [
  { n: 1, publicId: '0D1B5E3A-93C4-4C1D-8E57-6C6F0D3E2A11', status: 'enabled', usedAt: null },
  { n: 2, publicId: 'PARTNER-7', status: 'enabled', usedAt: null },
  { n: 3, publicId: 'G1D4FAE0-7DEC-41D0-A765-00A0C91E6BF6', status: 'enabled', usedAt: null },
  { n: 4, publicId: 'F81D4FAE-7DEC-41D0-A765-00A0C91E6BF-', status: 'enabled', usedAt: null },
  // Three spellings of one id: the living one that was used last keeps it.
  { n: 5, publicId: LOWER_CASE_ID, status: 'enabled', usedAt: 1_767_323_045_000 },
  { n: 6, publicId: LOWER_CASE_ID.toUpperCase(), status: 'enabled', usedAt: 1_767_323_046_000 },
  { n: 7, publicId: MIXED_CASE_ID, status: 'revoked', usedAt: 1_767_323_047_000 },
]

const quoteSql = (value: string | null) => (value === null ? 'NULL' : `'${value}'`)

/** To be run on test/fixtures/schema-4.sql. */
export const INSERT_ID_CASE_KEYS = `INSERT INTO keys (id, account_id, owner_id, dialect, public_id, name,
  description, reference, status, access, secret_hash, token_salt, token_epoch, created_at,
  last_used_at, event_id) VALUES ${ID_CASE_KEYS.map(
    ({ n, publicId, status, usedAt }) => `(${quoteSql(createKeyId(n))},
    '0199aa00-0000-7000-8000-000000000001', '0199aa00-0000-7000-8000-000000000011', 'xdent',
    ${quoteSql(publicId)}, 'key ${n}', '', '', '${status}', 'standard', 'digest-${n}', 'salt', 0,
    1767323045683, ${usedAt ?? 'NULL'}, '0199aa00-0000-7000-8000-00000000e008')`,
  ).join(',\n')};`

export const SELECT_ID_CASE_KEYS = `SELECT public_id, status FROM keys
  WHERE name LIKE 'key %' ORDER BY id`

export const EXPECTED_ID_CASE_KEYS = [
  { public_id: '0d1b5e3a-93c4-4c1d-8e57-6c6f0d3e2a11', status: 'enabled' },
  { public_id: 'PARTNER-7', status: 'enabled' },
  { public_id: 'G1D4FAE0-7DEC-41D0-A765-00A0C91E6BF6', status: 'enabled' },
  { public_id: 'F81D4FAE-7DEC-41D0-A765-00A0C91E6BF-', status: 'enabled' },
  { public_id: `${LOWER_CASE_ID}.${createKeyId(5)}`, status: 'revoked' },
  { public_id: LOWER_CASE_ID, status: 'enabled' },
  { public_id: `${LOWER_CASE_ID}.${createKeyId(7)}`, status: 'revoked' },
]

/** Reads the event of the one key that the migration revokes. */
export const SELECT_REVOCATIONS = `SELECT audit_events.actor, audit_events.subject, keys.public_id
  FROM audit_events JOIN keys ON keys.event_id = audit_events.id
  WHERE audit_events.action = 'key.revoked'`

export const EXPECTED_REVOCATIONS = [
  { actor: 'server', subject: createKeyId(5), public_id: `${LOWER_CASE_ID}.${createKeyId(5)}` },
]
