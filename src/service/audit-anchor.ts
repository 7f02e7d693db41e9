import { type Anchor, laterAnchor, type Place } from '../domain/chain.ts'
import type { AnchorStore, AuditStorage, Log } from './ports.ts'
import type { Break } from './verify-chain.ts'

export interface AuditAnchorDeps {
  /** Without a store, the anchor exists only in this process. */
  readonly store: AnchorStore | undefined
  readonly log: Log
}

/**
 * Remembers outside the database how far the audit chain was signed, because nothing inside a database
 * shows that it was set back or made anew.
 */
export function createAuditAnchor({ store, log }: AuditAnchorDeps) {
  let memory: Anchor | null = null
  let stored: Anchor | null = null
  let problem = ''

  return {
    /**
     * Reads the later of the stored and the remembered anchor. Call it before reading the chain: the
     * chain always moves before its anchor, so a chain that is read afterwards reaches the anchor.
     */
    async read(): Promise<Anchor | null> {
      stored = (await store?.read()) ?? null
      memory = laterAnchor(memory, stored)
      return memory
    },

    /**
     * Moves the anchor forward, never back. Returns true if the store had none and has this one now. If
     * the store cannot be written, logs that and continues; the next call tries again.
     */
    async advance(place: Place & { readonly at: number }): Promise<boolean> {
      const { sequence, seal, at } = place
      memory = laterAnchor(memory, { sequence, seal, at, acceptedAt: memory?.acceptedAt ?? 0 })
      if (store === undefined || memory === null || memory.sequence === stored?.sequence) {
        return false
      }
      try {
        const isFirst = stored === null
        const isWritten = await store.write(memory)
        stored = memory
        problem = ''
        return isFirst && isWritten
      } catch (error) {
        // Logged once, not at every sealing.
        if (String(error) !== problem) {
          log.error({ error }, 'the anchor of the audit could not be written; it is kept in memory')
        }
        problem = String(error)
        return false
      }
    },

    /** Moves the anchor to a place that an operator accepts, also back. */
    async accept(anchor: Anchor): Promise<void> {
      await store?.replace(anchor)
      memory = anchor
    },
  }
}

export type AuditAnchor = ReturnType<typeof createAuditAnchor>

/**
 * Compares the chain with its anchor, which must have been read before. A break means that the database
 * is not the one that was signed.
 */
export async function findAnchorBreaks(
  storage: Pick<AuditStorage, 'chainEnd' | 'lastCheckpoint' | 'listSealed' | 'listUnsealed'>,
  anchor: Anchor,
): Promise<Break[]> {
  const breaks: Break[] = []
  const found = (sequence: number, message: string) =>
    breaks.push({ sequence, eventId: null, message })
  const signed = `event ${anchor.sequence} was signed at ${new Date(anchor.at).toISOString()}`

  const end = await storage.chainEnd()
  const checkpoint = await storage.lastCheckpoint()
  const lastSigned = checkpoint?.sequence ?? 0
  let isCopy = false
  if (end.sequence < anchor.sequence) {
    const [next] = await storage.listSealed(end.sequence, 1)
    const unsealed = end.sequence === 0 ? await storage.listUnsealed(1) : []
    isCopy = lastSigned <= end.sequence && next === undefined && unsealed.length === 0
    const gone =
      end.sequence + 1 === anchor.sequence
        ? `event ${anchor.sequence} is gone`
        : `events ${end.sequence + 1} to ${anchor.sequence} are gone`
    found(
      end.sequence + 1,
      isCopy
        ? `${gone}: ${signed}, and this database ends at event ${end.sequence}. It is an older copy, ` +
            'or its end was cut off; after a restore, run `latchkey audit accept-restore` to accept it'
        : `the chain was set back to event ${end.sequence}: ${signed}`,
    )
  } else if (await hasOtherSeal(storage, end, anchor)) {
    found(anchor.sequence, `the chain was made anew: ${signed} with another seal`)
  }
  if (lastSigned < anchor.sequence && !isCopy) {
    const left = lastSigned === 0 ? 'none is left' : `the last one left is of event ${lastSigned}`
    found(anchor.sequence, `checkpoints were deleted: ${signed}, and ${left}`)
  }
  return breaks
}

/** Whether the event at the anchor has another seal. A missing event is reported elsewhere. */
async function hasOtherSeal(
  storage: Pick<AuditStorage, 'listSealed'>,
  end: Place,
  { sequence, seal }: Anchor,
): Promise<boolean> {
  if (sequence === 0) return false
  if (end.sequence === sequence) return end.seal !== seal
  const [event] = await storage.listSealed(sequence - 1, 1)
  return event?.sequence === sequence && event.seal !== seal
}
