import { v7 } from 'uuid'
import type { Engine } from '../../src/storage/engine.ts'

export const DAY = 24 * 60 * 60 * 1000
/** The day on which it is all looked at. */
export const NOW = 20_000 * DAY
export const ACCOUNT = '01900000-0000-7000-8000-000000000000'
/** One whose account has next to nothing. */
export const SMALL = '01900000-0000-7000-8000-000000000001'
const TOGETHER = 1000
const KEYS_OF_A_USER = 10
const DIALECTS = ['xenrad', 'opendental', 'xdent', 'practice']
const WRITTEN = { created_at: 1, event_id: 'seed' }

/** An account with so many keys and a tenth as many users, and one with nothing but a source. */
export async function seedKeys(engine: Engine, keys: number): Promise<void> {
  await insert(
    engine,
    'accounts',
    [ACCOUNT, SMALL].map((id) => ({
      id,
      name: 'Office',
      region: 'us',
      status: 'open',
      ...WRITTEN,
    })),
  )
  const users = Array.from({ length: Math.ceil(keys / KEYS_OF_A_USER) }, (_, n) => ({
    id: v7(),
    account_id: ACCOUNT,
    email: `engineer-${n}@large.example`,
    role: 'engineer',
    left_at: n % 50 === 0 ? 5 : null,
    ...WRITTEN,
  }))
  await insert(engine, 'users', users)
  await insert(
    engine,
    'keys',
    Array.from({ length: keys }, (_, n) => keyOf(n, keys, users[n % users.length]?.id)),
  )
}

const keyOf = (n: number, keys: number, owner: string | undefined) => ({
  id: v7(),
  account_id: ACCOUNT,
  owner_id: owner,
  dialect: DIALECTS[n % DIALECTS.length],
  public_id: crypto.randomUUID(),
  name: `Integration ${(n * 7919) % keys} of an office`,
  description: 'What it is for, in a sentence or two that somebody has typed.',
  reference: `PO-${n}`,
  status: n % 9 === 0 ? 'revoked' : 'enabled',
  access: 'standard',
  secret_hash: `hmac.1.${crypto.randomUUID()}${crypto.randomUUID()}`,
  token_salt: crypto.randomUUID(),
  token_epoch: 0,
  expires_at: n % 4 === 0 ? NOW + (n % 1000) * DAY : null,
  last_used_at: n % 5 === 0 ? null : NOW - ((n * 31) % 400) * DAY,
  ...WRITTEN,
})

/** Rows that all have the same columns. */
export async function insert(
  engine: Engine,
  table: string,
  rows: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  const columns = Object.keys(rows[0] ?? {})
  const holes = columns.map((_, n) => (engine.sql === 'sqlite' ? '?' : `$${n + 1}`))
  const sql = `INSERT INTO ${table} (${columns.join()}) VALUES (${holes.join()})`
  for (let from = 0; from < rows.length; from += TOGETHER) {
    const some = rows.slice(from, from + TOGETHER)
    await engine.atomic(some.map((row) => ({ sql, values: Object.values(row) })))
  }
}
