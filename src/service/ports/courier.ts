import type { Result } from '../../domain/failure.ts'

/** What came of one attempt to reach a destination. */
export type Attempt =
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
export interface Courier {
  /** An asynchronous message; only a 2xx is a delivery. */
  deliver(destination: DestinationAddress, body: Uint8Array, signal: AbortSignal): Promise<Attempt>
  /** A synchronous one: the answer's body, or why there is none. */
  ask(
    destination: DestinationAddress,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<Result<Uint8Array>>
  /** The handshake: true when the answer is 2xx and holds the challenge. */
  verify(
    destination: DestinationAddress,
    challenge: string,
    signal: AbortSignal,
  ): Promise<Attempt & { readonly challenged: boolean }>
}

export interface DestinationAddress {
  readonly id: string
  readonly url: string | null
  /** Of the verification handshake. */
  readonly method: 'POST' | 'GET'
  readonly development: boolean
  /** Opened; null where it has none. */
  readonly verificationToken: string | null
}

/** One request on its way to a destination. */
export interface Errand {
  readonly method: 'POST' | 'GET'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
  /** Whether plain http is good enough. */
  readonly development: boolean
  /** No more of the answer is read. */
  readonly limitBytes: number
  readonly signal: AbortSignal
}

/** What a destination has answered. */
export interface Answered {
  readonly status: number
  readonly body: Uint8Array
  /** False where there was more than may be read, or it broke off. */
  readonly whole: boolean
}

/**
 * Why there is no answer. Every user who may see the destination may see the detail: it has nothing of
 * the request, and no address that a name resolved to. `address` is only for the command line.
 */
export type Unanswered =
  /** Nothing was sent: it may not be reached. */
  | { readonly reason: 'forbidden'; readonly detail: string; readonly address?: string | undefined }
  /** Nobody knows whether it arrived. */
  | { readonly reason: 'unanswered'; readonly detail: string }

/**
 * Runs one errand to an address that domain/reach.ts lets it: judged at every errand, and after
 * names are resolved where the runtime resolves them. No redirect is followed.
 */
export type Dispatch = (errand: Errand) => Promise<Result<Answered, Unanswered>>
