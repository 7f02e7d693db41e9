import { type Config, dangersOf } from '../config.ts'
import type { Log } from '../service/ports.ts'

export interface Listening {
  readonly port: number
  /** Where it listens. */
  readonly url: string
}

/** What the operator reads first of a server that is up. */
export function announce(
  config: Config,
  log: Log,
  { port, url, ...more }: Listening & { workers?: number },
): void {
  const { ignoredVariables: variables } = config
  if (variables.length > 0) {
    log.info({ variables }, 'variables that Kubernetes sets for a Service are ignored')
  }
  for (const danger of dangersOf(config)) log.warn({}, danger)
  log.info({ host: config.host, port, url, ...more }, 'listening')
}
