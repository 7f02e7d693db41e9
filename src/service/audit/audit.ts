import {
  CHAIN_START,
  type ChainAnchor,
  type Checkpoint,
  type SealedEvent,
} from '../../domain/audit-chain.ts'
import { ok } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import { type RunExclusively, sleep } from '../long-work.ts'
import type { AuditSigner, AuditStorage, EventFilter, RecordedEvent } from '../ports/audit.ts'
import type { DashboardStorage } from '../ports/dashboard.ts'
import type { ListStorage, Page } from '../ports/lists.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import { failConflict, type ServiceResult } from '../service-result.ts'
import { type ActorDeps, createAuditEvent } from './audit-event.ts'
import { type AuditAnchor, findAnchorBreaks } from './chain.ts'
import {
  type AnchorComparison,
  type AuditExportLine,
  type AuditVerdict,
  createChainVerifier,
  formatExportLine,
  type PrecedingEvent,
  parseExportLine,
} from './verify.ts'

export interface AuditDeps extends ActorDeps {
  /** The audit chain, which covers all accounts. */
  readonly storage: AuditStorage
  /** The events that the actor can see. */
  readonly events: Pick<ResourceStorage, 'addEvent' | 'listEvents' | 'findKeySummary'> &
    Pick<DashboardStorage, 'findRowNames'> &
    Pick<ListStorage, 'searchUsers'>
  readonly auditSigner: AuditSigner
  readonly anchor: AuditAnchor
  /** Limits this process to one verification at a time, because each one reads the whole chain. */
  readonly runExclusively: RunExclusively
}

/** The message if there is no restore to accept. */
export const NO_RESTORE_TO_ACCEPT = 'the audit reaches its anchor: there is nothing to accept'

/** Receives the progress of a long read, in events. */
export type ProgressListener = (done: number, all: number) => void

const CHAIN_PAGE_SIZE = 1000
/** The number of events that are handled before other requests have their turn. */
const EVENTS_PER_TURN = 100

/** The maximum number of users that a partial name can match. */
const MAX_MATCHING_USERS = 100

/** Lists, verifies and exports the audit. No method changes recorded events. */
export function createAudit(deps: AuditDeps) {
  const { storage, events, auditSigner, anchor, clock, runExclusively } = deps
  const getChainStart = () => ({ ...CHAIN_START, at: clock() })
  return {
    /** Leaves out response bodies, which are sealed. `explain` opens them. */
    async list(page: Page & EventFilter): Promise<RecordedEvent[]> {
      const listed = await events.listEvents(page)
      return listed.map((event) => {
        const { answerBody: _, ...facts } = event.facts
        return { ...event, facts }
      })
    },
    /** Finds the names of rows that events refer to by id, among those that the actor can see. */
    findNames: (ids: readonly string[]) => events.findRowNames({ ids }),

    /**
     * Finds the id of a key by its public id, or of a user by username or e-mail address; null if
     * there is none.
     */
    async findSubjectId(text: string): Promise<string | null> {
      const [key, users] = await Promise.all([
        events.findKeySummary(toStoredId(text)),
        events.searchUsers({ text, limit: MAX_MATCHING_USERS }),
      ])
      const lowerCase = text.toLowerCase()
      const user = users.find(({ email, username }) =>
        [email, username].some((name) => name?.toLowerCase() === lowerCase),
      )
      return key?.id ?? user?.id ?? null
    },

    /** Verifies the whole chain. Unsealed events are not part of it. Throws once the signal is aborted. */
    verify: (
      onProgress: ProgressListener,
      signal?: AbortSignal,
    ): Promise<ServiceResult<AuditVerdict>> =>
      runExclusively(async (reportProgress) => {
        const verifier = createChainVerifier(auditSigner)
        const comparison = await compareAnchor(storage, await anchor.read())
        const end = await storage.findChainEnd()
        for await (const checkpoint of readCheckpoints(storage)) {
          reportProgress()
          await verifier.addCheckpoint(checkpoint)
        }
        let done = 0
        for await (const event of readEvents(storage)) {
          signal?.throwIfAborted()
          reportProgress()
          verifier.addEvent(event)
          onProgress(++done, Math.max(done, end.sequence))
        }
        return verifier.finish(end, comparison)
      }),

    /**
     * Accepts a restored database: sealing continues from the end of its chain. The event that records
     * this is on disk before the anchor moves.
     */
    async acceptRestore(): Promise<ServiceResult<{ from: number | null; to: number }>> {
      // An anchor that cannot be read is replaced too.
      const current = await anchor.read().catch(() => undefined)
      if (current === null) {
        return failConflict(
          'the audit has no anchor yet, and nothing was changed: the next sealing creates one',
        )
      }
      if (current !== undefined && (await findAnchorBreaks(storage, current)).length === 0) {
        return failConflict(NO_RESTORE_TO_ACCEPT)
      }
      const { sequence: to } = await storage.findChainEnd()
      if ((await storage.listSealedEvents(to, 1)).length > 0) {
        return failConflict(
          `the database says that the chain ends at event ${to}, but sealed events follow: it is not an ` +
            'unchanged copy. Restore it from a backup first',
        )
      }
      const facts = { from: current?.sequence ?? null, to }
      await events.addEvent(createAuditEvent(deps, 'audit.restore_accepted', 'audit', facts))
      const acceptedAt = Math.max(clock(), (current?.acceptedAt ?? 0) + 1)
      const { sequence, seal, at } = (await storage.findLastCheckpoint()) ?? getChainStart()
      const signedAnchor = { sequence, seal, at, acceptedAt }
      const isSound = (await findAnchorBreaks(storage, signedAnchor)).length === 0
      await anchor.accept(isSound ? signedAnchor : { ...getChainStart(), acceptedAt })
      return ok(facts)
    },

    /**
     * Exports the chain up to the last checkpoint, as lines of text. Later events are left for the
     * next export. The event that records the export is on disk before the first line is yielded.
     */
    async *exportLines(onProgress: ProgressListener): AsyncGenerator<string> {
      const last = (await storage.findLastCheckpoint())?.sequence ?? 0
      await events.addEvent(createAuditEvent(deps, 'audit.exported', 'audit', { last }))
      const exportedAt = new Date(clock()).toISOString()
      yield formatExportLine({ latchkeyAudit: 1, exportedAt, events: last })
      for await (const checkpoint of readCheckpoints(storage)) {
        if (checkpoint.sequence <= last) yield formatExportLine({ checkpoint })
      }
      for await (const event of readEvents(storage)) {
        if (event.sequence > last) return
        onProgress(event.sequence, last)
        yield formatExportLine({ event })
      }
    },
  }
}

