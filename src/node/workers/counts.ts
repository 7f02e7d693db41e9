import type { Share } from '../../service/ports.ts'
import type { Count } from './words.ts'

/** So long may the limits of two workers differ. */
const TELL_EVERY_MS = 20

/** Counts limits together with the other workers: each keeps all the counts, and tells its own. */
export function shareCounts(tell: (counts: Count[]) => void) {
  const untold = new Map<string, Count>()
  const takers = new Map<string, (id: string, spent: number, endsAt: number) => void>()
  let telling = false

  function tellSoon(): void {
    if (telling) return
    telling = true
    setTimeout(() => {
      telling = false
      tell([...untold.values()])
      untold.clear()
    }, TELL_EVERY_MS).unref()
  }

  const share: Share = (limit) => ({
    tell(id, endsAt) {
      const name = `${limit} ${id}`
      const spent = (untold.get(name)?.spent ?? 0) + 1
      untold.set(name, { limit, id, spent, endsAt })
      tellSoon()
    },
    hear: (take) => takers.set(limit, take),
  })

  return {
    share,
    hear(counts: readonly Count[]): void {
      for (const { limit, id, spent, endsAt } of counts) takers.get(limit)?.(id, spent, endsAt)
    },
  }
}
