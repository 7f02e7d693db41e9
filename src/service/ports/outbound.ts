import type { Result, UpstreamFailure } from '../../domain/failure.ts'
import { openText, type Sealer } from './crypto.ts'

/** The result of one attempt to reach a destination. */
export type WebhookResult =
  | { readonly outcome: 'delivered'; readonly status: number }
  /** The response was not 2xx. `excerpt`: its first 200 characters. */
  | { readonly outcome: 'refused'; readonly status: number; readonly excerpt: string }
  /** There was no response, so the request may or may not have arrived. */
  | { readonly outcome: 'failed'; readonly detail: string }
  /** Nothing was sent: the address is not allowed, or there is no URL. */
  | {
      readonly outcome: 'forbidden'
      readonly detail: string
      readonly address?: string | undefined
    }

/** Sends messages to destinations. */
export interface WebhookClient {
  /** Sends an asynchronous message. Only a 2xx response is a delivery. */
  deliver(
    destination: WebhookEndpoint,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<WebhookResult>
  /** Sends a synchronous message. Returns the response body, or the failure. */
  sendSynchronous(
    destination: WebhookEndpoint,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<Result<Uint8Array>>
  /** Sends a verification challenge. `challenged`: the response is 2xx and contains the challenge. */
  sendChallenge(
    destination: WebhookEndpoint,
    challenge: string,
    signal: AbortSignal,
  ): Promise<WebhookResult & { readonly challenged: boolean }>
}

export interface WebhookEndpoint {
  readonly id: string
  readonly url: string | null
  /** The method of the verification handshake. */
  readonly method: 'POST' | 'GET'
  readonly development: boolean
  /** The opened token; null if there is none. */
  readonly verificationToken: string | null
}

/** Opens the verification token of a destination as it is stored. */
export async function openWebhookEndpoint(
  sealer: Sealer,
  {
    id,
    url,
    method,
    development,
    sealedToken,
  }: Omit<WebhookEndpoint, 'verificationToken'> & { readonly sealedToken: string | null },
): Promise<WebhookEndpoint> {
  const verificationToken = sealedToken && (await openText(sealer, sealedToken, id))
  return { id, url, method, development, verificationToken }
}

/** One request to a destination. */
export interface OutboundRequest {
  readonly method: 'POST' | 'GET'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
  /** True if plain http is allowed. */
  readonly development: boolean
  /** The number of response bytes that are read at most. */
  readonly maxResponseBytes: number
  readonly signal: AbortSignal
}

/** The response of a destination. */
export interface OutboundResponse {
  readonly status: number
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Uint8Array
  /** False if the response was longer than the limit, or broke off. */
  readonly isComplete: boolean
}

/**
 * The reason for a missing response. Every user who may see the destination may see `detail`, so it
 * contains nothing of the request, and no address that a name resolved to. `address` is only for the
 * command line.
 */
export type OutboundFailure =
  /** Nothing was sent, because the destination is not allowed. */
  | { readonly reason: 'forbidden'; readonly detail: string; readonly address?: string | undefined }
  /** The request may or may not have arrived. */
  | { readonly reason: 'unanswered'; readonly detail: string }

/**
 * Sends one request to an address that domain/ssrf-policy.ts allows. The address is checked for every
 * request, after name resolution if the runtime does that. Redirects are not followed.
 */
export type SendHttp = (
  request: OutboundRequest,
) => Promise<Result<OutboundResponse, OutboundFailure>>

/** One request to an upstream, with the headers that the upstream receives. */
export interface UpstreamRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly body: ReadableStream<Uint8Array> | null
  /** Aborted when the caller is gone. Nothing more of the request may then be sent. */
  readonly signal: AbortSignal
  /** Called if the response has begun and will be incomplete. */
  readonly onTruncated: (failure: UpstreamFailure) => void
}

export type HeaderLines = readonly (readonly [name: string, value: string])[]

/** The response of an upstream, as received. */
export interface UpstreamResponse {
  readonly status: number
  readonly statusText: string
  /** Header lines in their order and spelling. Each character of a value is one byte. */
  readonly headers: HeaderLines
  /** Errors if the upstream breaks off; null if the method or status has no body. */
  readonly body: ReadableStream<Uint8Array> | null
}

/**
 * Sends one request to an upstream and returns its response. Both bodies are streamed with
 * backpressure, content codings are kept, and redirects are not followed. Fails with
 * `upstream_unreachable` or `upstream_timed_out`.
 */
export type UpstreamFetch = (
  request: UpstreamRequest,
) => Promise<Result<UpstreamResponse, UpstreamFailure>>
