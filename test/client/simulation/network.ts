import type { ClientRuntime } from '../../../src/client/client.ts'
import { ClientJudge, type JudgedAnswer, type JudgedRequest } from '../../../src/simulator/judge.ts'
import { readClientRequest, readReceivedTokens } from '../../../src/simulator/read-request.ts'
import { createSeededRandom, type SeededRandom } from '../../support/random.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../support/time.ts'
import { DOUBLE_URL, type DoubleRequest, type VendorDouble } from './vendor-double.ts'
import type { VirtualTime } from './virtual-time.ts'

/** In a brownout, legacy exchange and refresh are refused, and tokens in use work. */
type Condition = 'up' | 'unreachable' | 'silent' | '429' | '503' | 'brownout'

const NEVER = new Promise<never>(() => undefined)

/** A process of the vendor's. */
export interface SimulatedProcess {
  isAlive: boolean
  tokenRequestsInFlight: number
  readonly judged: Set<JudgedRequest>
}

const NO_ANSWER: JudgedAnswer = {
  status: 0,
  requestId: null,
  isDelivered: false,
  retryAfterMs: null,
  issued: null,
}

/** The error of `fetch` where a message or its answer was lost, and not a token request. */
export class LostMessage extends TypeError {}

/** Shares of requests that are lost while the vendor is up: on the way there, and on the way back. */
const LOST_SHARE = 0.01

/** The network between a vendor's processes and the double, with its faults. */
export class FaultyNetwork {
  readonly #time: VirtualTime
  readonly #double: VendorDouble
  readonly #random: SeededRandom
  /** Random numbers of its own, so that every client lives through the same episodes. */
  readonly #episodes: SeededRandom
  #condition: Condition = 'up'
  #conditionEndsAt = 0
  /** The time since which the vendor answers every request. */
  upSince = 0
  tokenRequests = 0
  #tokenRequestsInFlight = 0
  mostTokenRequestsInFlight = 0
  readonly faults: Record<string, number> = {}
  readonly judge = new ClientJudge({ graceMs: SECOND_MS })
  readonly #keysByToken = new Map<string, string>()

  constructor(time: VirtualTime, double: VendorDouble, seed: number) {
    this.#time = time
    this.#double = double
    this.#random = createSeededRandom(seed, 'requests')
    this.#episodes = createSeededRandom(seed, 'episodes')
    this.#scheduleEpisode()
  }

  get isUp(): boolean {
    return this.#condition === 'up'
  }

