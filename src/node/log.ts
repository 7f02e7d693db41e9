import { destination, pino } from 'pino'
import { type Config, findConfigWarnings } from '../config.ts'
import type { Log } from '../service/ports/runtime.ts'
import type { Migration } from '../storage/migrations.ts'

/**
 * Writes lines in groups but synchronously, because a flood of refusals that waited for a later turn
 * would fill the memory. A pipe takes `maxWrite` bytes as a whole (pipe(7), PIPE_BUF), so lines of
 * several processes never mix.
 */
const WRITE_OPTIONS = { minLength: 3072, maxWrite: 4096, periodicFlush: 100, sync: true }

interface ClosableLog extends Log {
  /** Writes the lines that still wait, or loses them if their reader is gone. Nothing may follow. */
  close(): void
}

/** Creates a log of one JSON line for each event, with the facts of `base` in each line. */
export function createLog(
  level: Config['logLevel'],
  fd: 1 | 2,
  base: object | null = null,
): ClosableLog {
  const out = destination({ fd, ...WRITE_OPTIONS })
  // A log that cannot be written (full disk, closed terminal) must not end the server.
  out.on('error', () => undefined)
  const logger = pino({ level, base, timestamp: createTimestamp(), errorKey: 'error' }, out)
  return {
    debug: (facts, message) => logger.debug(facts, message),
    info: (facts, message) => logger.info(facts, message),
    warn: (facts, message) => logger.warn(facts, message),
    error: (facts, message) => logger.error(facts, message),
    // `flushSync` retries a failed write without end: after `serve | head`, say, or on a full disk.
    close: () => out.end(),
  }
}

/** Formats the time of a line once a millisecond, because many lines share one under load. */
function createTimestamp(): () => string {
  let at = 0
  let cachedText = ''
  return () => {
    const now = Date.now()
    if (now !== at) {
      at = now
      cachedText = `,"time":"${new Date(now).toISOString()}"`
    }
    return cachedText
  }
}

/** For commands that report errors themselves. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

export interface ListeningAddresses {
  readonly port: number
  /** Public URL for vendors. */
  readonly url: string
  /** The console's port and public URL; null when it is off. */
  readonly console: { readonly port: number; readonly url: string } | null
}

/** Logs the first lines of a server that is up. */
export function logListening(
  config: Config,
  log: Log,
  { port, url, console }: ListeningAddresses,
  workers?: number,
): void {
  const { ignoredVariables: variables } = config
  if (variables.length > 0) {
    log.info({ variables }, 'ignored variables that Kubernetes sets for a Service')
  }
  for (const warning of findConfigWarnings(config)) log.warn({}, warning)
  const consoleFacts = console && {
    host: config.console?.host,
    port: console.port,
    url: `${console.url}/console`,
  }
  const facts = { host: config.host, port, url, console: consoleFacts }
  log.info(workers === undefined ? facts : { ...facts, workers }, 'listening')
}

/** Logs the migrations of a start; logs nothing if there were none. */
export function logMigration(applied: readonly Migration[], since: number, log: Log): void {
  const [first, last] = [applied.at(0), applied.at(-1)]
  if (first === undefined || last === undefined) return
  const ms = Math.ceil(performance.now() - since)
  log.info({ from: first.to - 1, to: last.to, ms }, 'the database was migrated')
}
