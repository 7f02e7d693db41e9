import { type Config, dangersOf } from '../config.ts'
import type { Log } from '../service/ports.ts'

export interface Listening {
  readonly port: number
  /** Where vendors reach it. */
  readonly url: string
  /** Where people reach the console; null where there is none. */
  readonly console: { readonly port: number; readonly url: string } | null
}

/** What the operator reads first of a server that is up. */
export function announce(
  config: Config,
  log: Log,
  { port, url, console, ...more }: Listening & { workers?: number },
): void {
  const { ignoredVariables: variables } = config
  if (variables.length > 0) {
    log.info({ variables }, 'variables that Kubernetes sets for a Service are ignored')
  }
  for (const danger of dangersOf(config)) log.warn({}, danger)
  const consoleFacts = console && { host: config.console?.host, ...console }
  log.info({ host: config.host, port, url, console: consoleFacts, ...more }, 'listening')
}
