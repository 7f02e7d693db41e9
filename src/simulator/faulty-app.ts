import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Hono } from 'hono'
import { REQUEST_ID_HEADER, type ServerParts } from '../compose-apps.ts'
import { type Fault, type FaultName, parseFault } from './fault.ts'
import type { ClientJudge, JudgedAnswer, JudgedRequest, Moment } from './judge.ts'
import type { KeyChanges } from './key-changes.ts'
import {
  type ClientRequest,
  findRequestKind,
  type IssuedTokens,
  readClientRequest,
  readIssuedTokens,
} from './read-request.ts'
import type { FaultSchedule } from './schedule.ts'
import type { SimulatedClock } from './simulated-clock.ts'

/** Chooses the faults of one request, in place of the schedule. Servers that are no sandbox ignore it. */
export const SIMULATE_HEADER = 'Latchkey-Simulate'

export interface FaultyAppDeps {
  readonly clock: SimulatedClock
  readonly schedule: FaultSchedule
  readonly judge: ClientJudge
  readonly keyChanges: KeyChanges
  /** How long the way to the server and back takes. */
  readonly latencyMs: number
}

/** The answers that the server gives under load. */
type LoadReplies = Pick<ServerParts, 'refuseForLoad'>

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

  /** Answers a request. `fetch` is the server's own. */
  async answer(
    request: Request,
    incoming: IncomingMessage,
    fetch: Hono['fetch'],
    { refuseForLoad }: LoadReplies,
  ): Promise<Response> {
    this.requests++
    const { judge, latencyMs } = this.#deps
    const { pathname } = new URL(request.url)
    const isTokenRequest = findRequestKind(pathname) !== 'api'
    const body = isTokenRequest ? await request.text() : ''
    const read = readClientRequest(request, body, {
      findKeyByToken: (token) => this.#keysByToken.get(token),
      findKeyInText: (text) => this.#findKeyInText(text),
    })
    const faults = await this.#chooseFaults(request, pathname, read)
    if (faults === null) return this.#refuseHeader(request)
    const judged = judge.begin(read, this.#findMoment())
    const find = (name: FaultName) => faults.find((fault) => fault.name === name)
    await sleep((find('delay')?.ms ?? 0) + latencyMs / 2)
    if (find('lose-answer-before-commit')) return this.#cut(judged, null, incoming)

    const overload = find('answer-429') ?? find('answer-503')
    const passedOn = isTokenRequest ? copyRequest(request, body) : request
    const response = overload
      ? createOverloadResponse(request, overload, refuseForLoad)
      : // Without the outgoing message, the server's answer comes back instead of being sent.
        await this.#deps.clock.runShifted(this.#findShiftMs(read, find('skew-clock')), async () =>
          fetch(passedOn, { incoming }),
        )
    const bytes = new Uint8Array(await response.arrayBuffer())
    const issued =
      isTokenRequest && response.status === 200
        ? readIssuedTokens(new TextDecoder().decode(bytes), this.#deps.clock.now())
        : null
    if (issued !== null) this.#noteTokens(read, issued, find('expire-token-early'))
    const answer = toJudgedAnswer(response, issued)
    if (find('lose-answer-after-commit')) return this.#cut(judged, answer, incoming)

    await sleep(latencyMs / 2)
    judge.end(judged, answer, this.#findMoment())
    const { status, headers } = response
    headers.set(
      'Date',
      new Date(this.#deps.clock.now() + (find('skew-clock')?.ms ?? 0)).toUTCString(),
    )
    const slowMs = find('slow-body')?.ms ?? 0
    return new Response(slowMs > 0 ? createSlowStream(bytes, slowMs) : toBody(bytes), {
      status,
      headers,
    })
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
      await keyChanges.carryOut(fault, key, clock.now())
      if (fault.name === 'revoke-key') judge.noteRevocation(key)
    }
    return faults
  }

  #refuseHeader({ headers }: Request): Response {
    const message = `${SIMULATE_HEADER} names no fault: ${headers.get(SIMULATE_HEADER)}.`
    return Response.json({ message }, { status: 400 })
  }

  /** A token that ends early is judged by the time at which it ends for good. */
  #findShiftMs({ accessToken }: ClientRequest, skew: Fault | undefined): number {
    const end = this.#earlyEnds.get(accessToken ?? '')
    const now = this.#deps.clock.now()
    if (end !== undefined && now >= end.endsAt) return Math.max(0, end.saidToEndAt - now)
    return skew?.ms ?? 0
  }

  #noteTokens({ key }: ClientRequest, issued: IssuedTokens, early: Fault | undefined): void {
    const { accessToken, expiresAt } = issued
    this.#keysByToken.set(accessToken, key)
    if (early === undefined) return
    const endsAt = this.#deps.clock.now() + early.ms
    this.#earlyEnds.set(accessToken, { endsAt, saidToEndAt: expiresAt })
  }

  #cut(judged: JudgedRequest, answer: JudgedAnswer | null, incoming: IncomingMessage): Response {
    const unseen = { status: 0, requestId: null, retryAfterMs: null, issued: null }
    this.#deps.judge.end(judged, { ...(answer ?? unseen), isDelivered: false }, this.#findMoment())
    incoming.socket.destroy()
    return RESPONSE_ALREADY_SENT
  }
}

const copyRequest = ({ url, method, headers }: Request, body: string) =>
  new Request(url, { method, headers, ...(method === 'POST' && { body }) })

function createOverloadResponse(
  request: Request,
  { name, ms }: Fault,
  refuseForLoad: LoadReplies['refuseForLoad'],
): Response {
  const retryAfterSeconds = Math.ceil(ms / 1000)
  const { status, type, headers, body } = refuseForLoad(
    request,
    name === 'answer-429'
      ? { reason: 'failures_exceeded', retryAfterSeconds }
      : { reason: 'busy', retryAfterSeconds },
  )
  const requestId = { [REQUEST_ID_HEADER]: crypto.randomUUID() }
  return new Response(body, { status, headers: { 'Content-Type': type, ...requestId, ...headers } })
}

function toJudgedAnswer({ status, headers }: Response, issued: IssuedTokens | null): JudgedAnswer {
  const seconds = headers.get('retry-after')
  return {
    status,
    requestId: headers.get(REQUEST_ID_HEADER),
    isDelivered: true,
    retryAfterMs: seconds === null ? null : Number(seconds) * 1000,
    issued,
  }
}

/** Some statuses forbid a body, even an empty one. */
const toBody = (bytes: Uint8Array<ArrayBuffer>) => (bytes.length === 0 ? null : bytes)

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
