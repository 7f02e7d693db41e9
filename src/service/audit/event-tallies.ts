import type { AuditEvent } from '../ports/audit.ts'
import { TupleMap } from '../tuple-map.ts'

export interface BufferedEvent {
  readonly event: AuditEvent
  /** True if the caller was not authenticated. */
  readonly isUnauthenticated: boolean
}

/** Events that are recorded as one: the first of them, and their number. */
interface Tally {
  readonly first: BufferedEvent
  count: number
}

/** Similar events: the number of those that were recorded one by one, and the others. */
export interface SimilarEvents {
  recorded: number
  tally: Tally | null
}

/** Counts the events that are not recorded one by one: similar ones together, and the rest by reason. */
export class EventTallies {
  readonly #kinds = new TupleMap<SimilarEvents>()
  readonly #reasons = new TupleMap<Tally>()

  /** The number of kinds of which events were recorded. */
  get kindCount(): number {
    return this.#kinds.values.length
  }

  /** Finds the events of a kind, if some were recorded. */
  findSimilar(kind: readonly unknown[]): SimilarEvents | undefined {
    return this.#kinds.get(kind)
  }

  /** Notes that the first event of a kind is recorded. */
  addKind(kind: readonly unknown[]): void {
    this.#kinds.add(kind, { recorded: 1, tally: null })
  }

  /** Counts an event of a kind of which events were recorded. */
  countSimilar(similar: SimilarEvents, createFirst: () => BufferedEvent): void {
    similar.tally ??= { first: createFirst(), count: 0 }
    similar.tally.count++
  }

  countByReason(reason: readonly unknown[], createFirst: () => BufferedEvent): void {
    const reasons = this.#reasons
    const tally = reasons.get(reason) ?? reasons.add(reason, { first: createFirst(), count: 0 })
    tally.count++
  }

  /** Creates an event for each count. */
  listEvents(): BufferedEvent[] {
    return [...this.#kinds.values.map(({ tally }) => tally), ...this.#reasons.values]
      .filter((tally) => tally !== null)
      .map(({ first: { event, isUnauthenticated }, count }) => ({
        event: { ...event, facts: { ...event.facts, count } },
        isUnauthenticated,
      }))
  }
}
