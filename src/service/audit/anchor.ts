import { type ChainAnchor, type ChainPosition, pickLaterAnchor } from '../../domain/audit-chain.ts'
import type { AnchorStore, AuditStorage } from '../ports/audit.ts'
import type { Log } from '../ports/runtime.ts'
import type { ChainBreak } from './verify.ts'

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
