import { z } from '@hono/zod-openapi'
import { type Failure, fail, ok, type Result } from '../../domain/failure.ts'
import { explainRefusal, factsOf } from '../../domain/refusal.ts'
import type { Incoming, Receipt } from '../../service/accept.ts'
import type { Done } from '../../service/operator.ts'
import type { Reply } from '../reply.ts'
import type { Asker } from './operation.ts'

/** Reads and answers a message in the words of its vendor. */
export interface TestBench {
  send(
    text: string,
    carry: (message: Incoming) => Promise<Result<Receipt>>,
    signal: AbortSignal,
  ): Promise<{ readonly reply: Reply; readonly failure: Failure | null }>
}

export const tested = z
  .object({
    messageId: z.string().nullable().openapi({
      description: 'Where it is stored; null where it was refused, or carried straight on',
    }),
    status: z.number().int().openapi({ description: 'That the vendor’s program would get' }),
    answer: z.string().openapi({ description: 'The body that it would get' }),
    refusal: z
      .object({ reason: z.string(), sentence: z.string(), advice: z.string().nullable() })
      .nullable()
      .openapi({ description: 'Why, where it was refused: what the vendor is not told' }),
  })
  .openapi('Tested')

/** A message that a person sends as a source would. */
export async function sendTest(
  { desk, id, caller, signal, testBench }: Asker,
  message: object,
): Promise<Done<z.output<typeof tested>>> {
  const key = await desk.routes.findKeyOf(id)
  if (!key.ok) return key
  let messageId: string | null = null
  let refused: Awaited<ReturnType<typeof desk.messages.sendTest>> | null = null
  const { reply, failure } = await testBench.send(
    JSON.stringify(message),
    async (incoming) => {
      const sent = await desk.messages.sendTest(id, incoming, caller)
      if (!sent.ok) {
        refused = sent
        return fail({ reason: 'key_unknown' })
      }
      messageId = sent.value.messageId
      return sent.value.result
    },
    signal,
  )
  if (refused !== null) return refused
  const refusal =
    failure === null ? null : { reason: failure.reason, ...explainRefusal(factsOf(failure)) }
  return ok({ messageId, status: reply.status, answer: reply.body, refusal })
}
