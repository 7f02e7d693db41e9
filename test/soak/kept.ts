import type { Outcome } from '../../src/domain/delivery.ts'
import type { Arrival } from './ledger.ts'

/** What the database says when all is done. */
export interface Kept {
  readonly messages: number
  /** Messages whose payload is still there. */
  readonly payloads: number
  readonly deliveries: readonly KeptDelivery[]
}

export interface KeptDelivery {
  readonly id: string
  readonly status: string
  /** In the order of their numbers. */
  readonly attempts: readonly { number: number; at: number; ms: number; outcome: Outcome }[]
}

type Ask = (sql: string) => Promise<Record<string, unknown>[]>

export async function readKept(ask: Ask): Promise<Kept> {
  const deliveries = await ask('SELECT id, status FROM deliveries')
  const rows = await ask(
    `SELECT deliveries.id, number, at, ms, outcome
     FROM attempts JOIN deliveries USING (message_id, position) ORDER BY deliveries.id, number`,
  )
  const attempts = Map.groupBy(rows, ({ id }) => String(id))
  return {
    messages: await numberOf(ask, 'SELECT count(*) AS n FROM messages'),
    payloads: await numberOf(
      ask,
      `SELECT count(*) AS n FROM messages WHERE erased_at IS NULL OR sealed_payload <> ''`,
    ),
    deliveries: deliveries.map(({ id, status }) => ({
      id: String(id),
      status: String(status),
      attempts: (attempts.get(String(id)) ?? []).map(({ number, at, ms, outcome }) => ({
        number: Number(number),
        at: Number(at),
        ms: Number(ms),
        outcome: outcome as Outcome,
      })),
    })),
  }
}

export const queuedIn = (ask: Ask): Promise<number> =>
  numberOf(ask, `SELECT count(*) AS n FROM deliveries WHERE status = 'queued'`)

/** (PostgreSQL's driver reads BIGINT as text.) */
async function numberOf(ask: Ask, sql: string): Promise<number> {
  const [row] = await ask(sql)
  return Number(row?.n)
}

/**
 * Where the database and the destinations do not tell the same story. Each delivery has one attempt that
 * is known to have succeeded, its last; it was begun by what came, and nothing came after it.
 */
export function disagreements(kept: Kept, arrivals: readonly Arrival[]): string[] {
  const found: string[] = []
  const known = new Set(kept.deliveries.map(({ id }) => id))
  const come = Map.groupBy(arrivals, ({ deliveryId }) => deliveryId)
  for (const id of come.keys()) if (!known.has(id)) found.push(`${id} came, and is not kept`)
  for (const { id, status, attempts } of kept.deliveries) {
    if (status !== 'delivered') found.push(`${id} is ${status}`)
    if (!attempts.every(({ number }, n) => number === n + 1)) found.push(`${id} misses attempts`)
    const last = attempts.at(-1)
    const successes = attempts.filter(({ outcome }) => outcome === 'delivered')
    if (successes.length !== 1 || last?.outcome !== 'delivered') {
      found.push(`${id} has ${successes.length} successes among ${attempts.length} attempts`)
      continue
    }
    const ats = (come.get(id) ?? []).map(({ at }) => at)
    const end = last.at + last.ms
    if (!ats.some((at) => at >= last.at && at <= end)) found.push(`${id} never came when it did`)
    if (ats.some((at) => at > end)) found.push(`${id} came after it was known to be delivered`)
  }
  const messages = new Set(arrivals.map(({ source, number }) => `${source}.${number}`)).size
  if (kept.messages !== messages) found.push(`${kept.messages} messages kept, ${messages} came`)
  if (kept.payloads > 0) found.push(`${kept.payloads} payloads are not erased`)
  return found
}
