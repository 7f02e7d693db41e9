import {
  CHAIN_START,
  type ChainAnchor,
  type ChainPosition,
  pickLaterAnchor,
  type UnsealedEvent,
} from '../../domain/audit-chain.ts'
import { DAY_MS, HOUR_MS, isFromFuture } from '../../domain/instant.ts'
import { sleep } from '../long-work.ts'
import type {
  AnchorStore,
  AuditEvent,
  AuditEventFacts,
  AuditSigner,
  AuditStorage,
} from '../ports/audit.ts'
import type { Clock, Log, Random } from '../ports/runtime.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import type { ChainBreak } from './verify.ts'

export interface AuditChainDeps {
  readonly anchor: AuditAnchor
  readonly storage: AuditStorage & Pick<ResourceStorage, 'addEvent'>
  readonly auditSigner: AuditSigner
  readonly random: Random
  readonly clock: Clock
  readonly log: Log
}

/** The number of events that one atomic write seals: about a millisecond, so that no request waits long. */
const SEAL_BATCH_SIZE = 40
/** The limit of one run. A million unsealed events after a migration take minutes in the background. */
const MAX_SEAL_BATCHES = 250
/** Requests go on between two batches, of which an import of keys causes many. */
const SEAL_PAUSE_MS = 2
const CHECKPOINT_PAGE_SIZE = 200

/**
 * Seals the audit events into a chain. Any number of processes may do so: each computes seals from the
 * chain's end, and only one of them still finds that end when it writes. A chain that does not reach
 * its anchor is no longer sealed, because sealing would confirm forged events.
 */
export class AuditChain {
  readonly #deps: AuditChainDeps
  #lastProblem = ''

  constructor(deps: AuditChainDeps) {
    this.#deps = deps
  }

  /** Seals the events since the last run, and signs the new end of the chain. */
  async seal(): Promise<void> {
    const { storage } = this.#deps
    const soundAnchor = await this.#findSoundAnchor()
    if (soundAnchor === null) return
    let knownEnd: ChainPosition = soundAnchor
    for (let batch = 0; batch < MAX_SEAL_BATCHES; batch++) {
      // The end is read first. If another process seals meanwhile, the end moves and this process
      // seals nothing.
      const end = await storage.findChainEnd()
      if (hasDiverged(end, knownEnd)) return
      const events = await storage.listUnsealedEvents(SEAL_BATCH_SIZE)
      const positions = this.#sealAfter(end, events)
      const isSealed = events.length > 0 && (await storage.sealEvents(end, positions))
      knownEnd = (isSealed ? positions.at(-1) : undefined) ?? end
      if (events.length < SEAL_BATCH_SIZE) break
      await sleep(SEAL_PAUSE_MS)
    }
    await this.#signChainEnd(knownEnd)
  }

  /** Returns the anchor. If the chain does not reach it, logs that and returns null. */
  async #findSoundAnchor(): Promise<ChainAnchor | null> {
    const { storage, anchor, log } = this.#deps
    const current = (await anchor.read()) ?? (await this.#createAnchor())
    const breaks = await findAnchorBreaks(storage, current)
    const message = breaks.map((item) => item.message).join('; ')
    if (message !== this.#lastProblem) {
      if (message === '') log.info({}, 'sealing of the audit continues')
      else log.error({ breaks }, `sealing of the audit stopped: ${message}`)
    }
    this.#lastProblem = message
    return breaks.length === 0 ? current : null
  }

  /**
   * Creates an anchor at the newest checkpoint. A new database gets its anchor before its first event
   * is sealed, so that it differs from a chain that lost its anchor.
   */
  async #createAnchor(): Promise<ChainAnchor> {
    const { storage, anchor, auditSigner, clock, log } = this.#deps
    const checkpoint = await storage.findLastCheckpoint()
    // Another process of this machine may have stored an anchor since, and sealed the first events.
    const storedAnchor = await anchor.read()
    if (storedAnchor !== null) return storedAnchor
    const isSigned = checkpoint !== null && (await auditSigner.isSignedCheckpoint(checkpoint))
    const { sequence, seal, at } = isSigned ? checkpoint : { ...CHAIN_START, at: clock() }
    const position = { sequence, seal, at }
    const isMade = await anchor.advance(position)
    const isNew = checkpoint === null && (await storage.findChainEnd()).sequence === 0
    if (isMade && !isNew) {
      await storage.addEvent(this.#createServerEvent('audit.anchored', { sequence }))
      log.warn(
        { sequence },
        'the audit had no anchor outside the database, so Latchkey created one at the newest ' +
          'checkpoint. If there was an anchor before, compare the audit with an export.',
      )
    }
    return { ...position, acceptedAt: 0 }
  }

