import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { Config } from '../config.ts'
import type { GetSharedCounter, Log } from '../service/ports/runtime.ts'
import { type ListeningAddresses, logListening } from './log.ts'
import type { RunningServer } from './server.ts'

/** A message from a worker to the primary process, and from there to the other workers. */
interface WorkerMessage {
  /** The worker's addresses, once it listens. */
  readonly listening?: ListeningAddresses
  /** The worker's counts since its last message. */
  readonly counts?: readonly CountUpdate[]
}

interface CountUpdate {
  readonly limit: string
  readonly id: string
  readonly count: number
  readonly endsAt: number
}

/** The limits of two workers may differ for this time. */
const SEND_INTERVAL_MS = 20

/** Counts limits together with the other workers: each holds all counts, and sends its own. */
function createCountExchange(send: (counts: CountUpdate[]) => void) {
  const pendingCounts = new Map<string, CountUpdate>()
  const counters = new Map<string, (id: string, count: number, endsAt: number) => void>()
  let isScheduled = false

  function scheduleSend(): void {
    if (isScheduled) return
    isScheduled = true
    setTimeout(() => {
      isScheduled = false
      send([...pendingCounts.values()])
      pendingCounts.clear()
    }, SEND_INTERVAL_MS).unref()
  }

  const share: GetSharedCounter = (limit) => ({
    publish(id, endsAt) {
      const name = `${limit} ${id}`
      const count = (pendingCounts.get(name)?.count ?? 0) + 1
      pendingCounts.set(name, { limit, id, count, endsAt })
      scheduleSend()
    },
    subscribe: (take) => counters.set(limit, take),
  })

  return {
    share,
    receive(counts: readonly CountUpdate[]): void {
      for (const { limit, id, count, endsAt } of counts) counters.get(limit)?.(id, count, endsAt)
    },
  }
}

/** Starts one of `size` processes that serve a port together. It ends when the primary process does. */
export async function startWorker(size: number, config: Config, log: Log): Promise<RunningServer> {
  const counts = createCountExchange((updates) => sendToPrimary({ counts: updates }))
  process.on('message', (message: WorkerMessage) => counts.receive(message.counts ?? []))
  const group = { size, share: counts.share }
  // The primary process needs no server.
  const { startInGroup } = await import('./server.ts')
  const running = await startInGroup(group, config, log).catch((error: unknown) => {
    // A process that cannot start must end, so the channel must not keep it alive.
    process.channel?.unref()
    throw error
  })
  const { port, url, console } = running
  sendToPrimary({ listening: { port, url, console } })
  return running
}

/** Sends to the primary process. Without one, this process is about to end. */
function sendToPrimary(message: WorkerMessage): void {
  process.send?.(message, undefined, undefined, () => undefined)
}

/**
 * Thrown if a worker ended before it listened. The worker has reported why, unless a signal ended it.
 */
export class WorkerStartError extends Error {
  override name = 'WorkerStartError'
  readonly exitCode: number
  readonly bySignal: boolean

  constructor(code: number | null, signal: string | null) {
    super(`a worker was ended by ${signal} while it started`)
    this.exitCode = code ?? 1
    this.bySignal = signal !== null
  }
}

interface WorkerProcesses {
  /** Resolves when all workers listen. */
  start(): Promise<void>
  /** Workers answer their requests in progress and end; those that have not started end at once. */
  stop(): Promise<void>
  /** Kills all workers at once. */
  kill(): void
}

/**
 * The wait before a worker is replaced: doubled each time that one ends before, or soon after, it
 * listens.
 */
const FIRST_RESTART_DELAY_MS = 100
const MAX_RESTART_DELAY_MS = 10_000
const EARLY_EXIT_MS = 10_000

/**
 * Creates this many processes on one port and one database. The primary opens no database and answers
 * nothing: it hands each connection to the next worker in turn, forwards their counts, and replaces
 * workers that end.
 */
