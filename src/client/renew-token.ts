import { delay, TIMED_OUT, waitAtMost } from './runtime.ts'
import { type ReceivedTokens, type SendContext, sendTokenRequest } from './send-token-request.ts'
import { TokenError } from './token-error.ts'
import type { TokenRequest, TokenRequests } from './token-request.ts'
import {
  formatStoreRecord,
  parseStoreRecord,
  type StoredToken,
  type StoreRecord,
  type TokenStore,
} from './token-store.ts'

/** A report of a manager at work. None has a secret in it. */
export type TokenEvent =
  | { readonly type: 'renewed'; readonly by: 'authenticate' | 'refresh' | 'store' }
  | { readonly type: 'refresh_refused'; readonly error: TokenError }
  | { readonly type: 'failed'; readonly error: TokenError }
  | { readonly type: 'store_failed'; readonly error: unknown }

export interface RenewalContext extends SendContext {
  readonly requests: TokenRequests
  readonly store: TokenStore
  readonly refresh: boolean
  readonly report: (event: TokenEvent) => void
}

/** A refresh, and an authentication with its repetition by a corrected clock. */
const MAX_REQUESTS = 3
const LEASE_MARGIN_MS = 5000
const STORE_POLL_MS = 250
/** A clock that moved by so much may have dated an assertion in the future of the server. */
const CLOCK_STEP_MS = 2000
/** Two processes know the clock of the server to two seconds each. */
const CLOCK_DIFFERENCE_MS = 4000
/** A lost answer is repeated once; then the credentials are the surer way. */
const MAX_FAILED_REFRESHES = 2

/** How long a process may take for one renewal, by its own timers. */
export const computeLeaseMs = ({ timeoutMs }: SendContext): number =>
  MAX_REQUESTS * timeoutMs + LEASE_MARGIN_MS

/**
 * Gets new tokens: from the store if another process has renewed them, or from the server, while all
 * others that share the store wait.
 */
export class TokenRenewer {
  readonly #context: RenewalContext
  #failedRefreshes = 0

  constructor(context: RenewalContext) {
    this.#context = context
  }

  /**
   * Returns a token that passes `isWanted`. `mustAuthenticate`: the last token was rejected, so that its
   * refresh token is not worth a try.
   */
  async renew(
    isWanted: (token: StoredToken) => boolean,
    mustAuthenticate: boolean,
  ): Promise<StoredToken> {
    const { report } = this.#context
    let lease: Lease | StoredToken | TokenError
    try {
      lease = await this.#takeLease(isWanted)
    } catch (error) {
      // Without the store, two processes could send the same refresh token, but any number of processes may authenticate.
      report({ type: 'store_failed', error })
      return (await this.#authenticate()).token
    }
    if (lease instanceof TokenError) throw lease
    if ('accessToken' in lease) {
      report({ type: 'renewed', by: 'store' })
      return lease
    }
    let { record } = lease
    try {
      const refreshed = mustAuthenticate ? null : await this.#refresh(record)
      // A refused refresh token is not sent again, even if the authentication fails.
      if (refreshed === null) record = { ...record, refreshToken: undefined }
      const issued = refreshed ?? (await this.#authenticate())
      await this.#release(lease.text, issued)
      return issued.token
    } catch (error) {
      const pause = this.#createPause(error)
      await this.#release(lease.text, { ...record, leaseMs: undefined, pause })
      throw error
    }
  }

  /**
   * Waits until no other process has the lease, and takes it, or finds a wanted token meanwhile. Returns an
   * error while the server has asked all of them to wait.
   */
  async #takeLease(
    isWanted: (token: StoredToken) => boolean,
  ): Promise<Lease | StoredToken | TokenError> {
    const { requests, runtime } = this.#context
    const leaseMs = computeLeaseMs(this.#context)
    let unchanged: { text: string | null; ms: number } = { text: null, ms: 0 }
    for (let waitedMs = 0; waitedMs <= 3 * leaseMs; waitedMs += STORE_POLL_MS) {
      const text = await this.#callStore((store) => store.read())
      const record = parseStoreRecord(text, requests.identity)
      if (record.token !== undefined && isWanted(record.token)) return record.token
      const retryAfterMs = this.#findPauseMs(record)
      if (retryAfterMs > 0) {
        const problem = 'The server has asked to wait.'
        return new TokenError('unavailable', problem, { retryAfterMs })
      }
      if (text !== unchanged.text) unchanged = { text, ms: 0 }
      if (record.leaseMs === undefined || unchanged.ms >= record.leaseMs) {
        const { token, refreshToken } = record
        const leased = formatStoreRecord({ token, refreshToken, leaseMs }, requests.identity)
        if (await this.#callStore((store) => store.compareAndSet(text, leased))) {
          return { text: leased, record }
        }
      }
      await delay(runtime, STORE_POLL_MS)
      unchanged.ms += STORE_POLL_MS
    }
    throw new TokenError('unavailable', 'The lease of the token store never became free.')
  }

  #createPause(error: unknown): StoreRecord['pause'] {
    if (!(error instanceof TokenError) || error.retryAfterMs === undefined) return undefined
    return { endsAt: this.#context.clock.now() + error.retryAfterMs, ms: error.retryAfterMs }
  }

  /** A pause that seems longer than it was has been written or is read by a wrong clock. */
  #findPauseMs({ pause }: StoreRecord): number {
    if (pause === undefined) return 0
    const leftMs = pause.endsAt - this.#context.clock.now()
    return leftMs <= pause.ms + CLOCK_DIFFERENCE_MS ? Math.min(leftMs, pause.ms) : 0
  }

  /** Stores the outcome and ends the lease, unless another process has taken it over. */
  async #release(leased: string, record: StoreRecord): Promise<void> {
    const { requests, report } = this.#context
    try {
      const next = formatStoreRecord(record, requests.identity)
      await this.#callStore((store) => store.compareAndSet(leased, next))
    } catch (error) {
      report({ type: 'store_failed', error })
    }
  }

