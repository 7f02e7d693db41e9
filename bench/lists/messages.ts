import type { Engine } from '../../src/storage/engine.ts'
import { ACCOUNT, insert, SMALL } from './seed.ts'

/** Four that send, in the large account; the fifth is the small one's. */
export const SOURCES = [0, 1, 2, 3, 4].map((n) => `source-${n}`)
export const SMALL_SOURCE = 'source-4'
/** Each source has its own; the last was reached by the oldest messages alone. */
export const OLD_DESTINATION = 'destination-4'
const TOGETHER = 50_000
const WRITTEN = { created_at: 1, event_id: 'seed' }

/**
 * So many messages, made by the database itself: the newest are queued, every 50,000th was skipped,
 * every 1,000th is a test, and the small account's one message is the oldest of all.
 */
export async function seedMessages(engine: Engine, messages: number): Promise<void> {
  const owner = (n: number) => (n === 4 ? SMALL : ACCOUNT)
  const places = SOURCES.map((_, n) => ({ account_id: owner(n), name: `Office ${n}`, ...WRITTEN }))
  const sources = places.map((place, n) => ({ id: SOURCES[n], ...place }))
  await insert(engine, 'sources', sources)
  const destinations = places.map((place, n) => ({
    id: `destination-${n}`,
    ...place,
    url: 'https://emr.example',
    development: 0,
  }))
  await insert(engine, 'destinations', destinations)

  for (let from = 1; from <= messages; from += TOGETHER) {
    const numbers = `WITH RECURSIVE numbers (n) AS (
      SELECT ${from} UNION ALL
      SELECT n + 1 FROM numbers WHERE n < ${Math.min(messages, from + TOGETHER - 1)})`
    const id = `'01900000-0000-7000-8000-' || substr(cast(100000000000 + n as text), 1, 12)`
    const queued = messages - 100
    const add = (sql: string) => ({ sql, values: [] })
    await engine.atomic([
      add(`INSERT INTO messages (id, serial, key_id, source_id, data_model, event_type, test,
          received_at, sealed_payload)
        ${numbers} SELECT ${id}, n, 'key',
          CASE WHEN n = 1 THEN '${SMALL_SOURCE}' ELSE 'source-' || cast(n % 4 as text) END,
          'PatientAdmin', 'NewPatient', CASE WHEN n % 1000 = 7 THEN 1 ELSE 0 END, n, '${PAYLOAD}'
        FROM numbers`),
      add(`INSERT INTO deliveries (message_id, position, id, attempt_id, subscription_id,
          destination_id, status, place)
        ${numbers} SELECT ${id}, 0, 'delivery', 'attempt', 'feed-' || cast(n % 4 as text),
          CASE WHEN n < 50 THEN '${OLD_DESTINATION}' ELSE 'destination-' || cast(n % 4 as text) END,
          CASE WHEN n > ${queued} THEN 'queued' WHEN n % 50000 = 3 THEN 'skipped'
            ELSE 'delivered' END, n
        FROM numbers`),
    ])
  }
}

/** As many bytes as a short message has when it is sealed. */
const PAYLOAD = 'x'.repeat(400)
