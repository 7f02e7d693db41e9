import { connect, type Socket } from 'node:net'
import type { BenchSettings } from './options.ts'
import type { BenchServer, ProcessMemory } from './process.ts'
import { showProgress } from './text.ts'

/** The requests of one connection, which may depend on the responses. */
export interface LoadScript {
  /** The only accepted status. */
  readonly status: number
  next(): Buffer
  /** True until each of its requests has been sent once. */
  hasUnsent?(): boolean
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
  /** How long each request waited for its response. */
  readonly delaysMs: readonly number[]
  /** CPU time of one response; other programs on the machine hardly change it. */
  readonly cpuUs: number
  /** Share of a core that the load itself took; near 1, the load was the limit and not the server. */
  readonly loadBusy: number
}

const LOAD_TIMEOUT_MS = 15_000

/**
 * Sends on every connection the next request as soon as the response is there, and measures it for
 * `seconds` after each request has been sent once.
 */
export async function runLoadRound({ served, scripts, seconds }: LoadPlan): Promise<LoadRound> {
  const connections = await Promise.all(
    scripts.map(async (script) => ({ script, connection: await openBenchConnection(served.port) })),
  )
  try {
    // Neither is measured: the acceptance of a connection, and the first use of a key or token.
    await sendOnAll(connections, 0)
    const servedSeconds = served.cpuSeconds()
    const cpu = process.cpuUsage()
    const began = performance.now()
    const { delaysMs, inTime } = await sendOnAll(connections, seconds)
    const { user, system } = process.cpuUsage(cpu)
    return {
      perSecond: inTime / seconds,
      delaysMs,
      cpuUs: ((served.cpuSeconds() - servedSeconds) * 1e6) / delaysMs.length,
      loadBusy: (user + system) / 1000 / (performance.now() - began),
    }
  } finally {
    for (const { connection } of connections) connection.close()
  }
}

interface Conversation {
  readonly connection: BenchConnection
  readonly script: LoadScript
}

/** Resolves when the time is over, each request has been sent, and its connection has the response. */
async function sendOnAll(connections: readonly Conversation[], seconds: number) {
  const delaysMs: number[] = []
  let inTime = 0
  const until = performance.now() + seconds * 1000

  const converse = ({ connection, script }: Conversation) =>
    new Promise<void>((resolve, reject) => {
      const send = () => {
        const sentAt = performance.now()
        connection.send(script.next(), (answered, body) => {
          const now = performance.now()
          if (answered !== script.status) {
            reject(new Error(`answered ${answered}, not ${script.status}: ${body}`))
            return
          }
          script.answered?.(body)
          delaysMs.push(now - sentAt)
          if (now <= until) inTime++
          if (now < until || script.hasUnsent?.()) send()
          else resolve()
        })
      }
      connection.onFailure(reject)
      send()
    })

  const conversations = Promise.all(connections.map(converse))
  await rejectIfStalled(conversations, () => delaysMs.length)
  return { delaysMs, inTime }
}

/** Rejects if the work's count of responses does not grow for a while. */
async function rejectIfStalled(work: Promise<unknown>, countResponses: () => number) {
  let check: NodeJS.Timeout | undefined
  const stalled = new Promise<never>((_, reject) => {
    let before = 0
    check = setInterval(() => {
      const count = countResponses()
      if (count === before) reject(new Error(`no answer within ${LOAD_TIMEOUT_MS} ms`))
      before = count
    }, LOAD_TIMEOUT_MS)
  })
  try {
    await Promise.race([work, stalled])
  } finally {
    clearInterval(check)
  }
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

/** The longest round of a load: within a second, the other work of a machine changes. */
const LOAD_ROUND_SECONDS = 0.4
/** How many times its time a warm-up may last, at a server that waits more than it computes. */
const MAX_WARM_UP_RATIO = 4

export async function loadInTurn(
  name: string,
  lanes: readonly LoadLane[],
  settings: BenchSettings,
): Promise<LoadResult[]> {
  const turns = lanes.map(({ label, served, scripts }) => {
    const round = async (seconds: number) => {
      const loaded = await runLoadRound({ served, scripts, seconds })
      const memory = served.memory()
      const oneScript = scripts.slice(0, 1)
      const alone = await runLoadRound({
        served,
        scripts: oneScript,
        seconds: seconds * ALONE_SHARE,
      })
      return { loaded, memory, alone }
    }
    // Other work delays V8's compiler, too: until the server had its CPU time, it runs slower code.
    const warmUp = async (seconds: number) => {
      const cpuSeconds = served.cpuSeconds()
      const began = performance.now()
      const getSecondsSince = () => (performance.now() - began) / 1000
      do {
        await round(Math.min(seconds, LOAD_ROUND_SECONDS))
      } while (
        getSecondsSince() < seconds ||
        (served.cpuSeconds() - cpuSeconds < seconds &&
          getSecondsSince() < MAX_WARM_UP_RATIO * seconds)
      )
    }
    return { label, round, warmUp }
  })
  return (await measureInTurn(name, turns, divideRounds(settings))).map((measured) => ({
    rounds: measured.map(({ loaded }) => loaded),
    aloneP50Ms: median(measured.flatMap(({ alone }) => alone.delaysMs)),
    memory: measured.map(({ memory }) => memory).reduce(maxMemory, null),
  }))
}

/** Divides the time of all rounds into more of them, so that neighbouring ones have the same machine. */
function divideRounds(settings: BenchSettings): BenchSettings {
  const allSeconds = settings.rounds * settings.seconds
  const rounds = Math.ceil(allSeconds / LOAD_ROUND_SECONDS)
  return { ...settings, rounds, seconds: allSeconds / rounds }
}

/** A subject that is measured in turn with others. */
export interface MeasuredTurn<Measured> {
  readonly label: string
  /** Takes this long unless it is given. */
  warmUp?(seconds: number): Promise<void>
  round(seconds: number): Promise<Measured>
}

/** Runs a round of each, again and again, so that whatever else the machine does affects all alike. */
export async function measureInTurn<Measured>(
  name: string,
  turns: readonly MeasuredTurn<Measured>[],
  { rounds, seconds, warmUpSeconds }: BenchSettings,
): Promise<Measured[][]> {
  showProgress(`${name}: warming up`)
  for (const { round, warmUp = round } of turns) await warmUp(warmUpSeconds)
  const measured = turns.map((turn) => ({ turn, rounds: [] as Measured[] }))
  for (let round = 1; round <= rounds; round++) {
    for (const { turn, rounds: its } of measured) {
      showProgress(`${name}: round ${round} of ${rounds}, ${turn.label}`)
      its.push(await turn.round(seconds))
    }
  }
  return measured.map((one) => one.rounds)
}

/** The medians of the rounds, and the delays of all their responses. */
export interface Figures {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuUs: number
  readonly rounds: readonly Omit<LoadRound, 'delaysMs'>[]
}

export function summarizeRounds(rounds: readonly LoadRound[]): Figures {
  const delaysMs = Float64Array.from(rounds.flatMap((round) => round.delaysMs)).sort()
  return {
    perSecond: median(rounds.map((round) => round.perSecond)),
    p50Ms: quantile(delaysMs, 0.5),
    p99Ms: quantile(delaysMs, 0.99),
    cpuUs: median(rounds.map((round) => round.cpuUs)),
    rounds: rounds.map(({ delaysMs: _, ...round }) => round),
  }
}

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