  #sealAfter(end: ChainPosition, events: readonly UnsealedEvent[]) {
    const { auditSigner } = this.#deps
    let { sequence, seal } = end
    return events.map((event) => {
      sequence++
      seal = auditSigner.seal(seal, event, sequence)
      return { id: event.id, sequence, seal }
    })
  }

  async #signChainEnd(knownEnd: ChainPosition): Promise<void> {
    const { storage, anchor, auditSigner, clock } = this.#deps
    const end = await storage.findChainEnd()
    if (hasDiverged(end, knownEnd)) return
    const last = await storage.findLastCheckpoint()
    if (end.sequence === (last?.sequence ?? CHAIN_START.sequence)) {
      // Another process signed it, and may keep its anchor on another machine.
      if (last !== null && (await auditSigner.isSignedCheckpoint(last))) await anchor.advance(last)
      return
    }
    const at = clock()
    const checkpoint = await auditSigner.signCheckpoint({
      ...end,
      at,
      first: await this.#findFirstSequence(),
    })
    // Storage keeps one checkpoint per hour, and the newest.
    await storage.addCheckpoint(checkpoint, at - (at % HOUR_MS))
    await anchor.advance(checkpoint)
  }

  /** Returns the number of the first stored event. Throws if its checkpoint was not signed here. */
  async #findFirstSequence(): Promise<number> {
    const { storage, auditSigner } = this.#deps
    const checkpoint = await storage.findStartCheckpoint()
    if (checkpoint === null) return CHAIN_START.sequence + 1
    if (await auditSigner.isSignedCheckpoint(checkpoint)) return checkpoint.first
    throw new Error(
      `checkpoint ${checkpoint.sequence} of the audit is not signed with this key ring`,
    )
  }

  /**
   * Deletes the events of whole days before this time, in small steps, and returns how many. The chain
   * stays verifiable, because a checkpoint replaces the deleted events.
   */
  async purge(before: number): Promise<number> {
    const { storage, auditSigner, clock } = this.#deps
    if ((await this.#findSoundAnchor()) === null) return 0
    const limit = before - (before % DAY_MS)
    const first = await this.#findFirstSequence()
    const steps = await this.#listPurgeSteps(first, limit)
    let purged = 0
    for (const sequence of steps) {
      const end = await storage.findChainEnd()
      const checkpoint = await auditSigner.signCheckpoint({
        ...end,
        at: clock(),
        first: sequence + 1,
      })
      purged += await storage.purgeEvents(checkpoint)
    }
    // If several servers purge at once, a server that deleted nothing records nothing.
    if (purged > 0) await this.#recordPurge(purged, { from: first, to: steps.at(-1) ?? first })
    return purged
  }

  async #recordPurge(purged: number, facts: { from: number; to: number }): Promise<void> {
    const { storage, log } = this.#deps
    await storage.addEvent(this.#createServerEvent('audit.purged', { ...facts, purged }))
    log.info({ purged }, 'audit events older than the retention period were deleted')
  }

  #createServerEvent(action: string, facts: AuditEventFacts): AuditEvent {
    const { random, clock } = this.#deps
    return {
      id: random.uuid(),
      at: clock(),
      actor: 'server',
      action,
      subject: 'audit',
      facts,
      requestId: null,
    }
  }

  /**
   * Lists the event numbers at which a purge may stop. The steps are small, so that no deletion takes
   * long.
   */
  async #listPurgeSteps(first: number, limit: number): Promise<number[]> {
    const { storage, auditSigner, clock } = this.#deps
    const now = clock()
    const steps: number[] = []
    let after = { sequence: first - 1, first: Number.MAX_SAFE_INTEGER }
    for (;;) {
      const page = await storage.listCheckpoints(after, CHECKPOINT_PAGE_SIZE)
      for (const checkpoint of page) {
        // A checkpoint from a fast clock does not show its age; the next one does.
        if (isFromFuture(checkpoint.at, now)) continue
        if (checkpoint.at >= limit) return steps
        if (!(await auditSigner.isSignedCheckpoint(checkpoint))) {
          throw new Error(
            `checkpoint ${checkpoint.sequence} of the audit is not signed with this key ring`,
          )
        }
        if (checkpoint.sequence !== steps.at(-1)) steps.push(checkpoint.sequence)
      }
      const last = page.at(-1)
      if (last === undefined) return steps
      after = last
    }
  }
}

const hasDiverged = (end: ChainPosition, knownEnd: ChainPosition): boolean =>
  end.sequence < knownEnd.sequence ||
  (end.sequence === knownEnd.sequence && end.seal !== knownEnd.seal)

export interface AuditAnchorDeps {
  /** Without a store, the anchor exists only in this process. */
  readonly store: AnchorStore | undefined
  readonly log: Log
}