export function createWorkerProcesses(size: number, config: Config, log: Log): WorkerProcesses {
  // The kernel would hand most connections to the busiest worker, and those of a load balancer last for
  // hours.
  cluster.schedulingPolicy = cluster.SCHED_RR
  cluster.on('message', (from, message: WorkerMessage) => {
    if (message.counts === undefined) return
    for (const worker of listLiveWorkers())
      if (worker !== from) worker.send(message, () => undefined)
  })
  let stopping = false

  async function start(): Promise<void> {
    const ports = await chooseWorkerPorts(config)
    if (stopping) return
    // The first worker creates the database and the key ring, or reports once what is wrong.
    const first = forkWorker(ports)
    const addresses = await waitForListening(first)
    if (stopping) return
    const others = Array.from({ length: size - 1 }, () => forkWorker(ports))
    await Promise.all(others.map(waitForListening))
    if (stopping) return
    for (const worker of [first, ...others]) replaceOnExit(worker, ports, FIRST_RESTART_DELAY_MS)
    logListening(config, log, addresses, size)
  }

  function replaceOnExit(worker: Worker, ports: NodeJS.ProcessEnv, waitMs: number): void {
    let listenedAt = Number.POSITIVE_INFINITY
    worker.once('listening', () => {
      listenedAt = performance.now()
    })
    const onExit = (code?: number | null, signal?: string | null) => {
      if (stopping) return
      const againInMs =
        performance.now() - listenedAt < EARLY_EXIT_MS ? waitMs : FIRST_RESTART_DELAY_MS
      const facts = { worker: worker.id, code, signal, againInMs }
      log.error(facts, 'a worker process ended and is replaced')
      setTimeout(() => {
        if (!stopping)
          replaceOnExit(forkWorker(ports), ports, Math.min(againInMs * 2, MAX_RESTART_DELAY_MS))
      }, againInMs)
    }
    if (worker.isDead()) onExit()
    else worker.once('exit', onExit)
  }

  return {
    start: () =>
      start().catch((error: unknown) => {
        // A worker that is stopped ends before it listens.
        if (stopping) return
        killWorkers()
        throw error
      }),
    async stop() {
      stopping = true
      await Promise.all(
        listLiveWorkers().map((worker) => {
          worker.process.kill('SIGTERM')
          return once(worker, 'exit')
        }),
      )
      log.info({}, 'stopped')
    },
    kill: killWorkers,
  }
}

/** Chooses one set of ports for all workers: for port 0, the system would give each another one. */
async function chooseWorkerPorts({ host, port, console }: Config): Promise<NodeJS.ProcessEnv> {
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

function forkWorker(ports: NodeJS.ProcessEnv): Worker {
  const worker = cluster.fork(ports)
  worker.on('error', ignoreEndedWorker)
  closeConnectionWithWorker(worker)
  return worker
}

/** A message that reached no worker, because it has ended: `exit` reports that. */
function ignoreEndedWorker(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_IPC_CHANNEL_CLOSED') throw error
}

/** Resolves when the worker listens. */
function waitForListening(worker: Worker): Promise<ListeningAddresses> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: WorkerMessage) => {
      if (message.listening !== undefined) resolve(message.listening)
    })
    worker.once('exit', (code, signal) => reject(new WorkerStartError(code, signal)))
  })
}

const listLiveWorkers = (): Worker[] =>
  Object.values(cluster.workers ?? {}).filter(
    (worker) => worker?.isConnected() ?? false,
  ) as Worker[]

function killWorkers(): void {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL')
}

interface Handle {
  close(): void
}

/** The worker that got a connection last: a connection that one worker refuses goes to another. */
const holders = new WeakMap<Handle, Worker>()

/**
 * node:cluster never closes a connection that it is handing to a worker when that worker dies, and the
 * client would wait without end. Closes it, so that the client tries again. (Closing twice does nothing.)
 */
function closeConnectionWithWorker(worker: Worker): void {
  const { process: child } = worker
  const send = child.send.bind(child) as (...args: unknown[]) => boolean
  let pendingHandle: Handle | undefined
  child.send = (...args: unknown[]) => {
    // One at a time: the next follows when the worker has answered for this one.
    if ((args[0] as { act?: unknown }).act === 'newconn') {
      pendingHandle = args[1] as Handle
      holders.set(pendingHandle, worker)
    }
    return send(...args)
  }
  worker.once('exit', () => {
    if (pendingHandle !== undefined && holders.get(pendingHandle) === worker) pendingHandle.close()
  })
}
