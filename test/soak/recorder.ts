import { type Arrival, type Ledger, type Mark, nameOf, type Sent, type Trouble } from './ledger.ts'

/** Keeps the ledger while it is written, and knows how far everybody has got. */
export function createRecorder() {
  const sent: Sent[] = []
  const arrivals: Arrival[] = []
  const troubles: Trouble[] = []
  const taken = new Set<string>()
  const requests = new Map<string, number>()
  let moment = 0
  let acknowledged = 0
  let promised = 0

  return {
    ledger: { sent, arrivals, troubles } satisfies Ledger,
    requests,
    /** A moment of its own. */
    tick: () => ++moment,

    send(mark: Mark, destinations: readonly number[]): Sent {
      const one = { ...mark, destinations, isAcknowledged: false }
      sent.push(one)
      return one
    },
    acknowledge(one: Sent): void {
      one.isAcknowledged = true
      acknowledged++
      promised += one.destinations.length
    },

    trouble(one: Trouble): void {
      troubles.push(one)
    },

    /** A request came to a destination, which does this with it. */
    request(conduct: string): void {
      requests.set(conduct, (requests.get(conduct) ?? 0) + 1)
    },
    arrive(arrival: Arrival): Arrival {
      arrivals.push(arrival)
      return arrival
    },
    end(arrival: Arrival, ending: Arrival['ending']): void {
      Object.assign(arrival, { ending, ended: ++moment, endedAt: Date.now() })
      if (ending === 'taken' || ending === 'broken_off') {
        taken.add(`${nameOf(arrival)} ${arrival.destination}`)
      }
    },

    acknowledged: () => acknowledged,
    /** Deliveries that destinations have answered 2xx. */
    taken: () => taken.size,
    /** How many deliveries are promised, and not there yet. (Roughly: some were not promised.) */
    outstanding: () => promised - taken.size,
  }
}

export type Recorder = ReturnType<typeof createRecorder>
