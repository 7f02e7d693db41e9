import { connect, type Socket } from 'node:net'
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

/**
 * Every connection sends its next request as soon as it has its answer, for so many seconds. Written
 * on node:net with requests made beforehand, because it must cost less than the server that it loads.
 */
export async function loadRound({ served, scripts, status, seconds }: Plan): Promise<Round> {
  const connections = await Promise.all(
    scripts.map((script) => openConnection(served.port, script)),
  )
  const patience = AbortSignal.timeout(seconds * 1000 + PATIENCE_MS)
  const latencies: number[] = []
  try {
    const servedSeconds = served.cpuSeconds()
    const cpu = process.cpuUsage()
    const began = performance.now()
    const until = began + seconds * 1000
    const order = { status, until, latencies, patience }
    await Promise.all(connections.map((connection) => connection.converse(order)))
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
    for (const connection of connections) connection.close()
  }
}

function quantile(sorted: readonly number[], share: number): number {
  const found = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  if (found === undefined) throw new Error('not one request was answered in time')
  return found
}

interface Order {
  readonly status: number
  readonly until: number
  readonly latencies: number[]
  readonly patience: AbortSignal
}

interface Connection {
  /** Resolves with the first answer that comes after the time is over. */
  converse(order: Order): Promise<void>
  close(): void
}

const READ_BYTES = 64 * 1024

async function openConnection(port: number, script: Script): Promise<Connection> {
  let receive: (text: string) => void = () => {}
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opening = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(READ_BYTES),
        callback(length, buffer) {
          // A header is ASCII and a length counts bytes: as latin1 a byte is a character.
          receive(Buffer.from(buffer.buffer, buffer.byteOffset, length).toString('latin1'))
          return true
        },
      },
    })
    opening.once('error', reject)
    opening.once('connect', () => {
      opening.off('error', reject)
      resolve(opening)
    })
  })

  return {
    converse({ status, until, latencies, patience }) {
      return new Promise((resolve, reject) => {
        let sentAt = 0
        let isFirst = true
        let held = ''
        const send = () => {
          sentAt = performance.now()
          socket.write(script.next())
        }
        receive = (text) => {
          const answer = readAnswer(held + text)
          if (answer === null) {
            held += text
            return
          }
          held = ''
          const now = performance.now()
          if (answer.status !== status) {
            reject(new Error(`answered ${answer.status}, not ${status}: ${answer.body}`))
            return
          }
          script.answered?.(answer.body)
          // The first counts even if it is late: no round, however short, ends with nothing.
          if (isFirst || now <= until) latencies.push(now - sentAt)
          isFirst = false
          if (now < until) send()
          else resolve()
        }
        socket.once('error', reject)
        socket.once('close', () => reject(new Error('the server closed the connection')))
        patience.addEventListener('abort', () =>
          reject(new Error(`no answer within ${PATIENCE_MS} ms`)),
        )
        send()
      })
    },
    close: () => socket.destroy(),
  }
}

const LENGTH = /\r\ncontent-length: (\d+)\r\n/i

/** One whole HTTP/1.1 answer, or null where some of it is still to come (RFC 9112 §6). */
function readAnswer(text: string): { status: number; body: string } | null {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return null
  const length = LENGTH.exec(text)?.[1]
  if (length === undefined) throw new Error(`an answer without Content-Length: ${text}`)
  const body = text.slice(end + 4)
  if (body.length < Number(length)) return null
  if (body.length > Number(length)) throw new Error(`more than one answer: ${text}`)
  return { status: Number(text.slice(9, 12)), body }
}
