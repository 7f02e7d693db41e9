import { type Anchor, BEGINNING, type Checkpoint, type SealedEvent } from '../domain/chain.ts'
import { ok } from '../domain/failure.ts'
import { toStoredId } from '../domain/id.ts'
import { type AuditAnchor, findAnchorBreaks } from './audit-anchor.ts'
import { type Line, readLine, writeLine } from './audit-file.ts'
import type { OneAtATime } from './one-at-a-time.ts'
import { conflict, type Done, eventOf, type OperatorDeps } from './operator.ts'
import type { ListStorage } from './ports/lists.ts'
import type { SurveyStorage } from './ports/survey.ts'
import type {
  AuditStorage,
  EventFilter,
  Notary,
  OperatorStorage,
  Page,
  RecordedEvent,
} from './ports.ts'
import { type AnchorComparison, type Before, createVerifier, type Verdict } from './verify-chain.ts'

export interface AuditDeps extends OperatorDeps {
  /** The chain, which is one for all accounts. */
  readonly storage: AuditStorage
  /** The events that whoever asks may see. */
  readonly events: Pick<OperatorStorage, 'addEvent' | 'listEvents' | 'findKeySummary'> &
    Pick<SurveyStorage, 'findNames'> &
    Pick<ListStorage, 'searchUsers'>
  readonly notary: Notary
  readonly anchor: AuditAnchor
  /** A verification reads all there is: this process makes one at a time. */
  readonly alone: OneAtATime
}

/** Said where no restore is to be accepted. */
export const NOTHING_TO_ACCEPT = 'the audit reaches its anchor: there is nothing to accept'

/** How far a long reading is, in events. */
export type Watch = (done: number, all: number) => void

const PAGE = 1000
/** So many have a part of their name in common, at most. */
const USERS = 100

/** What an operator does with the audit. Nothing here changes what it says. */
export function createAudit(deps: AuditDeps) {
  const { storage, events, notary, anchor, clock, alone } = deps
  const beginning = () => ({ ...BEGINNING, at: clock() })
  return {
    /** What a caller was answered with is sealed: explain opens it. */
    async list(page: Page & EventFilter): Promise<RecordedEvent[]> {
      const listed = await events.listEvents(page)
      return listed.map((event) => {
        const { answerBody: _, ...facts } = event.facts
        return { ...event, facts }
      })
    },
    /** What people call the rows that events tell of by their ids: of those that he may see. */
    names: (ids: readonly string[]) => events.findNames(ids),

    /** Whom somebody means who types a key's public id, a username or an e-mail address; null for nobody. */
    async idOf(text: string): Promise<string | null> {
      const [key, users] = await Promise.all([
        events.findKeySummary(toStoredId(text)),
        events.searchUsers({ text, limit: USERS }),
      ])
      const typed = text.toLowerCase()
      const user = users.find(({ email, username }) =>
        [email, username].some((name) => name?.toLowerCase() === typed),
      )
      return key?.id ?? user?.id ?? null
    },

    /**
     * Reads the whole chain. What has no seal yet is not part of it. It ends early, by throwing, where
     * the signal says that nobody waits for it any more.
     */
    verify: (watch: Watch, signal?: AbortSignal): Promise<Done<Verdict>> =>
      alone(async (moves) => {
        const verifier = createVerifier(notary)
        const anchored = await compareAnchor(storage, await anchor.read())
        const end = await storage.chainEnd()
        for await (const checkpoint of checkpointsOf(storage)) {
          moves()
          await verifier.takeCheckpoint(checkpoint)
        }
        let done = 0
        for await (const event of eventsOf(storage)) {
          signal?.throwIfAborted()
          moves()
          verifier.takeEvent(event)
          watch(++done, Math.max(done, end.sequence))
        }
        return verifier.finish(end, anchored)
      }),

    /**
     * Accepts a restored database: sealing continues from the end of its chain. The event that records it
     * is on disk before the anchor moves.
     */
    async acceptRestore(): Promise<Done<{ from: number | null; to: number }>> {
      // An anchor that cannot be read is replaced too.
      const known = await anchor.read().catch(() => undefined)
      if (known === null) {
        return conflict(
          'the audit has no anchor yet, and nothing was changed: the next sealing makes one',
        )
      }
      if (known !== undefined && (await findAnchorBreaks(storage, known)).length === 0) {
        return conflict(NOTHING_TO_ACCEPT)
      }
      const { sequence: to } = await storage.chainEnd()
      if ((await storage.listSealed(to, 1)).length > 0) {
        return conflict(
          `the database says that the chain ends at event ${to}, but sealed events follow: it is not an ` +
            'unchanged copy. Restore it from a backup first',
        )
      }
      const facts = { from: known?.sequence ?? null, to }
      await events.addEvent(eventOf(deps, 'audit.restore_accepted', 'audit', facts))
      const acceptedAt = Math.max(clock(), (known?.acceptedAt ?? 0) + 1)
      const { sequence, seal, at } = (await storage.lastCheckpoint()) ?? beginning()
      const signed = { sequence, seal, at, acceptedAt }
      const isSound = (await findAnchorBreaks(storage, signed)).length === 0
      await anchor.accept(isSound ? signed : { ...beginning(), acceptedAt })
      return ok(facts)
    },

    /**
     * The chain as lines of text, up to the last checkpoint: every later event is for the next time.
     * That somebody takes it is an event, and on disk before the first line is given.
     */
    async *lines(watch: Watch): AsyncGenerator<string> {
      const last = (await storage.lastCheckpoint())?.sequence ?? 0
      await events.addEvent(eventOf(deps, 'audit.exported', 'audit', { last }))
      const exportedAt = new Date(clock()).toISOString()
      yield writeLine({ latchkeyAudit: 1, exportedAt, events: last })
      for await (const checkpoint of checkpointsOf(storage)) {
        if (checkpoint.sequence <= last) yield writeLine({ checkpoint })
      }
      for await (const event of eventsOf(storage)) {
        if (event.sequence > last) return
        watch(event.sequence, last)
        yield writeLine({ event })
      }
    },
  }
}

