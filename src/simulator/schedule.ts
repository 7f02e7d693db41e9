import { z } from 'zod'
import type { Result } from '../domain/failure.ts'
import { parseDurationMs } from '../domain/instant.ts'
import { type InvalidInput, parseInput } from '../operations/parse-input.ts'
import { FAULT_KINDS, type Fault, formatFaultNames, PERCENT_PATTERN, parseFault } from './fault.ts'
import { createSeededRandom } from './random.ts'
import type { RequestKind } from './read-request.ts'

const durationSchema = z
  .string()
  .refine(
    (text) => parseDurationMs(text) !== null,
    'must be a duration such as 90s, 30m, 24h or 7d',
  )
  .transform((text) => parseDurationMs(text) ?? 0)

const ruleSchema = z.strictObject({
  /** `answer-503`, or with a duration: `answer-503=30s`. */
  fault: z
    .string()
    .refine((text) => parseFault(text) !== null, `must be one of ${formatFaultNames()}`)
    .transform((text) => parseFault(text) as Fault),
  /** The part of the matching requests that it hits; all of them by default. */
  share: z
    .string()
    .regex(PERCENT_PATTERN, 'must be a percentage such as 5%')
    .transform((text) => Number.parseFloat(text) / 100)
    .optional(),
  /** The beginning of a path, or a kind of request. */
  on: z
    .string()
    .regex(
      /^(authenticate|refresh|token|api|\/.*)$/,
      'must be authenticate, refresh, token, api or a path that begins with /',
    )
    .optional(),
  /** Since the start, by the simulated clock. */
  from: durationSchema.optional(),
  until: durationSchema.optional(),
  /** The number of requests of each key that it hits. */
  count: z.int().min(1).optional(),
})

export const scheduleSchema = z.array(ruleSchema)
export type FaultRule = z.output<typeof ruleSchema>

/** Parses rules of a file or of the command line. */
export const parseRules = (rules: unknown): Result<FaultRule[], InvalidInput> =>
  parseInput(scheduleSchema, rules, 'body')

/** The part of a request that rules look at. */
export interface ScheduledRequest {
  readonly kind: RequestKind
  readonly path: string
  /** Empty if the request names no known key. */
  readonly key: string
  /** Simulated milliseconds since the start. */
  readonly sinceStartMs: number
}

/** Chooses the faults of each request. The same seed and the same requests of a key get the same faults. */
export class FaultSchedule {
  readonly #rules: FaultRule[]
  readonly #seed: number
  readonly #counts = new Map<string, { requests: number; hits: number }>()

  constructor(rules: readonly FaultRule[], seed: number) {
    this.#rules = [...rules]
    this.#seed = seed
  }

  add(rules: readonly FaultRule[]): void {
    this.#rules.push(...rules)
  }

  choose(request: ScheduledRequest): Fault[] {
    return this.#rules.flatMap((rule, n) =>
      matches(rule, request) && this.#isHit(rule, n, request.key) ? [toFault(rule, request)] : [],
    )
  }

  #isHit(rule: FaultRule, n: number, key: string): boolean {
    const name = `${n} ${key}`
    const counts = this.#counts.get(name) ?? { requests: 0, hits: 0 }
    this.#counts.set(name, counts)
    counts.requests++
    if (counts.hits >= (rule.count ?? getMaxHits(rule))) return false
    const random = createSeededRandom(this.#seed, `${name} ${counts.requests}`)
    if (!random.happens(rule.share ?? 1)) return false
    counts.hits++
    return true
  }
}

const getMaxHits = ({ fault }: FaultRule): number =>
  'changesKey' in FAULT_KINDS[fault.name] ? 1 : Number.POSITIVE_INFINITY

function matches({ fault, on, from, until }: FaultRule, request: ScheduledRequest): boolean {
  const { sinceStartMs, kind, path } = request
  if (sinceStartMs < (from ?? 0) || sinceStartMs >= (until ?? Number.POSITIVE_INFINITY))
    return false
  const { target } = FAULT_KINDS[fault.name]
  if (target !== 'every request' && kind === 'api') return false
  if (target === 'legacy token requests' && !isLegacyTokenPath(path)) return false
  if ('changesKey' in FAULT_KINDS[fault.name] && request.key === '') return false
  if (on === undefined) return true
  if (on === 'token') return kind !== 'api'
  return on.startsWith('/') ? path.startsWith(on) : kind === on
}

const isLegacyTokenPath = (path: string): boolean => /^\/auth\//i.test(path)

/** The window of a brownout ends when its rule does. */
const toFault = ({ fault, until }: FaultRule, { sinceStartMs }: ScheduledRequest): Fault =>
  fault.name === 'brownout' && until !== undefined ? { ...fault, ms: until - sinceStartMs } : fault
