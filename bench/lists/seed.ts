import { v7 } from 'uuid'
import type { Engine } from '../../src/storage/engine.ts'

export const LIST_DAY_MS = 24 * 60 * 60 * 1000
/** The day on which it is all looked at. */
export const LIST_NOW = 20_000 * LIST_DAY_MS
export const LARGE_ACCOUNT_ID = '01900000-0000-7000-8000-000000000000'
/** One whose account has next to nothing. */
export const SMALL_ACCOUNT_ID = '01900000-0000-7000-8000-000000000001'
const ROWS_PER_INSERT = 1000
const KEYS_PER_USER = 10
const LIST_KEY_TYPES = ['xenrad', 'opendental', 'xdent', 'practice']
const CREATED_COLUMNS = { created_at: 1, event_id: 'seed' }

/** An account with so many keys and a tenth as many users, and one with nothing but a source. */
export async function seedListKeys(engine: Engine, keys: number): Promise<void> {
  await insertRows(
    engine,
    'accounts',
    [LARGE_ACCOUNT_ID, SMALL_ACCOUNT_ID].map((id) => ({
      id,
      name: 'Office',
      region: 'us',
      status: 'open',
      ...CREATED_COLUMNS,
    })),
  )
  const users = Array.from({ length: Math.ceil(keys / KEYS_PER_USER) }, (_, n) => ({
    id: v7(),
    account_id: LARGE_ACCOUNT_ID,
    email: `engineer-${n}@large.example`,
    role: 'engineer',
    left_at: n % 50 === 0 ? 5 : null,
    ...CREATED_COLUMNS,
  }))
  await insertRows(engine, 'users', users)
  await insertRows(
    engine,
    'keys',
    Array.from({ length: keys }, (_, n) => createKeyRow(n, keys, users[n % users.length]?.id)),
  )
}

const createKeyRow = (n: number, keys: number, owner: string | undefined) => ({
  id: v7(),
  account_id: LARGE_ACCOUNT_ID,
  owner_id: owner,
  dialect: LIST_KEY_TYPES[n % LIST_KEY_TYPES.length],
  public_id: crypto.randomUUID(),
  name: `Integration ${(n * 7919) % keys} of an office`,
  description: 'What it is for, in a sentence or two that somebody has typed.',
  reference: `PO-${n}`,
  status: n % 9 === 0 ? 'revoked' : 'enabled',
  access: 'standard',
  secret_hash: `hmac.1.${crypto.randomUUID()}${crypto.randomUUID()}`,
  token_salt: crypto.randomUUID(),
  token_epoch: 0,
  expires_at: n % 4 === 0 ? LIST_NOW + (n % 1000) * LIST_DAY_MS : null,
  last_used_at: n % 5 === 0 ? null : LIST_NOW - ((n * 31) % 400) * LIST_DAY_MS,
  ...CREATED_COLUMNS,
})

/** Rows that all have the same columns. */
export async function insertRows(
  engine: Engine,
  table: string,
  rows: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  const columns = Object.keys(rows[0] ?? {})
  const holes = columns.map((_, n) => (engine.sql === 'sqlite' ? '?' : `$${n + 1}`))
  const sql = `INSERT INTO ${table} (${columns.join()}) VALUES (${holes.join()})`
  for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) {
    const some = rows.slice(from, from + ROWS_PER_INSERT)
    await engine.atomic(some.map((row) => ({ sql, values: Object.values(row) })))
  }
}

/** Four that send, in the large account; the fifth is the small one's. */
export const SOURCE_IDS = [0, 1, 2, 3, 4].map((n) => `source-${n}`)
export const SMALL_SOURCE_ID = 'source-4'
/** Each source has its own; the last was reached by the oldest messages alone. */
export const OLD_DESTINATION_ID = 'destination-4'
const MESSAGES_PER_INSERT = 50_000
const MESSAGE_COLUMNS = { created_at: 1, event_id: 'seed' }

/**
 * So many messages, made by the database itself: the newest are queued, every 50,000th was skipped,
 * every 1,000th is a test, and the small account's one message is the oldest of all.
 */
export async function seedListMessages(engine: Engine, messages: number): Promise<void> {
  const owner = (n: number) => (n === 4 ? SMALL_ACCOUNT_ID : LARGE_ACCOUNT_ID)
  const places = SOURCE_IDS.map((_, n) => ({
    account_id: owner(n),
    name: `Office ${n}`,
    ...MESSAGE_COLUMNS,
  }))
  const sources = places.map((place, n) => ({ id: SOURCE_IDS[n], ...place }))
  await insertRows(engine, 'sources', sources)
  const destinations = places.map((place, n) => ({
    id: `destination-${n}`,
    ...place,
    url: 'https://emr.example',
    development: 0,
  }))
  await insertRows(engine, 'destinations', destinations)

  for (let from = 1; from <= messages; from += MESSAGES_PER_INSERT) {
    const numbers = `WITH RECURSIVE numbers (n) AS (
      SELECT ${from} UNION ALL
      SELECT n + 1 FROM numbers WHERE n < ${Math.min(messages, from + MESSAGES_PER_INSERT - 1)})`
    const id = `'01900000-0000-7000-8000-' || substr(cast(100000000000 + n as text), 1, 12)`
    const queued = messages - 100
    const add = (sql: string) => ({ sql, values: [] })
    await engine.atomic([
      add(`INSERT INTO messages (id, serial, key_id, source_id, data_model, event_type, test,
          received_at, sealed_payload)
        ${numbers} SELECT ${id}, n, 'key',
          CASE WHEN n = 1 THEN '${SMALL_SOURCE_ID}' ELSE 'source-' || cast(n % 4 as text) END,
          'PatientAdmin', 'NewPatient', CASE WHEN n % 1000 = 7 THEN 1 ELSE 0 END, n, '${SEALED_PAYLOAD}'
        FROM numbers`),
      add(`INSERT INTO deliveries (message_id, position, id, attempt_id, subscription_id,
          destination_id, status, place)
        ${numbers} SELECT ${id}, 0, 'delivery', 'attempt', 'feed-' || cast(n % 4 as text),
          CASE WHEN n < 50 THEN '${OLD_DESTINATION_ID}' ELSE 'destination-' || cast(n % 4 as text) END,
          CASE WHEN n > ${queued} THEN 'queued' WHEN n % 50000 = 3 THEN 'skipped'
            ELSE 'delivered' END, n
        FROM numbers`),
    ])
  }
}

/** As many bytes as a short message has when it is sealed. */
const SEALED_PAYLOAD = 'x'.repeat(400)
