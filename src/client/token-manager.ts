import { type Credentials, checkCredentials } from './credentials.ts'
import { computeLeaseMs, type TokenEvent, TokenRenewer } from './renew-token.ts'
import { type ClientRuntime, delay, MACHINE_RUNTIME, TIMED_OUT, waitAtMost } from './runtime.ts'
import { ServerClock } from './server-clock.ts'
import { TokenError } from './token-error.ts'
import { createTokenRequests, type TokenRequests } from './token-request.ts'
import { createMemoryStore, type StoredToken, type TokenStore } from './token-store.ts'

export interface TokenManagerOptions {
  /** The URL of the token server, such as `https://api.example`. */
  readonly url: string
  readonly credentials: Credentials
  /**
   * Uses the refresh token of legacy credentials. By default a new token is asked for instead, as vendors
   * advise: there is nothing to lose then.
   */
  readonly refresh?: boolean
  /** Shares the token with other processes. By default each process has its own. */
  readonly store?: TokenStore
  /** How long one request may take. 10,000 by default. */
  readonly timeoutMs?: number
  /** How long `token` may wait for the server to recover. 60,000 by default. */
  readonly maxWaitMs?: number
  /** Other origins that `fetch` may send the token to. */
  readonly origins?: readonly string[]
  /** Allows `http:` to a host that is not this machine. */
  readonly allowHttp?: boolean
  readonly onEvent?: (event: TokenEvent) => void
  /**
   * Keeps the runtime alive while a token is renewed, though the request that began it has ended:
   * `waitUntil` of Workers.
   */
  readonly waitUntil?: (work: Promise<void>) => void
  readonly runtime?: Partial<ClientRuntime>
}

/** A token is renewed at a random point of this part of its life, so that processes do not all come at once. */
const RENEWAL_STARTS = { earliest: 0.8, latest: 0.9 }
/** A request with the token takes time too. */
const EXPIRY_MARGIN_MS = 10_000
const FIRST_PAUSE_MS = 1000
const MAX_PAUSE_MS = 60_000
/** Failures, or rejections of tokens, that are further apart have nothing to do with each other. */
const FAILURE_MEMORY_MS = 10 * 60_000

interface HeldToken extends StoredToken {
  readonly renewAt: number
}

/**
 * Keeps an access token that works. Renews it ahead of its end, with one request however many callers
 * wait, and asks for a new one whenever a refresh or a token is refused.
 */
export class TokenManager {
  readonly #base: URL
  readonly #origins: ReadonlySet<string>
  readonly #requests: TokenRequests
  readonly #runtime: ClientRuntime
  readonly #clock: ServerClock
  readonly #renewer: TokenRenewer
  readonly #report: (event: TokenEvent) => void
  readonly #waitUntil: (work: Promise<void>) => void
  readonly #maxWaitMs: number
  readonly #maxRenewalMs: number

  #held: HeldToken | undefined
  #renewal: { readonly work: Promise<StoredToken>; readonly startedAt: number } | undefined
  /** After a failure: no request before `until`. */
  #pause: { readonly until: number; readonly error: TokenError } | undefined
  #failures = 0
  #rejected: string | undefined
  #rejections = 0
  #lastRejectionAt = 0

  constructor(options: TokenManagerOptions) {
    checkOptionNames(options)
    this.#base = parseServerUrl(options.url, options.allowHttp === true)
    checkCredentials(options.credentials)
    const { timeoutMs = 10_000, maxWaitMs = 60_000, origins = [] } = options
    this.#origins = new Set([this.#base.origin, ...origins.map((url) => new URL(url).origin)])
    this.#requests = createTokenRequests(this.#base.href.replace(/\/$/, ''), options.credentials)
    this.#runtime = { ...MACHINE_RUNTIME, ...options.runtime }
    this.#clock = new ServerClock(this.#runtime)
    this.#report = options.onEvent ?? (() => undefined)
    this.#waitUntil = options.waitUntil ?? (() => undefined)
    this.#maxWaitMs = maxWaitMs
    const context = {
      runtime: this.#runtime,
      clock: this.#clock,
      timeoutMs,
      requests: this.#requests,
      store: options.store ?? createMemoryStore(),
      refresh: options.refresh === true,
      report: this.#report,
    }
    this.#maxRenewalMs = 2 * computeLeaseMs(context)
    this.#renewer = new TokenRenewer(context)
  }

