import { type Anchor, BEGINNING, type KeptEvent, type Place } from '../domain/chain.ts'
import { isFromFuture } from '../domain/instant.ts'
import { type AuditAnchor, findAnchorBreaks } from './audit-anchor.ts'
import type {
  AuditEvent,
  AuditStorage,
  Clock,
  Facts,
  Log,
  Notary,
  OperatorStorage,
  Random,
} from './ports.ts'

export interface ChainDeps {
  readonly anchor: AuditAnchor
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
 * from where the chain ends, and one of them finds it still ending there. A chain that does not reach
 * its anchor is not sealed any more: sealing it would confirm what somebody else has written.
 */
export function createChain({ storage, anchor, notary, random, clock, log }: ChainDeps) {
  let problem = ''

  /** Gives what was written since the last time its seals, and signs how far that goes. */
  async function seal(): Promise<void> {
    const anchored = await findSoundAnchor()
    if (anchored === null) return
    let known: Place = anchored
    for (let batch = 0; batch < BATCHES; batch++) {
      // The end first: what is sealed meanwhile by others moves it, and then this seals nothing.
      const end = await storage.chainEnd()
      if (isBehind(end, known)) return
      const events = await storage.listUnsealed(BATCH)
      const places = placesAfter(end, events)
      const isSealed = events.length > 0 && (await storage.sealEvents(end, places))
      known = (isSealed ? places.at(-1) : undefined) ?? end
      if (events.length < BATCH) break
    }
    await sign(known)
  }

  /** Reads the anchor. Null, with a line in the log, if the chain does not reach it. */
  async function findSoundAnchor(): Promise<Anchor | null> {
    const found = (await anchor.read()) ?? (await beginAnchor())
    const breaks = await findAnchorBreaks(storage, found)
    const message = breaks.map((one) => one.message).join('; ')
    if (message !== problem) {
      if (message === '') log.info({}, 'the audit is sealed again')
      else log.error({ breaks }, `the audit is not sealed any more: ${message}`)
    }
    problem = message
    return breaks.length === 0 ? found : null
  }

  /**
   * Makes an anchor at the newest checkpoint. A new database gets its anchor before its first event is
   * sealed, so that a chain that lost its anchor can be told from a new one.
   */
  async function beginAnchor(): Promise<Anchor> {
    const checkpoint = await storage.lastCheckpoint()
    // Another process of this machine may have kept an anchor since, and sealed the first events.
    const kept = await anchor.read()
    if (kept !== null) return kept
    const isSigned = checkpoint !== null && (await notary.hasSigned(checkpoint))
    const { sequence, seal, at } = isSigned ? checkpoint : { ...BEGINNING, at: clock() }
    const place = { sequence, seal, at }
    const isMade = await anchor.advance(place)
    const isNew = checkpoint === null && (await storage.chainEnd()).sequence === 0
    if (isMade && !isNew) {
      await storage.addEvent(serverEvent('audit.anchored', { sequence }))
      log.warn(
        { sequence },
        'the audit had no anchor outside the database: a new one was made at the newest checkpoint of ' +
          'the database; if there was an anchor before, compare the audit with an export',
      )
    }
    return { ...place, acceptedAt: 0 }
  }

  function placesAfter(end: Place, events: readonly KeptEvent[]) {
    let { sequence, seal } = end
    return events.map((event) => {
      sequence++
      seal = notary.seal(seal, event, sequence)
      return { id: event.id, sequence, seal }
    })
  }

  async function sign(known: Place): Promise<void> {
    const end = await storage.chainEnd()
    if (isBehind(end, known)) return
    const last = await storage.lastCheckpoint()
    if (end.sequence === (last?.sequence ?? BEGINNING.sequence)) {
      // Another process signed it, and may keep its anchor on another machine.
      if (last !== null && (await notary.hasSigned(last))) await anchor.advance(last)
      return
    }
    const at = clock()
    const checkpoint = await notary.sign({ ...end, at, first: await firstKept() })
    // One an hour is kept, and the newest.
    await storage.addCheckpoint(checkpoint, at - (at % HOUR_MS))
    await anchor.advance(checkpoint)
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
    if ((await findSoundAnchor()) === null) return 0
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
    await storage.addEvent(serverEvent('audit.purged', { ...facts, purged }))
    log.info({ purged }, 'events of the audit that had to be kept no longer were deleted')
  }

  const serverEvent = (action: string, facts: Facts): AuditEvent => ({
    id: random.uuid(),
    at: clock(),
    actor: 'server',
    action,
    subject: 'audit',
    facts,
    requestId: null,
  })

  /** The numbers at which a purge may stop: small steps, so that no deletion takes long. */
  async function checkpointsBetween(first: number, limit: number): Promise<number[]> {
    const now = clock()
    const steps: number[] = []
    let after = { sequence: first - 1, first: Number.MAX_SAFE_INTEGER }
    for (;;) {
      const page = await storage.listCheckpoints(after, BATCH)
      for (const checkpoint of page) {
        // A checkpoint from a fast clock does not show its age; the next one does.
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

const isBehind = (end: Place, known: Place): boolean =>
  end.sequence < known.sequence || (end.sequence === known.sequence && end.seal !== known.seal)

export type Chain = ReturnType<typeof createChain>