async function compareAnchor(
  storage: AuditStorage,
  anchor: ChainAnchor | null,
): Promise<AnchorComparison> {
  return { anchor, breaks: anchor === null ? [] : await findAnchorBreaks(storage, anchor) }
}

/**
 * Verifies only the newest events, at most `limit`, so that the time does not depend on the length of
 * the chain. Changes of older events are not detected.
 */
export async function verifyNewestEvents(
  storage: AuditStorage,
  auditSigner: AuditSigner,
  limit: number,
  anchor: ChainAnchor | null,
): Promise<AuditVerdict> {
  const comparison = await compareAnchor(storage, anchor)
  const end = await storage.findChainEnd()
  const after = end.sequence - limit
  const isAll = after <= CHAIN_START.sequence
  const from = isAll ? CHAIN_START : await findPosition(storage, after)
  const verifier = createChainVerifier(auditSigner, from)
  const beginning = await storage.findStartCheckpoint()
  if (beginning !== null && beginning.sequence <= after) await verifier.addCheckpoint(beginning)
  const afterSequence = isAll ? undefined : after
  for await (const checkpoint of readCheckpoints(storage, afterSequence)) {
    await verifier.addCheckpoint(checkpoint)
  }
  for await (const event of readEvents(storage, afterSequence)) verifier.addEvent(event)
  return verifier.finish(end, comparison)
}

async function findPosition(storage: AuditStorage, sequence: number): Promise<PrecedingEvent> {
  const [event] = await storage.listSealedEvents(sequence - 1, 1)
  return event?.sequence === sequence ? event : { sequence, seal: null }
}

/** Verifies lines that `exportLines` wrote, against the key ring alone. */
export async function verifyExport(
  auditSigner: AuditSigner,
  lines: AsyncIterable<string>,
  onProgress: ProgressListener,
) {
  const verifier = createChainVerifier(auditSigner)
  let number = 0
  let all = 0
  for await (const text of lines) {
    const line: AuditExportLine = parseExportLine(text, ++number)
    if ('event' in line) {
      verifier.addEvent(line.event)
      onProgress(line.event.sequence, all)
    } else if ('checkpoint' in line) {
      await verifier.addCheckpoint(line.checkpoint)
    } else {
      all = line.events
    }
  }
  if (number === 0) throw new Error('the file is empty')
  return verifier.finish({ sequence: all, seal: '' })
}

/** Reads the checkpoints of events after this number. */
async function* readCheckpoints(
  storage: AuditStorage,
  afterSequence = -1,
): AsyncGenerator<Checkpoint> {
  let after = { sequence: afterSequence, first: Number.MAX_SAFE_INTEGER }
  for (;;) {
    const page = await storage.listCheckpoints(after, CHAIN_PAGE_SIZE)
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    after = last
  }
}

/**
 * Reads the events after this number. The default is below the first, so that an event inserted before
 * it is detected.
 */
async function* readEvents(
  storage: AuditStorage,
  afterSequence = Number.MIN_SAFE_INTEGER,
): AsyncGenerator<SealedEvent> {
  let after = afterSequence
  for (;;) {
    const page = await storage.listSealedEvents(after, CHAIN_PAGE_SIZE)
    for (const [n, event] of page.entries()) {
      // To verify or write a whole page at once would delay every other request.
      if (n % EVENTS_PER_TURN === EVENTS_PER_TURN - 1) await sleep(0)
      yield event
    }
    const last = page.at(-1)
    if (last === undefined) return
    after = last.sequence
  }
}

export type Audit = ReturnType<typeof createAudit>
