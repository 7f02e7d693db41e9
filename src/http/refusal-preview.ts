import type { Failure } from '../domain/failure.ts'
import { isFailureReason, type RefusalFacts } from '../domain/refusal-text.ts'
import type { Reply } from './reply.ts'

/** Reconstructs the reply to a refused request from the facts in the audit. */
export type PreviewRefusal = (surface: string, known: RefusalFacts, path: string) => Reply | null

type CreateRefusalReply = (failure: Failure, path: string) => Reply

/** Stands for the caller's own text, which the audit does not keep. */
const REDACTED_TEXT = '…'
const REDACTED_FIELDS = {
  detail: REDACTED_TEXT,
  member: REDACTED_TEXT,
  field: REDACTED_TEXT,
  dataModel: REDACTED_TEXT,
  eventType: REDACTED_TEXT,
  sourceId: REDACTED_TEXT,
  destinationId: REDACTED_TEXT,
}

/** `refusers` has each surface's refusal function, by the surface's name in the audit. */
export function createPreviewRefusal(
  refusers: Readonly<Record<string, CreateRefusalReply>>,
): PreviewRefusal {
  return (surface, known, path) => {
    const refuse = Object.hasOwn(refusers, surface) ? refusers[surface] : undefined
    if (refuse === undefined || !isFailureReason(known.reason)) return null
    return refuse({ ...REDACTED_FIELDS, ...known } as unknown as Failure, path)
  }
}
