import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { REQUEST_ID_HEADER, type ServerParts } from '../compose-apps.ts'
import { type Fault, type FaultName, formatFaultNames, parseFault } from './fault.ts'
import {
  type ClientJudge,
  type JudgedAnswer,
  type JudgedRequest,
  type Moment,
  setBounded,
} from './judge.ts'
import type { KeyChanges } from './key-changes.ts'
import { createSandboxProblem } from './problem.ts'
import {
  type ClientRequest,
  findRequestKind,
  type ReceivedTokens,
  readClientRequest,
  readReceivedTokens,
} from './read-request.ts'
import type { FaultSchedule } from './schedule.ts'
import type { SimulatedClock } from './simulated-clock.ts'

/** Chooses the faults of one request, in place of the schedule. Real servers ignore it. */
const SIMULATE_HEADER = 'Latchkey-Simulate'

export interface FaultyAppDeps {
  readonly clock: SimulatedClock
  readonly schedule: FaultSchedule
  readonly judge: ClientJudge
  readonly keyChanges: KeyChanges
  /** The simulated latency of the network, there and back. */
  readonly latencyMs: number
}

/** The app of the real server, and the answers that it gives under load. */
type ServedApps = Pick<ServerParts, 'app' | 'refuseForLoad'>

/** Wraps the app of the real server. It alone decides about requests; this decides which it gets to see. */
export class FaultyApp {
  readonly #deps: FaultyAppDeps
  readonly #keysByToken = new Map<string, string>()
  /** The tokens that end before their answer says so. */
  readonly #earlyEnds = new Map<string, { readonly endsAt: number; readonly saidToEndAt: number }>()
  readonly faultCounts: Partial<Record<FaultName, number>> = {}
  requests = 0

  constructor(deps: FaultyAppDeps) {
    this.#deps = deps
  }

  /** Answers a request. `apps` are the server's own. */
  async answer(request: Request, incoming: IncomingMessage, apps: ServedApps): Promise<Response> {
    this.requests++
    const { judge, latencyMs } = this.#deps
    const { pathname } = new URL(request.url)
    const isTokenRequest = findRequestKind(request.method, pathname) !== 'api'
    const body = isTokenRequest ? await request.text() : ''
    const read = readClientRequest(request, body, {
      findKeyByToken: (token) => this.#keysByToken.get(token),
      findKeyInText: (text) => this.#findKeyInText(text),
    })
    const faults = await this.#chooseFaults(request, pathname, read)
    if (faults === null) return this.#refuseHeader(request)
    const findMs = (name: FaultName) => faults.find((fault) => fault.name === name)?.ms
    const judged = judge.begin(read, this.#findMoment())
    await sleep((findMs('delay') ?? 0) + latencyMs / 2)
    if (findMs('lose-answer-before-commit') !== undefined) return this.#cut(judged, null, incoming)

    const passedOn = isTokenRequest ? copyRequest(request, body) : request
    const shiftMs = this.#findShiftMs(read, findMs('skew-clock') ?? 0)
    const response =
      refuseForLoad(request, faults, apps) ??
      (await this.#deps.clock.runShifted(shiftMs, async () =>
        // Without the outgoing message, the server's answer comes back instead of being sent.
        apps.app.fetch(passedOn, { incoming }),
      ))
    const bytes = new Uint8Array(await response.arrayBuffer())
    const issued = isTokenRequest ? this.#readTokens(read, response, bytes) : null
    if (issued !== null) this.#noteEarlyEnd(issued, findMs('expire-token-early'))
    const answer = toJudgedAnswer(response, issued)
    if (findMs('lose-answer-after-commit') !== undefined) return this.#cut(judged, answer, incoming)

    await sleep(latencyMs / 2)
    judge.end(judged, answer, this.#findMoment())
    return this.#finish(response, bytes, findMs('skew-clock') ?? 0, findMs('slow-body') ?? 0)
  }

  #findMoment(): Moment {
    return { at: this.#deps.clock.now(), monotonicAt: performance.now() }
  }

  #findKeyInText(text: string): string | undefined {
    for (const [key, secret] of this.#deps.keyChanges.secretsByKey)
      if (text.includes(secret)) return key
    return undefined
  }

  /** Returns null if the header names no fault. Carries out what happens to the key. */
  async #chooseFaults(
    { headers }: Request,
    path: string,
    { kind, key }: ClientRequest,
  ): Promise<readonly Fault[] | null> {
    const { clock, schedule, keyChanges, judge } = this.#deps
    const header = headers.get(SIMULATE_HEADER)
    const named = header?.split(',').map(parseFault)
    if (named?.includes(null)) return null
    const faults =
      (named as Fault[] | undefined) ??
      schedule.choose({ kind, path, key, sinceStartMs: clock.sinceStartMs })
    for (const fault of faults) {
      this.faultCounts[fault.name] = (this.faultCounts[fault.name] ?? 0) + 1
      const isChanged = await keyChanges.carryOut(fault, key, clock.now())
      if (isChanged && fault.name === 'revoke-key') judge.noteRevocation(key)
    }
    return faults
  }

