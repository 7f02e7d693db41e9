import { type Finding, FindingLog, formatMs, type Offence } from './findings.ts'
import type { ClientRequest, ReceivedTokens } from './read-request.ts'

/** A moment by the simulated clock, and by one that runs as the client's timers do. */
export interface Moment {
  readonly at: number
  readonly monotonicAt: number
}

/** The answer as the client has it. */
export interface JudgedAnswer {
  readonly status: number
  /** Null if the server has not seen the request. */
  readonly requestId: string | null
  /** False if the connection was cut. */
  readonly isDelivered: boolean
  readonly retryAfterMs: number | null
  readonly issued: ReceivedTokens | null
}

/** A request in progress. */
export interface JudgedRequest {
  readonly request: ClientRequest
  readonly start: Moment
  readonly offences: readonly Offence[]
}

interface TokenRecord {
  readonly issuedAt: number
  readonly expiresAt: number
  uses: number
  refusedAt: number | null
  usesAfterRefusal: number
}

interface RefreshTokenRecord {
  state: 'new' | 'used' | 'refused'
}

/** A wait that the server has asked for. */
interface Wait extends Moment {
  readonly ms: number
}

interface KeyRecord {
  readonly tokens: Map<string, TokenRecord>
  readonly refreshTokens: Map<string, RefreshTokenRecord>
  readonly waits: Map<string, Wait>
  readonly inFlight: Set<JudgedRequest>
  latest: TokenRecord | null
  refusedSecret: { readonly secret: string; count: number; lastAt: number } | null
  /** The tokens in a row that were replaced early and used once or never. */
  wastedTokens: number
  /** The time of the last answer that reached the client. */
  lastAnswerAt: number | null
  isRevoked: boolean
  /** The last assertion had a wrong date, and its answer showed the right one. */
  wasWrongDateReported: boolean
}

/** A secret that was refused is not worth sending again so soon. */
const REFUSED_SECRET_PAUSE_MS = 500
/** Requests that were on their way when another was refused. */
const REFUSAL_GRACE_MS = 2000
/** Other processes with the same token learn of its refusal by their own requests. */
const MAX_USES_AFTER_REFUSAL = 3
const MAX_REFUSED_ATTEMPTS = 10
const MAX_WASTED_TOKENS = 5
/** A token is not replaced before this part of its life is over. */
const EARLY_SHARE = 0.5
const MAX_ASSERTION_AGE_MS = 300_000
const MAX_RECORDS = 10_000

/** Judges what the clients of each key do. Has no clock and does no I/O: callers pass in each moment. */
export class ClientJudge {
  readonly #keys = new Map<string, KeyRecord>()
  readonly #log = new FindingLog()
  readonly #graceMs: number
  #jumpedAt = Number.NEGATIVE_INFINITY

  /** `graceMs`: what a request costs on its way, and what clocks in whole seconds hide. */
  constructor({ graceMs }: { graceMs: number }) {
    this.#graceMs = graceMs
  }

  get findings(): readonly Finding[] {
    return this.#log.findings
  }

  /** The clock was moved, which no client can know before its next answer. */
  noteJump({ at }: Moment): void {
    this.#jumpedAt = at
  }

  noteRevocation(key: string): void {
    this.#getRecord(key).isRevoked = true
  }

