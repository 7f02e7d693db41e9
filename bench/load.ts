import { connect, type Socket } from 'node:net'
import type { BenchSettings } from './options.ts'
import type { BenchServer, ProcessMemory } from './process.ts'
import { showProgress } from './text.ts'

/** The requests of one connection, which may depend on the responses. */
export interface LoadScript {
  /** The only accepted status. */
  readonly status: number
  next(): Buffer
  answered?(body: string): void
}

export interface LoadPlan {
  readonly served: Pick<BenchServer, 'port' | 'cpuSeconds'>
  /** One for each connection. */
  readonly scripts: readonly LoadScript[]
  readonly seconds: number
}

export interface LoadRound {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU time of one response; other programs on the machine hardly change it. */
  readonly cpuUs: number
  /** Share of a core that the load itself took; near 1, the load was the limit and not the server. */
  readonly loadBusy: number
}

const LOAD_TIMEOUT_MS = 15_000

/** Sends on every connection the next request as soon as the response is there, for `seconds`. */
export async function runLoadRound({ served, scripts, seconds }: LoadPlan): Promise<LoadRound> {
  const connections = await Promise.all(
    scripts.map(async (script) => ({ script, connection: await openBenchConnection(served.port) })),
  )
  const patience = AbortSignal.timeout(Math.ceil(seconds * 1000) + LOAD_TIMEOUT_MS)
  const latencies: number[] = []
  try {
    const servedSeconds = served.cpuSeconds()
    const cpu = process.cpuUsage()
    const began = performance.now()
    const until = began + seconds * 1000
    const order = { until, latencies, patience }
    await Promise.all(
      connections.map(({ connection, script }) => sendUntilEnd(connection, script, order)),
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

interface ConversationInput {
  readonly until: number
  readonly latencies: number[]
  readonly patience: AbortSignal
}

/** Resolves at the first response after the time is over. */
function sendUntilEnd(
  connection: BenchConnection,
  script: LoadScript,
  { until, latencies, patience }: ConversationInput,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isFirst = true
    const send = () => {
      const sentAt = performance.now()
      connection.send(script.next(), (answered, body) => {
        const now = performance.now()
        if (answered !== script.status) {
          reject(new Error(`answered ${answered}, not ${script.status}: ${body}`))
          return
        }
        script.answered?.(body)
        // A late first response counts, too, so that even a short round has a result.
        if (isFirst || now <= until) latencies.push(now - sentAt)
        isFirst = false
        if (now < until) send()
        else resolve()
      })
    }
    connection.onFailure(reject)
    patience.addEventListener('abort', () =>
      reject(new Error(`no answer within ${LOAD_TIMEOUT_MS} ms`)),
    )
    send()
  })
}

/** A server that is loaded in turn with others. */
export interface LoadLane {
  readonly label: string
  readonly served: BenchServer
  readonly scripts: readonly LoadScript[]
}

export interface LoadResult {
  readonly rounds: readonly LoadRound[]
  /** The median delay of a response while no other connection has requests. */
  readonly aloneP50Ms: number
  /** Memory of the server's process: the maximum at the end of a round. */
  readonly memory: ProcessMemory | null
}

/** A round with one connection is this part of one with all. */
const ALONE_SHARE = 1 / 3

export async function loadInTurn(
  name: string,
  lanes: readonly LoadLane[],
  settings: BenchSettings,
): Promise<LoadResult[]> {
  const turns = lanes.map(({ label, served, scripts }) => ({
    label,
    async round(seconds: number) {
      const round = await runLoadRound({ served, scripts, seconds })
      const memory = served.memory()
      const oneScript = scripts.slice(0, 1)
      const alone = await runLoadRound({
        served,
        scripts: oneScript,
        seconds: seconds * ALONE_SHARE,
      })
      return { round, memory, aloneP50Ms: alone.p50Ms }
    },
  }))
  return (await measureInTurn(name, turns, settings)).map((measured) => ({
    rounds: measured.map(({ round }) => round),
    aloneP50Ms: median(measured.map(({ aloneP50Ms }) => aloneP50Ms)),
    memory: measured.map(({ memory }) => memory).reduce(maxMemory, null),
  }))
}

/** A subject that is measured in turn with others. */
export interface MeasuredTurn<Measured> {
  readonly label: string
  round(seconds: number): Promise<Measured>
}

/** Runs a round of each, again and again, so that whatever else the machine does affects all alike. */
export async function measureInTurn<Measured>(
  name: string,
  turns: readonly MeasuredTurn<Measured>[],
  { rounds, seconds, warmUpSeconds }: BenchSettings,
): Promise<Measured[][]> {
  showProgress(`${name}: warming up`)
  for (const { round } of turns) await round(warmUpSeconds)
  const measured = turns.map((turn) => ({ turn, rounds: [] as Measured[] }))
  for (let round = 1; round <= rounds; round++) {
    for (const { turn, rounds: its } of measured) {
      showProgress(`${name}: round ${round} of ${rounds}, ${turn.label}`)
      its.push(await turn.round(seconds))
    }
  }
  return measured.map((one) => one.rounds)
}

/** The median of each figure over the rounds. */
export interface Figures {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuUs: number
  readonly rounds: readonly LoadRound[]
}

export const summarizeRounds = (rounds: readonly LoadRound[]): Figures => ({
  perSecond: median(rounds.map((round) => round.perSecond)),
  p50Ms: median(rounds.map((round) => round.p50Ms)),
  p99Ms: median(rounds.map((round) => round.p99Ms)),
  cpuUs: median(rounds.map((round) => round.cpuUs)),
  rounds,
})

/**
 * Returns the median of the rounds' ratios, each to the round of `base` beside it, so that whatever
 * else the machine was busy with affects both sides.
 */
export const computeRatio = (
  rounds: readonly LoadRound[],
  base: readonly LoadRound[],
  figure: 'perSecond' | 'cpuUs' = 'perSecond',
): number => median(rounds.map((round, n) => round[figure] / (base[n]?.[figure] ?? Number.NaN)))

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  if (low === undefined || high === undefined) throw new Error('an empty list has no median')
  return (low + high) / 2
}

