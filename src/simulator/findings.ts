/** A kind of mistake. `worst` is the measure of the worst case. */
interface FindingKind {
  readonly describe: (finding: Pick<Finding, 'count' | 'worst' | 'detail'>) => string
  readonly advice: string
}

export const FINDING_KINDS = {
  used_ended_token: {
    describe: ({ worst }) => `used a token ${formatMs(worst)} after its end`,
    advice:
      'Renew a token when 80 to 90 % of its life are over, and tell its end by the Date header of the ' +
      'answers, not by your own clock.',
  },
  used_refused_token: {
    describe: () => 'used a token again that had been refused',
    advice: 'After a 401, get a new token, and send the request once more with it.',
  },
  used_revoked_key: {
    describe: ({ count }) => `kept using a revoked key: ${count} more requests after its refusal`,
    advice: 'Stop, and tell a person: only a new key helps.',
  },
  repeated_refused_secret: {
    describe: ({ count }) => `sent a refused secret again without a pause, ${count} times`,
    advice:
      'Read the secret again, because it may have been rotated. Otherwise wait, longer each time, and ' +
      'tell a person.',
  },
  repeated_refused_refresh_token: {
    describe: ({ count }) => `sent a refused refresh token again, ${count} times`,
    advice:
      'Authenticate with the secret as soon as a refresh is refused. It is what gets you back in.',
  },
  reused_refresh_token: {
    describe: () => 'presented a refresh token that had been used',
    advice:
      'Store the new refresh token before you use the new access token, and share it between ' +
      'processes. A server takes a used one for a stolen one, and may end all its tokens.',
  },
  concurrent_token_requests: {
    describe: ({ worst, detail }) => `${detail} ${worst} times at once`,
    advice: 'Send one token request, and let everything else wait for its answer.',
  },
  refreshed_early: {
    describe: ({ worst }) => `refreshed a token ${formatMs(worst)} before its end`,
    advice: 'Refresh when 80 to 90 % of the life of a token are over.',
  },
  authenticated_for_each_request: {
    describe: ({ worst }) =>
      `authenticated for each request: ${worst} tokens in a row were used once or never`,
    advice: 'Keep the token, and use it until 80 to 90 % of its life are over.',
  },
  ignored_retry_after: {
    describe: ({ worst, detail }) =>
      `ignored Retry-After: asked again after ${formatMs(worst)} of ${detail}`,
    advice:
      'After 429 or 503, send nothing to these paths for as many seconds as Retry-After says.',
  },
  sent_secret_in_url: {
    describe: () => 'sent a secret in a URL',
    advice:
      'Send it in the body or in the Authorization header: URLs are in the logs of every proxy.',
  },
  dated_assertion_wrongly: {
    describe: ({ worst }) => `dated an assertion ${formatMs(worst)} away from the server’s clock`,
    advice: 'Date assertions by the Date header of the last answer, a few seconds back.',
  },
} as const satisfies Readonly<Record<string, FindingKind>>

export type FindingCode = keyof typeof FINDING_KINDS

/** Something that the client of a key did wrong, once or more often. */
export interface Finding {
  readonly code: FindingCode
  readonly key: string
  count: number
  /** Milliseconds or a number of requests, as the sentence of its kind says. */
  worst: number
  detail: string
  readonly firstAt: number
  lastAt: number
  /** The first ones. */
  readonly requestIds: string[]
}

/** One case, before it is counted. */
export interface Offence {
  readonly code: FindingCode
  readonly measure?: number
  readonly detail?: string
}

const MAX_REQUEST_IDS = 5

/** Counts the cases of each kind and key. */
export class FindingLog {
  readonly #findings = new Map<string, Finding>()

  add(
    { code, measure = 0, detail = '' }: Offence,
    key: string,
    at: number,
    requestId: string | null,
  ): void {
    const name = `${code} ${key}`
    const found = this.#findings.get(name)
    const finding = found ?? {
      code,
      key,
      count: 0,
      worst: measure,
      detail,
      firstAt: at,
      lastAt: at,
      requestIds: [],
    }
    this.#findings.set(name, finding)
    finding.count++
    finding.lastAt = at
    // The less of a wait was kept, the worse.
    const isWorse =
      code === 'ignored_retry_after' ? measure < finding.worst : measure > finding.worst
    if (isWorse) Object.assign(finding, { worst: measure, detail })
    if (requestId !== null && finding.requestIds.length < MAX_REQUEST_IDS) {
      finding.requestIds.push(requestId)
    }
  }

  get findings(): readonly Finding[] {
    return [...this.#findings.values()]
  }
}

/** Describes a finding for people and programs. */
export function describeFinding(finding: Finding) {
  const { code, key, count, firstAt, lastAt, requestIds } = finding
  const { describe, advice } = FINDING_KINDS[code]
  return {
    code,
    key,
    count,
    summary: describe(finding),
    advice,
    firstAt: new Date(firstAt).toISOString(),
    lastAt: new Date(lastAt).toISOString(),
    requestIds,
  }
}

const DURATION_UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const

/** Formats a duration in its largest unit that leaves at least two of it. */
export function formatMs(ms: number): string {
  const [size, unit] = DURATION_UNITS.find(([size]) => ms >= 2 * size) ?? [1000, 's']
  return `${Math.round((ms / size) * 10) / 10} ${unit}`
}