  begin(request: ClientRequest, start: Moment): JudgedRequest {
    const record = this.#getRecord(request.key)
    const offences = [
      ...(request.hasSecretInUrl ? [{ code: 'sent_secret_in_url' } as const] : []),
      ...judgeWait(record.waits.get(toWaitName(request)), start),
      ...(request.kind === 'api'
        ? this.#judgeAccessToken(record, request, start)
        : [
            ...judgeConcurrency(record, request),
            ...judgeRefreshToken(record, request),
            ...judgeSecret(record, request, start),
            ...judgeRenewal(record, request, start),
            ...judgeAssertion(record, request, start, this.#graceMs),
          ]),
    ]
    const judged = { request, start, offences }
    if (request.kind !== 'api') record.inFlight.add(judged)
    return judged
  }

  end(judged: JudgedRequest, answer: JudgedAnswer, end: Moment): void {
    const { request, start, offences } = judged
    const record = this.#getRecord(request.key)
    record.inFlight.delete(judged)
    for (const offence of offences) {
      this.#log.add(offence, request.key, start.at, answer.requestId)
    }
    const { issued, isDelivered, status, retryAfterMs } = answer
    if (issued !== null) this.#noteTokens(record, request, issued, isDelivered, start)
    if (!isDelivered) return
    record.lastAnswerAt = end.at
    if (request.assertionIssuedAt !== null) {
      record.wasWrongDateReported = findDateError(request, start, this.#graceMs) > 0
    }
    if (retryAfterMs !== null) record.waits.set(toWaitName(request), { ...end, ms: retryAfterMs })
    else record.waits.delete(toWaitName(request))
    if ([400, 401, 403].includes(status)) noteRefusal(record, request, status, end)
  }

  #judgeAccessToken(record: KeyRecord, { accessToken }: ClientRequest, start: Moment): Offence[] {
    const token = record.tokens.get(accessToken ?? '')
    if (token === undefined) return []
    token.uses++
    if (token.refusedAt !== null) {
      if (start.monotonicAt - token.refusedAt > REFUSAL_GRACE_MS) token.usesAfterRefusal++
      const isStubborn = token.usesAfterRefusal > MAX_USES_AFTER_REFUSAL
      return isStubborn
        ? [{ code: record.isRevoked ? 'used_revoked_key' : 'used_refused_token' }]
        : []
    }
    const lateMs = start.at - token.expiresAt
    const couldKnow = (record.lastAnswerAt ?? 0) > this.#jumpedAt
    return lateMs > this.#graceMs && couldKnow
      ? [{ code: 'used_ended_token', measure: lateMs }]
      : []
  }

  #noteTokens(
    record: KeyRecord,
    { refreshToken }: ClientRequest,
    issued: ReceivedTokens,
    isDelivered: boolean,
    { at }: Moment,
  ): void {
    const token = {
      issuedAt: at,
      expiresAt: issued.expiresAt,
      uses: 0,
      refusedAt: null,
      usesAfterRefusal: 0,
    }
    const known = record.tokens.get(issued.accessToken)
    if (known === undefined) setBounded(record.tokens, issued.accessToken, token)
    if (issued.refreshToken !== null && !record.refreshTokens.has(issued.refreshToken)) {
      setBounded(record.refreshTokens, issued.refreshToken, { state: 'new' })
    }
    record.refusedSecret = null
    if (!isDelivered) return
    record.latest = known ?? token
    const used = record.refreshTokens.get(refreshToken ?? '')
    if (used !== undefined) used.state = 'used'
  }

  #getRecord(key: string): KeyRecord {
    const record = this.#keys.get(key) ?? createKeyRecord()
    this.#keys.set(key, record)
    return record
  }
}

const createKeyRecord = (): KeyRecord => ({
  tokens: new Map(),
  refreshTokens: new Map(),
  waits: new Map(),
  inFlight: new Set(),
  latest: null,
  refusedSecret: null,
  wastedTokens: 0,
  lastAnswerAt: null,
  isRevoked: false,
  wasWrongDateReported: false,
})

/** Adds a record, and deletes the oldest if there are too many. */
export function setBounded<T>(records: Map<string, T>, name: string, record: T): void {
  records.set(name, record)
  const [oldest] = records.keys()
  if (records.size > MAX_RECORDS && oldest !== undefined) records.delete(oldest)
}

/** All token requests of a key wait together. */
const toWaitName = ({ kind, path }: ClientRequest) => (kind === 'api' ? path : 'token')

function judgeWait(wait: Wait | undefined, { at, monotonicAt }: Moment): Offence[] {
  if (wait === undefined) return []
  const waitedMs = Math.max(at - wait.at, monotonicAt - wait.monotonicAt)
  return waitedMs < wait.ms
    ? [{ code: 'ignored_retry_after', measure: waitedMs, detail: formatMs(wait.ms) }]
    : []
}

