import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { type Command, InvalidArgumentError } from 'commander'
import { type Config, readConfig, SETTINGS } from '../../config.ts'
import type { Log } from '../../service/ports.ts'
import { examples } from './examples.ts'

const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const

export function define(group: Command): void {
  group
    .description('Run the server until SIGTERM or SIGINT. Its log goes to stdout, JSON lines.')
    .option(
      '--workers <n>',
      'processes that serve the port together; auto: one for each core',
      readWorkers,
      1,
    )
    .addHelpText('after', `\nSettings, from the environment:\n${settings()}`)
    .addHelpText('after', examples('serve', 'serve --workers auto', 'serve | jq .msg'))
    .action(serve)
}

async function serve({ workers }: { workers: number }): Promise<void> {
  const config = readConfig(process.env)
  const { createLog } = await import('../log.ts')
  const { worker } = cluster
  const log = createLog(config.logLevel, 1, worker === undefined ? null : { worker: worker.id })
  const running = await startAs(workers, config, log)

  let stopping = false
  const stop = async (signal: keyof typeof EXIT_BY_SIGNAL) => {
    if (stopping) {
      // A worker hears of one signal twice: from the terminal, say, and from the process above it.
      if (worker !== undefined) return
      // Told twice: whoever still waits for an answer will not get it.
      running.kill()
      process.exit(EXIT_BY_SIGNAL[signal])
    }
    stopping = true
    await running.stop()
    log.flush()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

interface Stoppable {
  stop(): Promise<void>
  /** Ends what would outlive this process. */
  kill(): void
}

/** This process is the server, or one of its workers, or the one above them. */
async function startAs(workers: number, config: Config, log: Log): Promise<Stoppable> {
  const alone = { kill: () => undefined }
  if (cluster.isWorker) {
    const { startWorker } = await import('../workers/worker.ts')
    return { ...(await startWorker(workers, config, log)), ...alone }
  }
  if (workers === 1) {
    const { start } = await import('../server.ts')
    const { welcomeOperator } = await import('../welcome.ts')
    const running = await start(config, log)
    await welcomeOperator(config, running, log)
    return { ...running, ...alone }
  }
  const { startWorkers, WorkerFailed } = await import('../workers/primary.ts')
  return startWorkers(workers, config, log).catch((error: unknown) => {
    // It has written its sentence.
    if (error instanceof WorkerFailed && !error.bySignal) process.exit(error.exitCode)
    throw error
  })
}

const MOST_WORKERS = 256

function readWorkers(text: string): number {
  const workers = text === 'auto' ? availableParallelism() : Number(text)
  if (Number.isInteger(workers) && workers >= 1 && workers <= MOST_WORKERS) return workers
  throw new InvalidArgumentError(`It must be from 1 to ${MOST_WORKERS}, or auto.`)
}

function settings(): string {
  return Object.entries(SETTINGS)
    .map(([name, setting]) => {
      const preset = setting.default === '' ? 'empty' : setting.default
      return `  ${name} (default: ${preset})\n      ${setting.help}`
    })
    .join('\n')
}