  /** Returns null if there is no refresh token to try, or if it is refused. */
  async #refresh({ refreshToken }: StoreRecord): Promise<ReceivedTokens | null> {
    const { requests, refresh, report } = this.#context
    const canRefresh = refresh && this.#failedRefreshes < MAX_FAILED_REFRESHES
    if (!canRefresh || requests.refresh === undefined || refreshToken === undefined) return null
    try {
      const issued = await sendTokenRequest(this.#context, requests.refresh(refreshToken))
      this.#failedRefreshes = 0
      report({ type: 'renewed', by: 'refresh' })
      return issued
    } catch (error) {
      if (!(error instanceof TokenError)) throw error
      if (error.code === 'unavailable') {
        this.#failedRefreshes++
        throw error
      }
      report({ type: 'refresh_refused', error })
      return null
    }
  }

  async #authenticate(): Promise<ReceivedTokens> {
    const { clock, report, runtime } = this.#context
    const send = async () => sendTokenRequest(this.#context, await this.#prepareRequest())
    const findOffsetMs = () => clock.now() - runtime.monotonicNow()
    const offsetMs = findOffsetMs()
    const issued = await send().catch((error: TokenError) => {
      const isStep = Math.abs(findOffsetMs() - offsetMs) >= CLOCK_STEP_MS
      if (error.code !== 'refused' || !isStep) throw error
      return send()
    })
    this.#failedRefreshes = 0
    report({ type: 'renewed', by: 'authenticate' })
    return issued
  }

  async #prepareRequest(): Promise<TokenRequest> {
    const { clock, requests } = this.#context
    try {
      return await requests.authenticate(clock.now())
    } catch (cause) {
      if (cause instanceof TokenError) throw cause
      throw new TokenError('unavailable', 'The secret or the signature could not be obtained.', {
        cause,
      })
    }
  }

  /** A store that hangs has failed. */
  async #callStore<T>(call: (store: TokenStore) => Promise<T>): Promise<T> {
    const { runtime, store, timeoutMs } = this.#context
    const result = await waitAtMost(runtime, call(store), timeoutMs)
    if (result !== TIMED_OUT) return result
    throw new TokenError('unavailable', `The token store did not answer in ${timeoutMs} ms.`)
  }
}

interface Lease {
  /** The text that shows the lease. */
  readonly text: string
  readonly record: StoreRecord
}