  /** Every three days on average, something is wrong for minutes or hours. */
  #scheduleEpisode(): void {
    const { between, pick } = this.#episodes
    this.#time.setTimer(
      () => {
        this.#condition = pick(['unreachable', 'silent', '429', '503', 'brownout'])
        this.count(`${this.#condition} for a while`)
        const ms = pick([between(SECOND_MS, 10 * MINUTE_MS), between(MINUTE_MS, 6 * HOUR_MS)])
        this.#conditionEndsAt = this.#time.now() + ms
        this.#time.setTimer(() => {
          this.#condition = 'up'
          this.upSince = this.#time.now()
          this.#scheduleEpisode()
        }, ms)
      },
      between(0, 6 * 24 * HOUR_MS),
    )
  }

  count(fault: string): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1
  }

  /** `fetch` of a process. Nothing leaves or reaches one that was killed. */
  createFetch(process: SimulatedProcess): ClientRuntime['fetch'] {
    return async (input, init) => {
      if (!process.isAlive) return NEVER
      const request = {
        path: (input instanceof Request ? input.url : input).slice(DOUBLE_URL.length),
        body: typeof init?.body === 'string' ? init.body : '',
        authorization: input instanceof Request ? input.headers.get('authorization') : null,
      }
      const read = this.#readRequest(request)
      const judged = this.judge.begin(read, this.#findMoment())
      process.judged.add(judged)
      if (read.kind !== 'api') this.#countTokenRequest(process, 1)
      const { response, error } = await this.#send(request, init?.signal ?? undefined)
      if (!process.isAlive) return NEVER
      process.judged.delete(judged)
      const issued = read.kind === 'api' ? null : await this.#readReceivedTokens(read.key, response)
      const retryAfter = response?.headers.get('retry-after') ?? null
      const answer: JudgedAnswer = {
        status: response?.status ?? 0,
        requestId: null,
        isDelivered: error === undefined,
        // Callers send messages again after ten seconds, whichever client they use.
        retryAfterMs:
          retryAfter === null || read.kind === 'api' ? null : Number(retryAfter) * SECOND_MS,
        issued,
      }
      this.judge.end(judged, answer, this.#findMoment())
      if (read.kind !== 'api') this.#countTokenRequest(process, -1)
      if (error !== undefined || response === undefined) {
        throw read.kind === 'api' ? new LostMessage('fetch failed', { cause: error }) : error
      }
      return response
    }
  }

  #findMoment() {
    return { at: this.#time.now(), monotonicAt: this.#time.now() }
  }

  #readRequest({ path, body, authorization }: DoubleRequest) {
    const headers = new Headers(authorization === null ? {} : { Authorization: authorization })
    return readClientRequest({ method: 'POST', url: DOUBLE_URL + path, headers }, body, {
      findKeyByToken: (token) => this.#keysByToken.get(token),
      findKeyInText: () => undefined,
    })
  }

  async #readReceivedTokens(key: string, response: Response | undefined) {
    if (response?.status !== 200) return null
    const issued = readReceivedTokens(await response.clone().text(), this.#time.now())
    if (issued !== null) this.#keysByToken.set(issued.accessToken, key)
    return issued
  }

  #countTokenRequest(process: SimulatedProcess, change: 1 | -1): void {
    process.tokenRequestsInFlight += change
    this.#tokenRequestsInFlight += change
    if (change === -1) return
    this.tokenRequests++
    this.mostTokenRequestsInFlight = Math.max(
      this.mostTokenRequestsInFlight,
      this.#tokenRequestsInFlight,
    )
  }

  /** Ends a process at once, in the middle of a token request if there is one. */
  kill(process: SimulatedProcess): void {
    process.isAlive = false
    if (process.tokenRequestsInFlight > 0) this.count('process killed during a token request')
    this.#tokenRequestsInFlight -= process.tokenRequestsInFlight
    for (const judged of process.judged) this.judge.end(judged, NO_ANSWER, this.#findMoment())
  }

  /** Returns the answer of the double, also if it is lost, and the error of the client's network. */
  async #send(
    request: DoubleRequest,
    signal: AbortSignal | undefined,
  ): Promise<{ response?: Response; error?: unknown }> {
    const { between, happens } = this.#random
    await this.#time.sleep(between(20, 400))
    const isLostBefore = happens(LOST_SHARE)
    if (this.#condition === 'unreachable' || (this.isUp && isLostBefore)) {
      if (this.isUp) this.count('request lost')
      return { error: new TypeError('fetch failed') }
    }
    if (this.#condition === 'silent') {
      const error = await new Promise((resolve) => {
        signal?.addEventListener('abort', () => resolve(signal.reason))
        if (signal === undefined) {
          this.#time.setTimer(() => resolve(new TypeError('reset')), 2 * MINUTE_MS)
        }
      })
      return { error }
    }
    const refusal = this.#refuse(request)
    if (refusal !== null) return { response: refusal }
    const response = this.#double.answer(request)
    await this.#time.sleep(between(20, 400))
    if (!happens(LOST_SHARE)) return { response }
    this.count('answer lost')
    return { response, error: new TypeError('fetch failed') }
  }

  /** Refuses for load, or in a brownout. */
  #refuse({ path }: DoubleRequest): Response | null {
    if (this.#condition === 'brownout') {
      const seconds = Math.ceil((this.#conditionEndsAt - this.#time.now()) / SECOND_MS)
      return path.startsWith('/auth/') ? this.#respondBusy(503, seconds) : null
    }
    return this.isUp
      ? null
      : this.#respondBusy(Number(this.#condition), this.#random.between(0, 120))
  }

  #respondBusy(status: number, seconds: number): Response {
    return new Response('busy', { status, headers: { 'Retry-After': String(seconds) } })
  }
}
