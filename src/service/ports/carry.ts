import type { Result, UpstreamFailed } from '../../domain/failure.ts'

/** One request on its way to an upstream: its headers are those that the upstream is to see. */
export interface Outward {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly body: ReadableStream<Uint8Array> | null
  /** Aborted when the caller is gone: then nothing of the request may go on. */
  readonly signal: AbortSignal
  /** Told once the answer has begun and will not be whole. */
  readonly brokeOff: (failure: UpstreamFailed) => void
}

export type HeaderLines = readonly (readonly [name: string, value: string])[]

/** What an upstream has answered, as it stood on the wire. */
export interface Answer {
  readonly status: number
  readonly statusText: string
  /** Header lines in their order and spelling. Each character of a value is one byte. */
  readonly headers: HeaderLines
  /** Errors where the upstream breaks off; null where the method or the status has none. */
  readonly body: ReadableStream<Uint8Array> | null
}

/**
 * Carries one request to an upstream and its answer back: both bodies as they come, at the pace of
 * who reads them, no content coding undone, no redirect followed. Fails with `upstream_unreachable`
 * or `upstream_timed_out`.
 */
export type Carry = (outward: Outward) => Promise<Result<Answer, UpstreamFailed>>
