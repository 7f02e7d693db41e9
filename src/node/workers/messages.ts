import type { GetSharedCounter } from '../../service/ports/runtime.ts'
import type { ListeningAddresses } from '../startup-log.ts'

/** What a worker tells the process above it, and that process the others. */
export interface WorkerMessage {
  /** It listens. */
  readonly listening?: ListeningAddresses
  /** What it has counted since it last told. */
  readonly counts?: readonly CountUpdate[]
}

export interface CountUpdate {
  readonly limit: string
  readonly id: string
  readonly spent: number
  readonly endsAt: number
}

/** So long may the limits of two workers differ. */
const SEND_INTERVAL_MS = 20

/** Counts limits together with the other workers: each keeps all the counts, and tells its own. */
export function createCountExchange(tell: (counts: CountUpdate[]) => void) {
  const pendingCounts = new Map<string, CountUpdate>()
  const counters = new Map<string, (id: string, spent: number, endsAt: number) => void>()
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
      const spent = (pendingCounts.get(name)?.spent ?? 0) + 1
      pendingCounts.set(name, { limit, id, spent, endsAt })
      scheduleSend()
    },
    subscribe: (take) => counters.set(limit, take),
  })

  return {
    share,
    hear(counts: readonly CountUpdate[]): void {
      for (const { limit, id, spent, endsAt } of counts) counters.get(limit)?.(id, spent, endsAt)
    },
  }
}