function judgeConcurrency({ inFlight }: KeyRecord, request: ClientRequest): Offence[] {
  if (inFlight.size === 0) return []
  const kinds = new Set([...inFlight].map((other) => other.request.kind).concat(request.kind))
  const detail =
    kinds.size > 1 ? 'asked for tokens' : request.kind === 'refresh' ? 'refreshed' : 'authenticated'
  return [{ code: 'concurrent_token_requests', measure: inFlight.size + 1, detail }]
}

function judgeRefreshToken(
  { refreshTokens }: KeyRecord,
  { refreshToken }: ClientRequest,
): Offence[] {
  const state = refreshTokens.get(refreshToken ?? '')?.state
  if (state === 'used') return [{ code: 'reused_refresh_token' }]
  return state === 'refused' ? [{ code: 'repeated_refused_refresh_token' }] : []
}

function judgeSecret(
  { refusedSecret, isRevoked }: KeyRecord,
  { secret }: ClientRequest,
  { monotonicAt }: Moment,
): Offence[] {
  if (refusedSecret === null || refusedSecret.secret !== (secret ?? '')) return []
  // Each assertion is a new one, and the next may have a better date.
  if (secret === null && !isRevoked) return []
  const hasPaused = monotonicAt - refusedSecret.lastAt >= REFUSED_SECRET_PAUSE_MS
  if (hasPaused && refusedSecret.count < MAX_REFUSED_ATTEMPTS) return []
  return [{ code: isRevoked ? 'used_revoked_key' : 'repeated_refused_secret' }]
}

/** Judges whether the latest token was worth replacing. Restarts of the client are not blamed. */
function judgeRenewal(record: KeyRecord, { kind }: ClientRequest, { at }: Moment): Offence[] {
  const { latest } = record
  if (latest === null || latest.refusedAt !== null) return []
  const leftMs = latest.expiresAt - at
  const isEarly = leftMs > EARLY_SHARE * (latest.expiresAt - latest.issuedAt)
  if (isEarly && kind === 'refresh') return [{ code: 'refreshed_early', measure: leftMs }]
  record.wastedTokens = isEarly && latest.uses <= 1 ? record.wastedTokens + 1 : 0
  return record.wastedTokens >= MAX_WASTED_TOKENS
    ? [{ code: 'authenticated_for_each_request', measure: record.wastedTokens }]
    : []
}

/** An assertion may be wrong once: its answer has the Date header. */
function judgeAssertion(
  record: KeyRecord,
  request: ClientRequest,
  start: Moment,
  graceMs: number,
): Offence[] {
  const errorMs = findDateError(request, start, graceMs)
  if (errorMs === 0 || !record.wasWrongDateReported) return []
  return [{ code: 'dated_assertion_wrongly', measure: errorMs }]
}

function findDateError({ assertionIssuedAt }: ClientRequest, { at }: Moment, graceMs: number) {
  if (assertionIssuedAt === null) return 0
  const aheadMs = assertionIssuedAt - at
  const isWrong = aheadMs > graceMs || aheadMs < -MAX_ASSERTION_AGE_MS - graceMs
  return isWrong ? Math.abs(aheadMs) : 0
}

function noteRefusal(
  record: KeyRecord,
  { kind, accessToken, refreshToken, secret }: ClientRequest,
  status: number,
  { monotonicAt }: Moment,
): void {
  if (kind === 'api') {
    const token = record.tokens.get(accessToken ?? '')
    if (token !== undefined && status === 401) token.refusedAt ??= monotonicAt
    return
  }
  if (kind === 'refresh') {
    const refused = record.refreshTokens.get(refreshToken ?? '')
    if (refused !== undefined) refused.state = 'refused'
    return
  }
  const earlier = record.refusedSecret
  const text = secret ?? ''
  record.refusedSecret =
    earlier?.secret === text
      ? { secret: text, count: earlier.count + 1, lastAt: monotonicAt }
      : { secret: text, count: 1, lastAt: monotonicAt }
}
