import type { Failure } from '../domain/failure.ts'
import { isReason, type Known } from '../domain/refusal.ts'
import type { Reply } from './reply.ts'

/** What a caller was told who was refused on a surface, as far as the audit has kept it. */
export type Answered = (surface: string, known: Known, path: string) => Reply | null

type Words = (failure: Failure, path: string) => Reply

/** In place of what the caller had typed: that is not kept. */
const NOT_KEPT = '…'
const TYPED = {
  detail: NOT_KEPT,
  member: NOT_KEPT,
  field: NOT_KEPT,
  dataModel: NOT_KEPT,
  eventType: NOT_KEPT,
  sourceId: NOT_KEPT,
  destinationId: NOT_KEPT,
}

/** `words`: how each surface says no, by the name that the audit has for it. */
export function createAnswered(words: Readonly<Record<string, Words>>): Answered {
  return (surface, known, path) => {
    const says = Object.hasOwn(words, surface) ? words[surface] : undefined
    if (says === undefined || !isReason(known.reason)) return null
    return says({ ...TYPED, ...known } as unknown as Failure, path)
  }
}
