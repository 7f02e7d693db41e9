import type { DeliveryOutcome } from '../../src/domain/delivery.ts'
import type { SoakArrival } from './ledger.ts'

/** The messages and deliveries in the database after the run. */
export interface StoredState {
  readonly messages: number
  /** Messages whose payload is still there. */
  readonly payloads: number
  readonly deliveries: readonly StoredDelivery[]
}

export interface StoredDelivery {
  readonly id: string
  readonly status: string
  /** In the order of their numbers. */
  readonly attempts: readonly { number: number; at: number; ms: number; outcome: DeliveryOutcome }[]
}

type QueryRows = (sql: string) => Promise<Record<string, unknown>[]>

export async function readStoredState(queryRows: QueryRows): Promise<StoredState> {
  const deliveries = await queryRows('SELECT id, status FROM deliveries')
  const rows = await queryRows(
    `SELECT deliveries.id, number, at, ms, outcome
     FROM attempts JOIN deliveries USING (message_id, position) ORDER BY deliveries.id, number`,
  )
  const attempts = Map.groupBy(rows, ({ id }) => String(id))
  return {
    messages: await readNumber(queryRows, 'SELECT count(*) AS n FROM messages'),
    payloads: await readNumber(
      queryRows,
      `SELECT (SELECT count(*) FROM messages WHERE erased_at IS NULL OR sealed_payload <> '')
        + (SELECT count(*) FROM payload_parts) AS n`,
    ),
    deliveries: deliveries.map(({ id, status }) => ({
      id: String(id),
      status: String(status),
      attempts: (attempts.get(String(id)) ?? []).map(({ number, at, ms, outcome }) => ({
        number: Number(number),
        at: Number(at),
        ms: Number(ms),
        outcome: outcome as DeliveryOutcome,
      })),
    })),
  }
}

export const countQueuedDeliveries = (queryRows: QueryRows): Promise<number> =>
  readNumber(queryRows, `SELECT count(*) AS n FROM deliveries WHERE status = 'queued'`)

/** (PostgreSQL's driver reads BIGINT as text.) */
async function readNumber(queryRows: QueryRows, sql: string): Promise<number> {
  const [row] = await queryRows(sql)
  return Number(row?.n)
}

/**
 * Lists contradictions between the database and the destinations. Each delivery has one attempt that
 * is known to have succeeded, its last; a request began it, and no request followed it.
 */
export function findDisagreements(stored: StoredState, arrivals: readonly SoakArrival[]): string[] {
  const found: string[] = []
  const knownIds = new Set(stored.deliveries.map(({ id }) => id))
  const arrivalsByDelivery = Map.groupBy(arrivals, ({ deliveryId }) => deliveryId)
  for (const id of arrivalsByDelivery.keys())
    if (!knownIds.has(id)) found.push(`${id} came, and is not kept`)
  for (const { id, status, attempts } of stored.deliveries) {
    if (status !== 'delivered') found.push(`${id} is ${status}`)
    if (!attempts.every(({ number }, n) => number === n + 1)) found.push(`${id} misses attempts`)
    const last = attempts.at(-1)
    const successes = attempts.filter(({ outcome }) => outcome === 'delivered')
    if (successes.length !== 1 || last?.outcome !== 'delivered') {
      found.push(`${id} has ${successes.length} successes among ${attempts.length} attempts`)
      continue
    }
    const arrivalTimes = (arrivalsByDelivery.get(id) ?? []).map(({ beganAt }) => beganAt)
    const end = last.at + last.ms
    if (!arrivalTimes.some((at) => at >= last.at && at <= end))
      found.push(`${id} never came when it did`)
    if (arrivalTimes.some((at) => at > end))
      found.push(`${id} came after it was known to be delivered`)
  }
  const messages = new Set(arrivals.map(({ source, number }) => `${source}.${number}`)).size
  if (stored.messages !== messages) found.push(`${stored.messages} messages kept, ${messages} came`)
  if (stored.payloads > 0) found.push(`${stored.payloads} payloads are not erased`)
  return found
}
