import type { GetSharedCounter } from '../../service/ports/runtime.ts'
import type { ListeningAddresses } from '../log.ts'

/** A message from a worker to the primary process, and from there to the other workers. */
export interface WorkerMessage {
  /** The worker's addresses, once it listens. */
  readonly listening?: ListeningAddresses
  /** The worker's counts since its last message. */
  readonly counts?: readonly CountUpdate[]
}

export interface CountUpdate {
  readonly limit: string
  readonly id: string
  readonly count: number
  readonly endsAt: number
}

/** The limits of two workers may differ for this time. */
const SEND_INTERVAL_MS = 20

/** Counts limits together with the other workers: each holds all counts, and sends its own. */
export function createCountExchange(tell: (counts: CountUpdate[]) => void) {
  const pendingCounts = new Map<string, CountUpdate>()
  const counters = new Map<string, (id: string, count: number, endsAt: number) => void>()
  let isScheduled = false

  function scheduleSend(): void {
    if (isScheduled) return
    isScheduled = true
    setTimeout(() => {
      isScheduled = false
      tell([...pendingCounts.values()])
      pendingCounts.clear()
    }, SEND_INTERVAL_MS).unref()
  }

  const share: GetSharedCounter = (limit) => ({
    publish(id, endsAt) {
      const name = `${limit} ${id}`
      const count = (pendingCounts.get(name)?.count ?? 0) + 1
      pendingCounts.set(name, { limit, id, count, endsAt })
      scheduleSend()
    },
    subscribe: (take) => counters.set(limit, take),
  })

  return {
    share,
    hear(counts: readonly CountUpdate[]): void {
      for (const { limit, id, count, endsAt } of counts) counters.get(limit)?.(id, count, endsAt)
    },
  }
}
