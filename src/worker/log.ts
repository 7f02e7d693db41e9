import type { Config } from '../config.ts'
import type { Clock, Log } from '../service/ports/runtime.ts'

/** The same numbers as pino's on Node, so that one query reads both logs. */
const LEVELS = { debug: 20, info: 30, warn: 40, error: 50, silent: Infinity } as const

/** Logs one JSON line for each event with `console.log`, which `wrangler tail` and Workers Logs show. */
export function createWorkerLog(threshold: Config['logLevel'], clock: Clock): Log {
  const createLevelLogger = (level: keyof typeof LEVELS) => (facts: object, message: string) => {
    if (LEVELS[level] < LEVELS[threshold]) return
    const head = { level: LEVELS[level], time: new Date(clock()).toISOString() }
    console.log(JSON.stringify({ ...head, ...toLogFacts(facts), msg: message }))
  }
  return {
    debug: createLevelLogger('debug'),
    info: createLevelLogger('info'),
    warn: createLevelLogger('warn'),
    error: createLevelLogger('error'),
  }
}

/** Expands an Error, whose properties JSON.stringify omits. */
function toLogFacts(facts: { error?: unknown }): object {
  const { error } = facts
  if (!(error instanceof Error)) return facts
  const { name: type, message, stack } = error
  return { ...facts, error: { type, message, stack } }
}
