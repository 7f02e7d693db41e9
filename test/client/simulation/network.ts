import type { ClientRuntime } from '../../../src/client/client.ts'
import { createSeededRandom, type SeededRandom } from '../../support/random.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../support/time.ts'
import { DOUBLE_URL, type VendorDouble } from './vendor-double.ts'
import type { VirtualTime } from './virtual-time.ts'

type Condition = 'up' | 'unreachable' | 'silent' | '429' | '503'

const NEVER = new Promise<never>(() => undefined)

/** A process of the vendor's. */
export interface SimulatedProcess {
  isAlive: boolean
  tokenRequestsInFlight: number
}

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
  /** Since when the vendor has answered everybody. */
  upSince = 0
  tokenRequests = 0
  #tokenRequestsInFlight = 0
  mostTokenRequestsInFlight = 0
  readonly faults: Record<string, number> = {}

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
        this.#condition = pick(['unreachable', 'silent', '429', '503'])
        this.count(`${this.#condition} for a while`)
        this.#time.setTimer(
          () => {
            this.#condition = 'up'
            this.upSince = this.#time.now()
            this.#scheduleEpisode()
          },
          pick([between(SECOND_MS, 10 * MINUTE_MS), between(MINUTE_MS, 6 * HOUR_MS)]),
        )
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
      const isTokenRequest = request.path.includes('auth')
      if (isTokenRequest) this.#countTokenRequest(process, 1)
      const answer = this.#send(request, init?.signal ?? undefined)
      await answer.catch(() => undefined)
      if (!process.isAlive) return NEVER
      if (isTokenRequest) this.#countTokenRequest(process, -1)
      return answer
    }
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
  }

  async #send(
    request: Parameters<VendorDouble['answer']>[0],
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const { between, happens } = this.#random
    await this.#time.sleep(between(20, 400))
    const isLostBefore = happens(LOST_SHARE)
    if (this.#condition === 'unreachable' || (this.isUp && isLostBefore)) {
      if (this.isUp) this.count('request lost')
      throw new TypeError('fetch failed')
    }
    if (this.#condition === 'silent') {
      await new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
        if (signal === undefined) this.#time.setTimer(() => reject(new TypeError('reset')), 120_000)
      })
    }
    if (!this.isUp) {
      const headers = { 'Retry-After': String(between(0, 120)) }
      return new Response('busy', { status: Number(this.#condition), headers })
    }
    const response = this.#double.answer(request)
    await this.#time.sleep(between(20, 400))
    if (happens(LOST_SHARE)) {
      this.count('answer lost')
      throw new TypeError('fetch failed')
    }
    return response
  }
}