  #refuseHeader({ headers }: Request): Response {
    const detail = `${SIMULATE_HEADER} names no fault: ${headers.get(SIMULATE_HEADER)}. Send one or more of ${formatFaultNames()}, with commas between them.`
    return createSandboxProblem(400, 'The header names no fault', detail)
  }

  /** A token that ends early is judged by the time at which it ends for good. */
  #findShiftMs({ accessToken }: ClientRequest, skewMs: number): number {
    const end = this.#earlyEnds.get(accessToken ?? '')
    const now = this.#deps.clock.now()
    return end !== undefined && now >= end.endsAt ? Math.max(0, end.saidToEndAt - now) : skewMs
  }

  #readTokens({ key }: ClientRequest, { status }: Response, bytes: Uint8Array) {
    const text = new TextDecoder().decode(bytes)
    const issued = status === 200 ? readReceivedTokens(text, this.#deps.clock.now()) : null
    if (issued !== null) setBounded(this.#keysByToken, issued.accessToken, key)
    return issued
  }

  #noteEarlyEnd({ accessToken, expiresAt }: ReceivedTokens, lifeMs: number | undefined): void {
    if (lifeMs === undefined) return
    const endsAt = this.#deps.clock.now() + lifeMs
    setBounded(this.#earlyEnds, accessToken, { endsAt, saidToEndAt: expiresAt })
  }

  /** Dates the answer by the simulated clock. */
  #finish(
    { status, headers }: Response,
    bytes: Uint8Array<ArrayBuffer>,
    skewMs: number,
    slowMs: number,
  ): Response {
    headers.set('Date', new Date(this.#deps.clock.now() + skewMs).toUTCString())
    // Some statuses forbid a body, even an empty one.
    const body = bytes.length === 0 ? null : bytes
    return new Response(slowMs > 0 ? createSlowStream(bytes, slowMs) : body, { status, headers })
  }

  #cut(judged: JudgedRequest, answer: JudgedAnswer | null, incoming: IncomingMessage): Response {
    const unseen = { status: 0, requestId: null, retryAfterMs: null, issued: null }
    this.#deps.judge.end(judged, { ...(answer ?? unseen), isDelivered: false }, this.#findMoment())
    incoming.socket.destroy()
    return RESPONSE_ALREADY_SENT
  }
}

const copyRequest = ({ url, method, headers }: Request, body: string) =>
  new Request(url, { method, headers, body })

/** Refuses as the server does under load, if that is one of the faults. */
function refuseForLoad(
  request: Request,
  faults: readonly Fault[],
  apps: ServedApps,
): Response | null {
  const fault = faults.find(({ name }) => name === 'answer-429' || name === 'answer-503')
  if (fault === undefined) return null
  const retryAfterSeconds = Math.ceil(fault.ms / 1000)
  const { status, type, headers, body } = apps.refuseForLoad(
    request,
    fault.name === 'answer-429'
      ? { reason: 'failures_exceeded', retryAfterSeconds }
      : { reason: 'busy', retryAfterSeconds },
  )
  const requestId = { [REQUEST_ID_HEADER]: crypto.randomUUID() }
  return new Response(body, { status, headers: { 'Content-Type': type, ...requestId, ...headers } })
}

function toJudgedAnswer(
  { status, headers }: Response,
  issued: ReceivedTokens | null,
): JudgedAnswer {
  const seconds = headers.get('retry-after')
  return {
    status,
    requestId: headers.get(REQUEST_ID_HEADER),
    isDelivered: true,
    retryAfterMs: seconds === null ? null : Number(seconds) * 1000,
    issued,
  }
}

const SLOW_BODY_PARTS = 10

/** Sends the bytes in parts, with pauses of this length together. */
function createSlowStream(bytes: Uint8Array, ms: number): ReadableStream<Uint8Array> {
  const size = Math.max(1, Math.ceil(bytes.length / SLOW_BODY_PARTS))
  let at = 0
  return new ReadableStream({
    async pull(controller) {
      await sleep(ms / SLOW_BODY_PARTS)
      controller.enqueue(bytes.subarray(at, at + size))
      at += size
      if (at >= bytes.length) controller.close()
    },
  })
}
