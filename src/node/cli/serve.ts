import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { type Command, InvalidArgumentError } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import type { Log } from '../../service/ports/runtime.ts'
import { HOST_PATTERN, SETTINGS } from '../../settings.ts'
import { nameListenerOptions } from './command-failure.ts'
import type { offerFirstOperatorLink } from './first-operator-link.ts'
import { formatExamples, isJsonRequested } from './print.ts'

const EXIT_BY_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

const SIGNALS = Object.keys(EXIT_BY_SIGNAL) as (keyof typeof EXIT_BY_SIGNAL)[]

export function defineServeCommand(group: Command): void {
  group
    .description('Run the server until SIGTERM, SIGINT or SIGHUP. It logs JSON lines to stdout.')
    .option(
      '--workers <n>',
      'processes that serve the port together; auto: one for each core',
      parseWorkers,
      1,
    )
    .addHelpText('after', `\nSettings, from the environment:\n${formatSettings()}`)
    .addHelpText('after', formatExamples('serve', 'serve --workers auto', 'serve | jq .msg'))
    .action(runServer)
}

async function runServer({ workers }: { workers: number }): Promise<void> {
  const config = readConfig(process.env)
  const { refuseDemo } = await import('../demo-folder.ts')
  refuseDemo(config)
  const { createLog } = await import('../log.ts')
  const { worker } = cluster
  const log = createLog(config.logLevel, 1, worker === undefined ? null : { worker: worker.id })

  let running: Stoppable | undefined
  let stopping = false
  const stop = async (signal: keyof typeof EXIT_BY_SIGNAL) => {
    if (stopping) {
      // A worker may get one signal twice: from the terminal, and from the primary process.
      if (worker !== undefined) return
      // The second signal cuts off requests that still wait for an answer.
      running?.kill()
      process.exit(EXIT_BY_SIGNAL[signal])
    }
    stopping = true
    // Before it has started, the server has no requests and no unfinished writes.
    if (running === undefined) log.info({}, 'stopped during the start')
    else await running.stop()
    log.close()
    process.exit(0)
  }
  for (const signal of SIGNALS) process.on(signal, stop)
  await startProcess(workers, config, log, (started) => {
    running = started
  })
}

/** The worker that makes the first operator's link. A worker that replaces it has another id. */
const FIRST_WORKER_ID = 1

interface Stoppable {
  stop(): Promise<void>
  /** Ends what would outlive this process. */
  kill(): void
}

/**
 * Starts the server, one of its workers, or the process above the workers. Calls `onStarted` with the
 * part that a signal stops, as soon as there is one.
 */
async function startProcess(
  workers: number,
  config: Config,
  log: Log,
  onStarted: (running: Stoppable) => void,
): Promise<void> {
  const kill = () => undefined
  if (workers === 1) {
    const { startLatchkey } = await import('../server.ts')
    const running = await startLatchkey(config, log)
    onStarted({ stop: running.stop, kill })
    return offerFirstLink(config, running, log)
  }
  const { createWorkerProcesses, startWorker, WorkerStartError } = await import('../workers.ts')
  if (cluster.isWorker) {
    const running = await startWorker(workers, config, log)
    onStarted({ stop: running.stop, kill })
    if (cluster.worker?.id === FIRST_WORKER_ID) await offerFirstLink(config, running, log)
    return
  }
  const primary = createWorkerProcesses(workers, config, log)
  onStarted(primary)
  await primary.start().catch((error: unknown) => {
    // The worker has written the error.
    if (error instanceof WorkerStartError && !error.bySignal) process.exit(error.exitCode)
    throw error
  })
}

async function offerFirstLink(
  ...operator: Parameters<typeof offerFirstOperatorLink>
): Promise<void> {
  const { offerFirstOperatorLink } = await import('./first-operator-link.ts')
  await offerFirstOperatorLink(...operator)
}

const MAX_WORKERS = 256

function parseWorkers(text: string): number {
  const workers = text === 'auto' ? availableParallelism() : Number(text)
  if (Number.isInteger(workers) && workers >= 1 && workers <= MAX_WORKERS) return workers
  throw new InvalidArgumentError(`It must be from 1 to ${MAX_WORKERS}, or auto.`)
}

function formatSettings(): string {
  return Object.entries(SETTINGS)
    .map(([name, setting]) => {
      const preset = setting.default === '' ? 'empty' : setting.default
      return `  ${name} (default: ${preset})\n      ${setting.help}`
    })
    .join('\n')
}

interface DemoCommandOptions {
  readonly once?: true
  readonly port: number
  readonly data: string
}

export function defineDemoCommand(group: Command): void {
  group
    .description('Create sample vendors, show the exchange step by step, and keep running.')
    .option('--once', 'exit after the walk-through: with 0 only if every step went as documented')
    .option('--port <n>', 'port to listen on; 0 selects a free port', parsePort, 8080)
    .option('--data <dir>', 'folder of the database and the key ring', './data/demo')
    .addHelpText(
      'after',
      formatExamples('demo', 'demo --once', 'demo --json --port 0 --data /tmp/demo'),
    )
    .action(async ({ once, port, data }: DemoCommandOptions, command: Command) => {
      const { runDemo } = await import('../../demo/demo.ts')
      process.exitCode = await runDemo({
        json: isJsonRequested(command),
        once: once ?? false,
        port,
        dataDir: data,
      }).catch((error: unknown) => {
        throw nameListenerOptions(error, ['port'])
      })
    })
}

export function parseHost(text: string): string {
  if (HOST_PATTERN.test(text)) return text
  throw new InvalidArgumentError('It must be an address or a host name.')
}

export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1
  if (port < 0 || port > 65_535) throw new InvalidArgumentError('It must be from 0 to 65535.')
  return port
}
