import type { Checkpoint, SealedEvent } from '../domain/chain.ts'
import { type Line, readLine, writeLine } from './audit-file.ts'
import type { OneAtATime } from './one-at-a-time.ts'
import { type Done, eventOf, type OperatorDeps } from './operator.ts'
import type { ListStorage } from './ports/lists.ts'
import type { SurveyStorage } from './ports/survey.ts'
import type { AuditStorage, EventFilter, Notary, OperatorStorage, Page } from './ports.ts'
import { createVerifier, type Verdict } from './verify-chain.ts'

export interface AuditDeps extends OperatorDeps {
  /** The chain, which is one for all accounts. */
  readonly storage: AuditStorage
  /** The events that whoever asks may see. */
  readonly events: Pick<OperatorStorage, 'addEvent' | 'listEvents' | 'findKeySummary'> &
    Pick<SurveyStorage, 'findNames'> &
    Pick<ListStorage, 'searchUsers'>
  readonly notary: Notary
  /** A verification reads all there is: this process makes one at a time. */
  readonly alone: OneAtATime
}

/** How far a long reading is, in events. */
export type Watch = (done: number, all: number) => void

const PAGE = 1000
/** So many have a part of their name in common, at most. */
const USERS = 100

/** What an operator does with the audit. Nothing here changes what it says. */
export function createAudit(deps: AuditDeps) {
  const { storage, events, notary, clock, alone } = deps
  return {
    list: (page: Page & EventFilter) => events.listEvents(page),
    /** What people call the rows that events tell of by their ids: of those that he may see. */
    names: (ids: readonly string[]) => events.findNames(ids),

    /** Whom somebody means who types a key's public id, a username or an e-mail address; null for nobody. */
    async idOf(text: string): Promise<string | null> {
      const [key, users] = await Promise.all([
        events.findKeySummary(text),
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
      alone(async () => {
        const verifier = createVerifier(notary)
        const end = await storage.chainEnd()
        for await (const checkpoint of checkpointsOf(storage)) {
          await verifier.takeCheckpoint(checkpoint)
        }
        let done = 0
        for await (const event of eventsOf(storage)) {
          signal?.throwIfAborted()
          verifier.takeEvent(event)
          watch(++done, Math.max(done, end.sequence))
        }
        return verifier.finish(end)
      }),

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

async function* checkpointsOf(storage: AuditStorage): AsyncGenerator<Checkpoint> {
  let after = { sequence: -1, first: -1 }
  for (;;) {
    const page = await storage.listCheckpoints(after, PAGE)
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    after = last
  }
}

async function* eventsOf(storage: AuditStorage): AsyncGenerator<SealedEvent> {
  // From below the first: an event that was put in before it is seen too.
  let after = Number.MIN_SAFE_INTEGER
  for (;;) {
    const page = await storage.listSealed(after, PAGE)
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    after = last.sequence
  }
}

export type Audit = ReturnType<typeof createAudit>
