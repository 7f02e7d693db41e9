import type { Failure, Result } from '../../../domain/failure.ts'
import type { Incoming, Receipt } from '../../../service/accept.ts'
import type { Reply } from '../../reply.ts'

/** Messages in the words of their vendor. */
export interface MessageScreenDeps {
  readonly testBench: {
    /** A body that is accepted as it stands, and says that it is a test. */
    sampleOf(asked: {
      readonly dataModel: string
      readonly eventType: string
      readonly sourceId: string
      readonly destinationId: string
      readonly now: number
    }): string
    /** The answer as the vendor gets it, and why where it is a refusal. */
    send(
      text: string,
      carry: (message: Incoming) => Promise<Result<Receipt>>,
      signal: AbortSignal,
    ): Promise<{ readonly reply: Reply; readonly failure: Failure | null }>
  }
}
