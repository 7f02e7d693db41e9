import { destination, pino } from 'pino'
import type { Config } from '../config.ts'
import type { Log } from '../service/ports/runtime.ts'

/**
 * Lines are written together, and at once: where a flood of refusals comes faster than a later turn
 * could write, what waits would fill the memory. So many bytes enter a pipe as a whole (pipe(7),
 * PIPE_BUF): lines of several processes never mix.
 */
const WRITE_OPTIONS = { minLength: 3072, maxWrite: 4096, periodicFlush: 100, sync: true }

/**
 * One JSON line an event, with these facts in each. What is logged is chosen where it happens;
 * nothing is logged by accident.
 */
export function createLog(
  level: Config['logLevel'],
  fd: 1 | 2,
  base: object | null = null,
): Log & { flush(): void } {
  const out = destination({ fd, ...WRITE_OPTIONS })
  // A log that cannot be written (full disk, closed terminal) must not end the server.
  out.on('error', () => undefined)
  const logger = pino({ level, base, timestamp: createTimestamp(), errorKey: 'error' }, out)
  return {
    debug: (facts, message) => logger.debug(facts, message),
    info: (facts, message) => logger.info(facts, message),
    warn: (facts, message) => logger.warn(facts, message),
    error: (facts, message) => logger.error(facts, message),
    flush: () => out.flushSync(),
  }
}

/** The time of a line, written out once a millisecond: under load many lines share one. */
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
