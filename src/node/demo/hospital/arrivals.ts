/** A request that reached the hospital, and what came of it. */
export interface Arrival {
  /** An instant, as toISOString writes it. */
  readonly at: string
  readonly kind: 'handshake' | 'message'
  readonly dataModel: string
  readonly eventType: string
  /** `Meta.Source`: its name and its id. */
  readonly source: string
  /** The status that it was answered with. */
  readonly answered: number
  readonly body: string
}

const KEPT = 50
/** A message may be 40 MB; a person reads its beginning. */
const SHOWN_CHARACTERS = 64 * 1024

/** The last arrivals, in memory, the newest first. */
export function createArrivals() {
  const kept: Arrival[] = []

  return {
    add(arrival: Omit<Arrival, 'at'>): void {
      const body = arrival.body.slice(0, SHOWN_CHARACTERS)
      kept.unshift({ at: new Date().toISOString(), ...arrival, body })
      kept.splice(KEPT)
    },
    list: (): readonly Arrival[] => kept,
  }
}
