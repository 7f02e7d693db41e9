import { type Config, findConfigWarnings } from '../config.ts'
import type { Log } from '../service/ports/runtime.ts'
import type { Migration } from '../storage/migrations.ts'

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