async function compareAnchor(
  storage: AuditStorage,
  anchor: Anchor | null,
): Promise<AnchorComparison> {
  return { anchor, breaks: anchor === null ? [] : await findAnchorBreaks(storage, anchor) }
}

/**
 * Reads the newest events alone, so many at most: however long the chain is, it takes no longer. What was
 * done to an older one is not seen.
 */
export async function verifyNewest(
  storage: AuditStorage,
  notary: Notary,
  most: number,
  anchor: Anchor | null,
): Promise<Verdict> {
  const anchored = await compareAnchor(storage, anchor)
  const end = await storage.chainEnd()
  const after = end.sequence - most
  const isAll = after <= BEGINNING.sequence
  const from = isAll ? BEGINNING : await placeOf(storage, after)
  const verifier = createVerifier(notary, from)
  const beginning = await storage.beginningCheckpoint()
  if (beginning !== null && beginning.sequence <= after) await verifier.takeCheckpoint(beginning)
  const than = isAll ? undefined : after
  for await (const checkpoint of checkpointsOf(storage, than)) {
    await verifier.takeCheckpoint(checkpoint)
  }
  for await (const event of eventsOf(storage, than)) verifier.takeEvent(event)
  return verifier.finish(end, anchored)
}

async function placeOf(storage: AuditStorage, sequence: number): Promise<Before> {
  const [event] = await storage.listSealed(sequence - 1, 1)
  return event?.sequence === sequence ? event : { sequence, seal: null }
}

/** Reads lines that `lines` wrote: what they hold is held against the key ring alone. */
export async function verifyLines(notary: Notary, lines: AsyncIterable<string>, watch: Watch) {
  const verifier = createVerifier(notary)
  let number = 0
  let all = 0
  for await (const text of lines) {
    const line: Line = readLine(text, ++number)
    if ('event' in line) {
      verifier.takeEvent(line.event)
      watch(line.event.sequence, all)
    } else if ('checkpoint' in line) {
      await verifier.takeCheckpoint(line.checkpoint)
    } else {
      all = line.events
    }
  }
  if (number === 0) throw new Error('the file is empty')
  return verifier.finish({ sequence: all, seal: '' })
}

/** Those of events after this one. */
async function* checkpointsOf(storage: AuditStorage, than = -1): AsyncGenerator<Checkpoint> {
  let after = { sequence: than, first: Number.MAX_SAFE_INTEGER }
  for (;;) {
    const page = await storage.listCheckpoints(after, PAGE)
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    after = last
  }
}

/** Without `than` from below the first: an event that was put in before it is seen too. */
async function* eventsOf(
  storage: AuditStorage,
  than = Number.MIN_SAFE_INTEGER,
): AsyncGenerator<SealedEvent> {
  let after = than
  for (;;) {
    const page = await storage.listSealed(after, PAGE)
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    after = last.sequence
  }
}

export type Audit = ReturnType<typeof createAudit>
