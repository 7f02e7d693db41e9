/*
 * Keys of schema version 4 whose public ids are UUIDs in several spellings, and what becomes of them.
 */

const idOf = (n: number) => `0199aa00-0000-7000-8000-0000000001${String(n).padStart(2, '0')}`
const UUID = 'f81d4fae-7dec-41d0-a765-00a0c91e6bf6'
const MIXED = 'F81D4FAE-7dec-41D0-A765-00a0c91e6bf6'

interface SpelledKey {
  readonly n: number
  readonly publicId: string
  readonly status: 'enabled' | 'revoked'
  readonly usedAt: number | null
}

const KEYS: readonly SpelledKey[] = [
  { n: 1, publicId: '0D1B5E3A-93C4-4C1D-8E57-6C6F0D3E2A11', status: 'enabled', usedAt: null },
  { n: 2, publicId: 'PARTNER-7', status: 'enabled', usedAt: null },
  { n: 3, publicId: 'G1D4FAE0-7DEC-41D0-A765-00A0C91E6BF6', status: 'enabled', usedAt: null },
  { n: 4, publicId: 'F81D4FAE-7DEC-41D0-A765-00A0C91E6BF-', status: 'enabled', usedAt: null },
  // Three spellings of one id: the living one that was used last keeps it.
  { n: 5, publicId: UUID, status: 'enabled', usedAt: 1_767_323_045_000 },
  { n: 6, publicId: UUID.toUpperCase(), status: 'enabled', usedAt: 1_767_323_046_000 },
  { n: 7, publicId: MIXED, status: 'revoked', usedAt: 1_767_323_047_000 },
]

const quoted = (value: string | null) => (value === null ? 'NULL' : `'${value}'`)

/** To be run on test/fixtures/schema-4.sql. */
export const SPELLED_KEYS = `INSERT INTO keys (id, account_id, owner_id, dialect, public_id, name,
  description, reference, status, access, secret_hash, token_salt, token_epoch, created_at,
  last_used_at, event_id) VALUES ${KEYS.map(
    ({ n, publicId, status, usedAt }) => `(${quoted(idOf(n))},
    '0199aa00-0000-7000-8000-000000000001', '0199aa00-0000-7000-8000-000000000011', 'xdent',
    ${quoted(publicId)}, 'key ${n}', '', '', '${status}', 'standard', 'digest-${n}', 'salt', 0,
    1767323045683, ${usedAt ?? 'NULL'}, '0199aa00-0000-7000-8000-00000000e008')`,
  ).join(',\n')};`

export const SELECT_SPELLED_KEYS = `SELECT public_id, status FROM keys
  WHERE name LIKE 'key %' ORDER BY id`

export const MIGRATED_KEYS = [
  { public_id: '0d1b5e3a-93c4-4c1d-8e57-6c6f0d3e2a11', status: 'enabled' },
  { public_id: 'PARTNER-7', status: 'enabled' },
  { public_id: 'G1D4FAE0-7DEC-41D0-A765-00A0C91E6BF6', status: 'enabled' },
  { public_id: 'F81D4FAE-7DEC-41D0-A765-00A0C91E6BF-', status: 'enabled' },
  { public_id: `${UUID}.${idOf(5)}`, status: 'revoked' },
  { public_id: UUID, status: 'enabled' },
  { public_id: `${UUID}.${idOf(7)}`, status: 'revoked' },
]

/** Of the one key that the migration has revoked. */
export const SELECT_REVOCATIONS = `SELECT audit_events.actor, audit_events.subject, keys.public_id
  FROM audit_events JOIN keys ON keys.event_id = audit_events.id
  WHERE audit_events.action = 'key.revoked'`

export const REVOCATIONS = [{ actor: 'server', subject: idOf(5), public_id: `${UUID}.${idOf(5)}` }]
