import type { Result, UpstreamFailure } from '../../domain/failure.ts'

/** What came of one attempt to reach a destination. */
export type WebhookResult =
  | { readonly outcome: 'delivered'; readonly status: number }
  /** It answered, but not 2xx. `excerpt`: the first 200 characters of its answer. */
  | { readonly outcome: 'refused'; readonly status: number; readonly excerpt: string }
  /** No answer: nobody knows whether it arrived. */
  | { readonly outcome: 'failed'; readonly detail: string }
  /** Not tried: the address is not allowed, or there is no URL. */
  | {
      readonly outcome: 'forbidden'
      readonly detail: string
      readonly address?: string | undefined
    }

/** Carries messages to destinations. */
export interface WebhookClient {
  /** An asynchronous message; only a 2xx is a delivery. */
  deliver(
    destination: WebhookEndpoint,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<WebhookResult>
  /** A synchronous one: the answer's body, or why there is none. */
  sendSynchronous(
    destination: WebhookEndpoint,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<Result<Uint8Array>>
  /** The handshake: true when the answer is 2xx and holds the challenge. */
  sendChallenge(
    destination: WebhookEndpoint,
    challenge: string,
    signal: AbortSignal,
  ): Promise<WebhookResult & { readonly challenged: boolean }>
}

export interface WebhookEndpoint {
  readonly id: string
  readonly url: string | null
  /** Of the verification handshake. */
  readonly method: 'POST' | 'GET'
  readonly development: boolean
  /** Opened; null where it has none. */
  readonly verificationToken: string | null
}

/** One request on its way to a destination. */
export interface OutboundRequest {
  readonly method: 'POST' | 'GET'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
  /** Whether plain http is good enough. */
  readonly development: boolean
  /** No more of the answer is read. */
  readonly maxResponseBytes: number
  readonly signal: AbortSignal
}

/** What a destination has answered. */
export interface OutboundResponse {
  readonly status: number
  readonly body: Uint8Array
  /** False where there was more than may be read, or it broke off. */
  readonly isComplete: boolean
}

/**
 * Why there is no answer. Every user who may see the destination may see the detail: it has nothing of
 * the request, and no address that a name resolved to. `address` is only for the command line.
 */
export type OutboundFailure =
  /** Nothing was sent: it may not be reached. */
  | { readonly reason: 'forbidden'; readonly detail: string; readonly address?: string | undefined }
  /** Nobody knows whether it arrived. */
  | { readonly reason: 'unanswered'; readonly detail: string }

/**
 * Runs one errand to an address that domain/reach.ts lets it: judged at every errand, and after
 * names are resolved where the runtime resolves them. No redirect is followed.
 */
export type SendHttp = (
  request: OutboundRequest,
) => Promise<Result<OutboundResponse, OutboundFailure>>

/** One request on its way to an upstream: its headers are those that the upstream is to see. */
export interface UpstreamRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly body: ReadableStream<Uint8Array> | null
  /** Aborted when the caller is gone: then nothing of the request may go on. */
  readonly signal: AbortSignal
  /** Told once the answer has begun and will not be whole. */
  readonly onTruncated: (failure: UpstreamFailure) => void
}

export type HeaderLines = readonly (readonly [name: string, value: string])[]

/** What an upstream has answered, as it stood on the wire. */
export interface UpstreamResponse {
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
export type UpstreamFetch = (
  request: UpstreamRequest,
) => Promise<Result<UpstreamResponse, UpstreamFailure>>
