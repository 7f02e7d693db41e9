import type { ActorServices } from '../actor-services.ts'
import type { Caller } from '../caller.ts'
import type { ServiceResult } from '../service-result.ts'

/** The result of a test message. */
export interface TestMessageReply {
  /** The stored message; null if it was refused, or was a synchronous query. */
  readonly messageId: string | null
  /** The reply that the vendor's program would receive. */
  readonly reply: {
    readonly status: number
    readonly type: string
    readonly body: string
    readonly headers?: Readonly<Record<string, string>>
  }
  /** The reason of a refusal, which the vendor does not see. */
  readonly refusal: {
    readonly reason: string
    readonly sentence: string
    readonly advice: string | null
  } | null
}

/** Test messages in the vendor's format, from the console, the API and the command line. */
export interface TestMessages {
  /** Writes a valid message that is marked as a test. */
  createSampleMessage(options: SampleOptions): string
  /** Handles the message as the vendor's endpoint does. */
  send(
    services: Pick<ActorServices, 'sources' | 'messages'>,
    message: { readonly sourceId: string; readonly text: string },
    caller: Caller,
    signal: AbortSignal,
  ): Promise<ServiceResult<TestMessageReply>>
}

export interface SampleOptions {
  readonly dataModel: string
  readonly eventType: string
  readonly sourceId: string
  readonly destinationId: string
  readonly now: number
}