/** Returns the quantile of sorted values. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const found = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  if (found === undefined) throw new Error('an empty list has no quantile')
  return found
}

export function maxMemory(a: ProcessMemory | null, b: ProcessMemory | null): ProcessMemory | null {
  if (a === null || b === null) return a ?? b
  return a.rssMb > b.rssMb ? a : b
}

/** A keep-alive connection, for one request at a time. */
export interface BenchConnection {
  send(request: Buffer, answered: (status: number, body: string) => void): void
  /** Calls `failed` when the connection breaks or is closed. */
  onFailure(failed: (error: Error) => void): void
  close(): void
}

const READ_BUFFER_BYTES = 64 * 1024

/** Opens a connection on node:net: the load must cost less than the server. */
export async function openBenchConnection(port: number): Promise<BenchConnection> {
  let receive: (text: string) => void = () => {}
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opening = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
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
    send(request, answered) {
      let received = ''
      receive = (text) => {
        const answer = parseBenchResponse(received + text)
        if (answer === null) received += text
        else answered(answer.status, answer.body)
      }
      socket.write(request)
    },
    onFailure(failed) {
      socket.once('error', failed)
      socket.once('close', () => failed(new Error('the server closed the connection')))
    },
    close: () => socket.destroy(),
  }
}

const CONTENT_LENGTH_PATTERN = /\r\ncontent-length: (\d+)\r\n/i

/** Parses one whole HTTP/1.1 response; null for a part of one (RFC 9112 §6). */
function parseBenchResponse(text: string): { status: number; body: string } | null {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return null
  const length = CONTENT_LENGTH_PATTERN.exec(text)?.[1]
  if (length === undefined) throw new Error(`an answer without Content-Length: ${text}`)
  const body = text.slice(end + 4)
  if (body.length < Number(length)) return null
  if (body.length > Number(length)) throw new Error(`more than one answer: ${text}`)
  return { status: Number(text.slice(9, 12)), body }
}
