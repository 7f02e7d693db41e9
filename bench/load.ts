import { type Connection, openConnection } from './connection.ts'
import { quantile } from './figures.ts'
import type { Served } from './served.ts'

/** What one connection says: the next request, and what it learns from the answer. */
export interface Script {
  next(): Buffer
  answered?(body: string): void
}

export interface Plan {
  readonly served: Pick<Served, 'port' | 'cpuSeconds'>
  /** One for each connection. */
  readonly scripts: readonly Script[]
  /** The only status that is right. */
  readonly status: number
  readonly seconds: number
}

export interface Round {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** What one answer cost the server: unlike the others, hardly touched by what else is running. */
  readonly cpuUs: number
  /** How much of a core the load generator itself took: near 1, it was the limit and not the server. */
  readonly loadBusy: number
}

/** How long an answer may be out before the bench gives up. */
const PATIENCE_MS = 15_000

/** Every connection sends its next request as soon as it has its answer, for so many seconds. */
export async function loadRound({ served, scripts, status, seconds }: Plan): Promise<Round> {
  const connections = await Promise.all(
    scripts.map(async (script) => ({ script, connection: await openConnection(served.port) })),
  )
  const patience = AbortSignal.timeout(seconds * 1000 + PATIENCE_MS)
  const latencies: number[] = []
  try {
    const servedSeconds = served.cpuSeconds()
    const cpu = process.cpuUsage()
    const began = performance.now()
    const until = began + seconds * 1000
    const order = { status, until, latencies, patience }
    await Promise.all(
      connections.map(({ connection, script }) => converse(connection, script, order)),
    )
    const { user, system } = process.cpuUsage(cpu)
    const answers = latencies.length + connections.length
    latencies.sort((a, b) => a - b)
    return {
      perSecond: latencies.length / seconds,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
      cpuUs: ((served.cpuSeconds() - servedSeconds) * 1e6) / answers,
      loadBusy: (user + system) / 1000 / (performance.now() - began),
    }
  } finally {
    for (const { connection } of connections) connection.close()
  }
}

interface Order {
  readonly status: number
  readonly until: number
  readonly latencies: number[]
  readonly patience: AbortSignal
}

/** Resolves with the first answer that comes after the time is over. */
function converse(
  connection: Connection,
  script: Script,
  { status, until, latencies, patience }: Order,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isFirst = true
    const send = () => {
      const sentAt = performance.now()
      connection.ask(script.next(), (answered, body) => {
        const now = performance.now()
        if (answered !== status) {
          reject(new Error(`answered ${answered}, not ${status}: ${body}`))
          return
        }
        script.answered?.(body)
        // The first counts even if it is late: no round, however short, ends with nothing.
        if (isFirst || now <= until) latencies.push(now - sentAt)
        isFirst = false
        if (now < until) send()
        else resolve()
      })
    }
    connection.onFailure(reject)
    patience.addEventListener('abort', () =>
      reject(new Error(`no answer within ${PATIENCE_MS} ms`)),
    )
    send()
  })
}
