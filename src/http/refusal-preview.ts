import type { Failure } from '../domain/failure.ts'
import { isFailureReason, type RefusalFacts } from '../domain/refusal-text.ts'
import type { Reply } from './reply.ts'

/** What a caller was told who was refused on a surface, as far as the audit has kept it. */
export type PreviewRefusal = (surface: string, known: RefusalFacts, path: string) => Reply | null

type CreateRefusalReply = (failure: Failure, path: string) => Reply

/** In place of what the caller had typed: that is not kept. */
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

/** `words`: how each surface says no, by the name that the audit has for it. */
export function createPreviewRefusal(
  refusers: Readonly<Record<string, CreateRefusalReply>>,
): PreviewRefusal {
  return (surface, known, path) => {
    const refuse = Object.hasOwn(refusers, surface) ? refusers[surface] : undefined
    if (refuse === undefined || !isFailureReason(known.reason)) return null
    return refuse({ ...REDACTED_FIELDS, ...known } as unknown as Failure, path)
  }
}