/**
 * Remembers outside the database how far the audit chain was signed, because nothing inside a database
 * shows that it was restored from an older copy or rebuilt.
 */
export function createAuditAnchor({ store, log }: AuditAnchorDeps) {
  let remembered: ChainAnchor | null = null
  let stored: ChainAnchor | null = null
  let lastError = ''

  return {
    /**
     * Reads the later of the stored and the remembered anchor. Call it before reading the chain: the
     * chain always moves before its anchor, so a chain that is read afterwards reaches the anchor.
     */
    async read(): Promise<ChainAnchor | null> {
      stored = (await store?.read()) ?? null
      remembered = pickLaterAnchor(remembered, stored)
      return remembered
    },

    /**
     * Moves the anchor forward, never back. Returns true if the store had none and has this one now. If
     * the store cannot be written, logs that and continues; the next call tries again.
     */
    async advance(position: ChainPosition & { readonly at: number }): Promise<boolean> {
      const { sequence, seal, at } = position
      remembered = pickLaterAnchor(remembered, {
        sequence,
        seal,
        at,
        acceptedAt: remembered?.acceptedAt ?? 0,
      })
      if (store === undefined || remembered === null || remembered.sequence === stored?.sequence) {
        return false
      }
      try {
        const isFirst = stored === null
        const isWritten = await store.write(remembered)
        stored = remembered
        lastError = ''
        return isFirst && isWritten
      } catch (error) {
        // Logged once, not at every sealing.
        if (String(error) !== lastError) {
          log.error({ error }, 'the audit anchor could not be written and is kept in memory')
        }
        lastError = String(error)
        return false
      }
    },

    /** Moves the anchor to a position that an operator accepts, which may be an earlier one. */
    async accept(anchor: ChainAnchor): Promise<void> {
      await store?.replace(anchor)
      remembered = anchor
    },
  }
}

export type AuditAnchor = ReturnType<typeof createAuditAnchor>

/**
 * Compares the chain with its anchor, which must have been read before. A break means that the database
 * is not the one that was signed.
 */
export async function findAnchorBreaks(
  storage: Pick<
    AuditStorage,
    'findChainEnd' | 'findLastCheckpoint' | 'listSealedEvents' | 'listUnsealedEvents'
  >,
  anchor: ChainAnchor,
): Promise<ChainBreak[]> {
  const breaks: ChainBreak[] = []
  const addBreak = (sequence: number, message: string) =>
    breaks.push({ sequence, eventId: null, message })
  const signedDescription = `event ${anchor.sequence} was signed at ${new Date(anchor.at).toISOString()}`

  const end = await storage.findChainEnd()
  const checkpoint = await storage.findLastCheckpoint()
  const lastSigned = checkpoint?.sequence ?? 0
  let isCopy = false
  if (end.sequence < anchor.sequence) {
    const [next] = await storage.listSealedEvents(end.sequence, 1)
    const unsealed = end.sequence === 0 ? await storage.listUnsealedEvents(1) : []
    isCopy = lastSigned <= end.sequence && next === undefined && unsealed.length === 0
    const missing =
      end.sequence + 1 === anchor.sequence
        ? `event ${anchor.sequence} is gone`
        : `events ${end.sequence + 1} to ${anchor.sequence} are gone`
    addBreak(
      end.sequence + 1,
      isCopy
        ? `${missing}: ${signedDescription}, and this database ends at event ${end.sequence}. It is an older copy, ` +
            'or its end was cut off. After a restore, run `latchkey audit accept-restore` to accept it'
        : `the chain was set back to event ${end.sequence}: ${signedDescription}`,
    )
  } else if (await hasDifferentSeal(storage, end, anchor)) {
    addBreak(anchor.sequence, `the chain was made anew: ${signedDescription} with another seal`)
  }
  if (lastSigned < anchor.sequence && !isCopy) {
    const remainingDescription =
      lastSigned === 0 ? 'none is left' : `the last one left is of event ${lastSigned}`
    addBreak(
      anchor.sequence,
      `checkpoints were deleted: ${signedDescription}, and ${remainingDescription}`,
    )
  }
  return breaks
}

/** True if the event at the anchor has a different seal. A missing event is reported elsewhere. */
async function hasDifferentSeal(
  storage: Pick<AuditStorage, 'listSealedEvents'>,
  end: ChainPosition,
  { sequence, seal }: ChainAnchor,
): Promise<boolean> {
  if (sequence === 0) return false
  if (end.sequence === sequence) return end.seal !== seal
  const [event] = await storage.listSealedEvents(sequence - 1, 1)
  return event?.sequence === sequence && event.seal !== seal
}
