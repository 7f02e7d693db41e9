/** A result that a fast adapter returns synchronously, and a remote one asynchronously. Always await it. */
export type MaybePromise<T> = T | Promise<T>

/** Converts a result, at once if it is there already: an await would take another turn of the microtask queue. */
export const mapMaybePromise = <T, U>(result: MaybePromise<T>, convert: (value: T) => U) =>
  (result instanceof Promise ? result.then(convert) : convert(result)) as MaybePromise<U>

/** Epoch milliseconds. */
export type Clock = () => number

/** Registers background work, so that the runtime completes it after the response. */
export type KeepAlive = (work: Promise<unknown>) => void

/** The operator's log. It never contains a secret, a token or a payload. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** Shares the counts of a limit between processes. */
export interface SharedCounter {
  /**
   * Tells the other processes that this one counted one more of `id`, in a window that ends at
   * `endsAt`.
   */
  publish(id: string, endsAt: number): void
  /** Calls `onCount` with the counts of the other processes. */
  subscribe(onCount: (id: string, count: number, endsAt: number) => void): void
}

/** Returns the shared counter of the named limit; undefined if the process is alone. */
export type GetSharedCounter = (limit: string) => SharedCounter | undefined

export interface Random {
  /** A UUIDv7 (RFC 9562 §5.7): time-ordered, so that inserts append. */
  uuid(): string
  /** A random safe integer: a numeric id that is stored nowhere. */
  serial(): number
  /** A UUIDv4: an id that is stored nowhere. */
  requestId(): string
  /** 256 random bits as text that survives a shell, a URL and a header, with a checksum. */
  secret(): string
  /** 16 characters of A–Z and 0–9: 82 bits, for formats that leave no more room. */
  code(): string
  /** 128 random bits, base64url. */
  salt(): string
}
