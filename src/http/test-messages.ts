import type { ActorServices } from '../service/actor-services.ts'
import type { Caller } from '../service/audit/buffer.ts'
import type { ServiceResult } from '../service/service-result.ts'
import type { Reply } from './reply.ts'

/** What came of a message that a person has sent. */
export interface TestMessageReply {
  /** Where it is stored; null where it was refused, or carried straight on. */
  readonly messageId: string | null
  /** The answer as the vendor's program would get it. */
  readonly reply: Reply
  /** Why, where it was refused: what the vendor is not told. */
  readonly refusal: {
    readonly reason: string
    readonly sentence: string
    readonly advice: string | null
  } | null
}

/** Messages that people send, in the words of their vendor: by the console, the API and the command line. */
export interface TestMessages {
  /** A body that is accepted as it stands, and says that it is a test. */
  createSampleMessage(options: {
    readonly dataModel: string
    readonly eventType: string
    readonly sourceId: string
    readonly destinationId: string
    readonly now: number
  }): string
  /** Reads, judges and answers it as at the vendor's endpoint. */
  send(
    services: Pick<ActorServices, 'routing' | 'messages'>,
    message: { readonly sourceId: string; readonly text: string },
    caller: Caller,
    signal: AbortSignal,
  ): Promise<ServiceResult<TestMessageReply>>
}
