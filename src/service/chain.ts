import { BEGINNING, type KeptEvent, type Place } from '../domain/chain.ts'
import { isFromFuture } from '../domain/instant.ts'
import type { AuditStorage, Clock, Log, Notary, OperatorStorage, Random } from './ports.ts'

export interface ChainDeps {
  readonly storage: AuditStorage & Pick<OperatorStorage, 'addEvent'>
  readonly notary: Notary
  readonly random: Random
  readonly clock: Clock
  readonly log: Log
}

/** Sealed in one atomic list: few milliseconds, so that no request waits behind it for long. */
const BATCH = 200
/** A million events without a seal, after a migration, are a matter of minutes in the background. */
const BATCHES = 50
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/**
 * Makes the audit a chain. Any number of processes may do so at once: each works out what comes next
 * from where the chain ends, and one of them finds it still ending there.
 */
export function createChain({ storage, notary, random, clock, log }: ChainDeps) {
  /** Gives what was written since the last time its seals, and signs how far that goes. */
  async function seal(): Promise<void> {
    for (let batch = 0; batch < BATCHES; batch++) {
      // The end first: what is sealed meanwhile by others moves it, and then this seals nothing.
      const end = await storage.chainEnd()
      const events = await storage.listUnsealed(BATCH)
      if (events.length > 0) await storage.sealEvents(end, placesAfter(end, events))
      if (events.length < BATCH) break
    }
    await sign()
  }

  function placesAfter(end: Place, events: readonly KeptEvent[]) {
    let { sequence, seal } = end
    return events.map((event) => {
      sequence++
      seal = notary.seal(seal, event, sequence)
      return { id: event.id, sequence, seal }
    })
  }

  async function sign(): Promise<void> {
    const end = await storage.chainEnd()
    const last = await storage.lastCheckpoint()
    if (end.sequence === (last?.sequence ?? BEGINNING.sequence)) return
    const at = clock()
    const checkpoint = await notary.sign({ ...end, at, first: await firstKept() })
    // One an hour is kept, and the newest.
    await storage.addCheckpoint(checkpoint, at - (at % HOUR_MS))
  }

  /** The number of the event that the chain begins with. Nothing is signed that somebody else has written. */
  async function firstKept(): Promise<number> {
    const checkpoint = await storage.beginningCheckpoint()
    if (checkpoint === null) return BEGINNING.sequence + 1
    if (await notary.hasSigned(checkpoint)) return checkpoint.first
    throw new Error(`checkpoint ${checkpoint.sequence} of the audit was not signed here`)
  }

  /**
   * Deletes the events from before this moment, a day's at a time, and answers how many. What is kept
   * stays verifiable: a checkpoint stands for what went.
   */
  async function purge(before: number): Promise<number> {
    const limit = before - (before % DAY_MS)
    const first = await firstKept()
    const steps = await checkpointsBetween(first, limit)
    let purged = 0
    for (const sequence of steps) {
      const end = await storage.chainEnd()
      const checkpoint = await notary.sign({ ...end, at: clock(), first: sequence + 1 })
      purged += await storage.purgeEvents(checkpoint)
    }
    // Of servers that purge at once, the others deleted nothing.
    if (purged > 0) await tell(purged, { from: first, to: steps.at(-1) ?? first })
    return purged
  }

  async function tell(purged: number, facts: { from: number; to: number }): Promise<void> {
    await storage.addEvent({
      id: random.uuid(),
      at: clock(),
      actor: 'server',
      action: 'audit.purged',
      subject: 'audit',
      facts: { ...facts, purged },
      requestId: null,
    })
    log.info({ purged }, 'events of the audit that had to be kept no longer were deleted')
  }

  /** The numbers at which a purge may stop: small steps, so that no deletion takes long. */
  async function checkpointsBetween(first: number, limit: number): Promise<number[]> {
    const now = clock()
    const steps: number[] = []
    let after = { sequence: first - 1, first: Number.MAX_SAFE_INTEGER }
    for (;;) {
      const page = await storage.listCheckpoints(after, BATCH)
      for (const checkpoint of page) {
        // Written while the clock was ahead, it tells no age; the next one does.
        if (isFromFuture(checkpoint.at, now)) continue
        if (checkpoint.at >= limit) return steps
        if (!(await notary.hasSigned(checkpoint))) {
          throw new Error(`checkpoint ${checkpoint.sequence} of the audit was not signed here`)
        }
        if (checkpoint.sequence !== steps.at(-1)) steps.push(checkpoint.sequence)
      }
      const last = page.at(-1)
      if (last === undefined) return steps
      after = last
    }
  }

  return { seal, purge }
}

export type Chain = ReturnType<typeof createChain>
