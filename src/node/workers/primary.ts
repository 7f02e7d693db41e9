import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { Config } from '../../config.ts'
import type { Log } from '../../service/ports.ts'
import { announce, type Listening } from '../announce.ts'
import { closeWithWorker } from './handing.ts'
import type { Words } from './words.ts'

/** A worker that ended before it listened. It has said why, unless a signal ended it. */
export class WorkerFailed extends Error {
  override name = 'WorkerFailed'
  readonly exitCode: number
  readonly bySignal: boolean

  constructor(code: number | null, signal: string | null) {
    super(`a worker was ended by ${signal} while it started`)
    this.exitCode = code ?? 1
    this.bySignal = signal !== null
  }
}

export interface Workers {
  /** Resolves when all workers listen. */
  start(): Promise<void>
  /** Workers answer their requests in progress and end; those that have not started end at once. */
  stop(): Promise<void>
  /** Ends all at once. */
  kill(): void
}

/** The wait before a worker is replaced: doubled each time that one ends before, or soon after, it listens. */
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 10_000
const SOON_MS = 10_000

/**
 * So many processes on one port and one database. This one opens no database and answers nothing: it
 * hands each connection to the next worker in turn, passes on what they count, and replaces who ends.
 */
export function createWorkers(size: number, config: Config, log: Log): Workers {
  // The kernel would hand most connections to whoever was busy last, and those of a load balancer
  // stay for hours.
  cluster.schedulingPolicy = cluster.SCHED_RR
  cluster.on('message', (from, words: Words) => {
    if (words.counts === undefined) return
    for (const worker of living()) if (worker !== from) worker.send(words, () => undefined)
  })
  let stopping = false

  async function start(): Promise<void> {
    const ports = await readPorts(config)
    if (stopping) return
    // The first one makes what is not there yet, or says what is wrong: once.
    const first = fork(ports)
    const listened = await listening(first)
    if (stopping) return
    const others = Array.from({ length: size - 1 }, () => fork(ports))
    await Promise.all(others.map(listening))
    if (stopping) return
    for (const worker of [first, ...others]) watch(worker, ports, FIRST_WAIT_MS)
    announce(config, log, listened, size)
  }

  function watch(worker: Worker, ports: NodeJS.ProcessEnv, waitMs: number): void {
    let listenedAt = Number.POSITIVE_INFINITY
    worker.once('listening', () => {
      listenedAt = performance.now()
    })
    const ended = (code?: number | null, signal?: string | null) => {
      if (stopping) return
      const againInMs = performance.now() - listenedAt < SOON_MS ? waitMs : FIRST_WAIT_MS
      const facts = { worker: worker.id, code, signal, againInMs }
      log.error(facts, 'a worker ended, and is replaced')
      setTimeout(() => {
        if (!stopping) watch(fork(ports), ports, Math.min(againInMs * 2, LONGEST_WAIT_MS))
      }, againInMs)
    }
    if (worker.isDead()) ended()
    else worker.once('exit', ended)
  }

  return {
    start: () =>
      start().catch((error: unknown) => {
        // A worker that is told to stop ends before it listens.
        if (stopping) return
        kill()
        throw error
      }),
    async stop() {
      stopping = true
      await Promise.all(
        living().map((worker) => {
          worker.process.kill('SIGTERM')
          return once(worker, 'exit')
        }),
      )
      log.info({}, 'stopped')
    },
    kill,
  }
}

/** Chooses one set of ports for all workers: for port 0, the system would give each another one. */
async function readPorts({ host, port, console }: Config): Promise<NodeJS.ProcessEnv> {
  const ports: NodeJS.ProcessEnv = { LATCHKEY_PORT: String(await choosePort(host, port)) }
  if (console !== null) {
    ports.LATCHKEY_CONSOLE_PORT = String(await choosePort(console.host, console.port))
  }
  return ports
}

async function choosePort(host: string, port: number): Promise<number> {
  if (port !== 0) return port
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port: free } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return free
}

function fork(ports: NodeJS.ProcessEnv): Worker {
  const worker = cluster.fork(ports)
  closeWithWorker(worker)
  return worker
}

/** Resolves when the worker listens. */
function listening(worker: Worker): Promise<Listening> {
  return new Promise((resolve, reject) => {
    worker.on('message', (words: Words) => {
      if (words.listening !== undefined) resolve(words.listening)
    })
    worker.once('exit', (code, signal) => reject(new WorkerFailed(code, signal)))
  })
}

const living = (): Worker[] =>
  Object.values(cluster.workers ?? {}).filter(
    (worker) => worker?.isConnected() ?? false,
  ) as Worker[]

function kill(): void {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL')
}
