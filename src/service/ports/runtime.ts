/** What a fast adapter answers at once and a remote one answers later. Await it either way. */
export type Maybe<T> = T | Promise<T>

/** Epoch milliseconds. */
export type Clock = () => number

/** Told of work that nobody waits for, so that it is done although the answer is out. */
export type KeepAlive = (work: Promise<unknown>) => void

/** Words for the operator. Never a secret, a token or a payload. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** What is counted against a limit by several processes together. */
export interface SharedCounter {
  /** Tells the others that this process has counted one more of `id`, in a window that ends then. */
  publish(id: string, endsAt: number): void
  /** `take` is called with what the others have counted. */
  subscribe(onCount: (id: string, count: number, endsAt: number) => void): void
}

/** The sharing of the limit that has this name; undefined where a process is alone. */
export type GetSharedCounter = (limit: string) => SharedCounter | undefined

export interface Random {
  /** A UUIDv7 (RFC 9562 §5.7): time-ordered, so that inserts append. */
  uuid(): string
  /** A random safe integer: the id of what is stored nowhere, for clients that want numbers. */
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
