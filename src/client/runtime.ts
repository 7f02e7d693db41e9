/** The functions of its machine that the client needs. Tests replace them. */
export interface ClientRuntime {
  readonly fetch: (input: string | Request, init?: RequestInit) => Promise<Response>
  /** Epoch milliseconds by the clock of this machine, which may be wrong and may step. */
  readonly now: () => number
  /** Milliseconds that only go forward, for pauses and deadlines. */
  readonly monotonicNow: () => number
  /** At least 0, below 1. */
  readonly random: () => number
  /** Runs something later. Returns a function that cancels it. */
  readonly setTimer: (run: () => void, ms: number) => () => void
}

export const MACHINE_RUNTIME: ClientRuntime = {
  // Looked up at each call, so that instrumentation which replaces it is used.
  fetch: (input, init) => globalThis.fetch(input, init),
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
  random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
  setTimer(run, ms) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** The answer of `waitAtMost` if the time is over. */
export const TIMED_OUT = Symbol('timed out')

/**
 * Waits for `work`, for at most `ms`. Rejects with the reason of the signal if that comes first. The work
 * itself goes on.
 */
export function waitAtMost<T>(
  { setTimer }: ClientRuntime,
  work: Promise<T>,
  ms: number,
  signal?: AbortSignal,
): Promise<T | typeof TIMED_OUT> {
  return new Promise((resolve, reject) => {
    const abort = () => settle(() => reject(signal?.reason))
    const cancelTimer = setTimer(() => settle(() => resolve(TIMED_OUT)), Math.max(0, ms))
    function settle(end: () => void): void {
      cancelTimer()
      signal?.removeEventListener('abort', abort)
      end()
    }
    if (signal?.aborted === true) return abort()
    signal?.addEventListener('abort', abort)
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    )
  })
}

const NEVER = new Promise<never>(() => undefined)

export async function delay(
  runtime: ClientRuntime,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  await waitAtMost(runtime, NEVER, ms, signal)
}