  /**
   * Returns an access token. Waits if there is none yet or the server is unavailable, for `maxWaitMs` or
   * until the signal aborts. Throws a `TokenError`, or the reason of the signal.
   */
  async token({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<string> {
    signal?.throwIfAborted()
    const held = this.#held
    if (held !== undefined && this.#isUsable(held)) {
      if (this.#clock.now() >= held.renewAt && this.#findPauseMs() === 0) {
        this.#startRenewal().catch(noop)
      }
      return held.accessToken
    }
    return (await this.#waitForToken(signal)).accessToken
  }

  /** When the present token ends, in epoch milliseconds by the clock of the server. */
  get expiresAt(): number | undefined {
    return this.#held?.expiresAt
  }

  /**
   * Tells that a server answered 401 to this token, so that the next `token` is a new one. Returns false
   * if it stays, because tokens that are just as new were rejected: the token is not what is wrong.
   */
  invalidate(token: string): boolean {
    const held = this.#held
    if (held?.accessToken !== token) return true
    // It ended by itself, as the Date of the answer shows: nothing is wrong.
    if (!this.#isUsable(held)) return true
    const now = this.#runtime.monotonicNow()
    const sinceLastMs = now - this.#lastRejectionAt
    if (sinceLastMs > FAILURE_MEMORY_MS) this.#rejections = 0
    if (this.#rejections > 0 && sinceLastMs < computePauseMs(this.#rejections)) return false
    this.#rejections++
    this.#lastRejectionAt = now
    this.#rejected = token
    this.#held = undefined
    return true
  }

  /**
   * `fetch` with the token. A path such as `/endpoint` is one of the server. Answers 401 are tried once
   * more with a new token, unless the body is a stream, which cannot be sent twice.
   */
  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const createRequest = () =>
      new Request(input instanceof Request ? input.clone() : this.#resolve(input), init)
    const request = createRequest()
    const { origin } = new URL(request.url)
    if (!this.#origins.has(origin)) {
      throw new TokenError('invalid_options', `The token is not for ${origin}.`, {
        advice: 'Add it to origins if the token is meant for it.',
      })
    }
    const token = await this.token({ signal: request.signal })
    const response = await this.#send(request, token)
    if (response.status !== 401 || !this.invalidate(token)) return response
    if (init?.body instanceof ReadableStream) return response
    await response.body?.cancel()
    return this.#send(createRequest(), await this.token({ signal: request.signal }))
  }

  /** Returns only what logs may show. */
  toJSON() {
    return { url: this.#base.href, id: this.#requests.id, expiresAt: this.#held?.expiresAt }
  }

  /** A path continues the URL of the server, which may have a path itself. */
  #resolve(input: string | URL): URL {
    const path = String(input)
    return new URL(path.startsWith('/') ? this.#base.href.replace(/\/$/, '') + path : path)
  }

  async #send(request: Request, token: string): Promise<Response> {
    request.headers.set('Authorization', `Bearer ${token}`)
    const sentAt = this.#runtime.now()
    const response = await this.#runtime.fetch(request)
    if (new URL(request.url).origin === this.#base.origin) {
      this.#clock.observe(response.headers, sentAt)
    }
    return response
  }

  async #waitForToken(signal?: AbortSignal): Promise<StoredToken> {
    const deadline = this.#runtime.monotonicNow() + this.#maxWaitMs
    for (;;) {
      const leftMs = deadline - this.#runtime.monotonicNow()
      const pauseMs = this.#findPauseMs()
      if (this.#pause !== undefined && pauseMs > 0) {
        const { error } = this.#pause
        if (error.code !== 'unavailable' || pauseMs > leftMs) throw error
        await delay(this.#runtime, pauseMs, signal)
        continue
      }
      try {
        const token = await waitAtMost(this.#runtime, this.#startRenewal(), leftMs, signal)
        if (token !== TIMED_OUT) return token
      } catch (error) {
        if (!(error instanceof TokenError && error.code === 'unavailable')) throw error
        continue
      }
      throw new TokenError('unavailable', `There was no token within ${this.#maxWaitMs} ms.`)
    }
  }

  /** Joins the renewal that runs, or starts one. One that a runtime has abandoned is left behind. */
  #startRenewal(): Promise<StoredToken> {
    const now = this.#runtime.monotonicNow()
    if (this.#renewal !== undefined && now - this.#renewal.startedAt < this.#maxRenewalMs) {
      return this.#renewal.work
    }
    const renewal = { work: this.#renew(), startedAt: now }
    this.#renewal = renewal
    const end = () => {
      if (this.#renewal === renewal) this.#renewal = undefined
    }
    this.#waitUntil(renewal.work.then(end, end))
    return renewal.work
  }

  async #renew(): Promise<StoredToken> {
    const rejected = this.#rejected
    const held = this.#held
    try {
      const token = await this.#renewer.renew(
        (stored) =>
          stored.accessToken !== rejected &&
          this.#isUsable(stored) &&
          stored.expiresAt > (held?.expiresAt ?? 0),
        rejected !== undefined,
      )
      const { earliest, latest } = RENEWAL_STARTS
      const usedShare = earliest + (latest - earliest) * this.#runtime.random()
      this.#held = { ...token, renewAt: token.expiresAt - token.lifeMs * (1 - usedShare) }
      this.#failures = 0
      this.#pause = undefined
      this.#rejected = undefined
      return token
    } catch (error) {
      if (error instanceof TokenError) this.#startPause(error)
      throw error
    }
  }

  #startPause(error: TokenError): void {
    const now = this.#runtime.monotonicNow()
    if (now - (this.#pause?.until ?? 0) > FAILURE_MEMORY_MS) this.#failures = 0
    this.#failures++
    const { retryAfterMs } = error
    const jitter = this.#runtime.random()
    const pauseMs =
      retryAfterMs === undefined
        ? computePauseMs(this.#failures) * (0.5 + jitter / 2)
        : Math.max(FIRST_PAUSE_MS, retryAfterMs) * (1 + jitter / 10)
    this.#pause = { until: now + pauseMs, error }
    this.#report({ type: 'failed', error })
  }

  #findPauseMs(): number {
    return Math.max(0, (this.#pause?.until ?? 0) - this.#runtime.monotonicNow())
  }

  #isUsable({ expiresAt, lifeMs }: StoredToken): boolean {
    return this.#clock.now() < expiresAt - Math.min(EXPIRY_MARGIN_MS, lifeMs / 10)
  }
}

const noop = () => undefined

const computePauseMs = (failures: number): number =>
  Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1))

const OPTION_NAMES: Readonly<Record<keyof TokenManagerOptions, true>> = {
  url: true,
  credentials: true,
  refresh: true,
  store: true,
  timeoutMs: true,
  maxWaitMs: true,
  origins: true,
  allowHttp: true,
  onEvent: true,
  waitUntil: true,
  runtime: true,
}

function checkOptionNames(options: TokenManagerOptions): void {
  const unknown = Object.keys(options).find((name) => !(name in OPTION_NAMES))
  if (unknown !== undefined) {
    throw new TokenError('invalid_options', `There is no option ${unknown}.`)
  }
}

const OWN_HOSTS = ['localhost', '127.0.0.1', '[::1]']

/** Secrets are sent to this URL, so it needs TLS. */
function parseServerUrl(text: string, allowHttp: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  const isHttp = url?.protocol === 'http:' && (allowHttp || OWN_HOSTS.includes(url.hostname))
  if (url === null || (url.protocol !== 'https:' && !isHttp)) {
    throw new TokenError(
      'invalid_options',
      'url must be an https URL, such as https://api.example.',
      {
        advice: 'Correct it, or set allowHttp if the network between is your own.',
      },
    )
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TokenError('invalid_options', 'url has a password, a query or a fragment.')
  }
  return url
}
