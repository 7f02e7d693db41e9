import { neighbourhood } from '../domain/address.ts'
import { isWithin } from '../domain/instant.ts'
import type {
  AuditEvent,
  AuditStorage,
  Clock,
  Facts,
  KeepAlive,
  Log,
  Random,
  Sealer,
} from './ports.ts'
import type { Caller } from './refused.ts'

/** Something that a request did or was refused, for the audit. */
export interface Happening {
  readonly action: Action
  /** The key, the person, or NOBODY. */
  readonly subject: string
  readonly caller: Caller
  readonly facts: Facts
}

/** The response to a refused request. */
export interface Answer {
  readonly status: number
  readonly body: string
}

/** The longest part of a body that is kept. */
const ANSWER_MAX_CHARS = 2048

/** Whom a credential names that is nobody's. */
export const NOBODY = 'nobody'

type Action = 'token.issued' | 'token.refreshed' | 'key.refused' | 'session.refused'

/** How long events are gathered before they are written. What is lost with the process is no more. */
const WINDOW_MS = 1000
/** So many that are alike have an event each; more of them within the window share one, with a count. */
const EACH = 5
/**
 * So many events a window may have. Past it only their number is kept, for each reason. Strangers can
 * fill their own share alone.
 */
const MOST: Readonly<Record<Action | typeof NOBODY, number>> = {
  'token.issued': 2000,
  'token.refreshed': 2000,
  'key.refused': 100,
  'session.refused': 100,
  nobody: 20,
}
/** A runtime may end work that it was told to finish: so long after, another is told of it. */
const GIVEN_UP_MS = 30_000
/** Written without waiting for the window's end. */
const TOGETHER = 500
/** As long as the database takes no write, so many are kept. */
const KEPT = 5000

/** The context that an answer is sealed for. */
export const answerContext = (eventId: string) => `answer ${eventId}`

/** Many that are told as one: the first of them, and how many there were. */
interface Tally {
  readonly first: AuditEvent
  count: number
}

/**
 * Gathers what requests do, off the hot path: nobody waits for these events. `flush` is to be called
 * every second and before the end, unless there is a `keepAlive`, which is then told of each flush.
 */
export function createRecorder(deps: {
  readonly storage: Pick<AuditStorage, 'addEvents'>
  readonly sealer: Pick<Sealer, 'seal'>
  readonly random: Random
  readonly clock: Clock
  readonly log: Log
  readonly keepAlive?: KeepAlive | undefined
}) {
  const { storage, sealer, random, clock, log, keepAlive } = deps
  /** When the window began; null where there is nothing to write. */
  let openedAt: number | null = null
  let waiting: AuditEvent[] = []
  let alone = new Map<string, number>()
  let written = new Map<keyof typeof MOST, number>()
  let tallies = new Map<string, Tally>()
  /** The responses to the requests of waiting events, by request id; null until one is known. */
  let answers = new Map<string, Answer | null>()
  const writing = new Set<Promise<void>>()

  function record(happening: Happening): void {
    const alike = likenessOf(happening)
    const share = happening.subject === NOBODY ? NOBODY : happening.action
    const before = alone.get(alike) ?? 0
    const used = written.get(share) ?? 0
    if (before < EACH && used < MOST[share] && waiting.length < KEPT) {
      alone.set(alike, before + 1)
      written.set(share, used + 1)
      waiting.push(eventOf(happening))
      if (waiting.length === TOGETHER) (keepAlive ?? ignore)(write())
    } else if (before > 0) {
      count(alike, () => eventOf(happening))
    } else {
      const { action, facts } = happening
      count(`${action}\0${facts.reason}`, () => eventOfMany(happening))
    }
    const now = clock()
    if (openedAt !== null && isWithin(GIVEN_UP_MS, openedAt, now)) return
    openedAt = now
    keepAlive?.(pause(WINDOW_MS).then(endWindow))
  }

  function count(of: string, first: () => AuditEvent): void {
    const tally = tallies.get(of)
    if (tally === undefined) tallies.set(of, { first: first(), count: 1 })
    else tally.count++
  }

  function eventOf({ action, subject, caller, facts }: Happening): AuditEvent {
    if (action === 'key.refused') answers.set(caller.requestId, null)
    return {
      id: random.uuid(),
      at: clock(),
      actor: subject,
      action,
      subject,
      facts: { ...facts, address: caller.address, path: caller.path },
      requestId: caller.requestId,
    }
  }

  /** Keeps the response for a waiting event. It is sealed, because it may repeat a secret. */
  function recordAnswer(requestId: string, { status, body }: Answer): void {
    if (!answers.has(requestId)) return
    answers.set(requestId, { status, body: body.slice(0, ANSWER_MAX_CHARS) })
  }

  async function withAnswer(event: AuditEvent, answer: Answer | null | undefined) {
    if (answer == null || event.action !== 'key.refused') return event
    const answerBody = await sealer.seal(
      new TextEncoder().encode(answer.body),
      answerContext(event.id),
    )
    return { ...event, facts: { ...event.facts, answerStatus: answer.status, answerBody } }
  }

  /** Of many that have little in common. */
  const eventOfMany = ({ action, caller, facts }: Happening): AuditEvent => ({
    id: random.uuid(),
    at: clock(),
    actor: NOBODY,
    action,
    subject: NOBODY,
    facts: facts.reason === undefined ? {} : { reason: facts.reason },
    requestId: caller.requestId,
  })

  /** Resolves when everything until now is on disk, or the log says why not. */
  async function flush(): Promise<void> {
    await endWindow()
    await Promise.all(writing)
  }

  /** Waits for its own write alone: that of another request may have ended with it. */
  function endWindow(): Promise<void> {
    openedAt = null
    for (const { first, count } of tallies.values()) {
      waiting.push({ ...first, facts: { ...first.facts, count } })
    }
    alone = new Map()
    written = new Map()
    tallies = new Map()
    return write()
  }

  async function write(): Promise<void> {
    const gathered = waiting
    if (gathered.length === 0) return
    const told = answers
    waiting = []
    answers = new Map()
    let events: readonly AuditEvent[] = gathered
    const adding = async () => {
      events = await Promise.all(
        gathered.map((event) => withAnswer(event, told.get(event.requestId ?? ''))),
      )
      await storage.addEvents(events)
    }
    const written = adding().catch((error: unknown) => {
      const all = [...events, ...waiting]
      waiting = all.slice(0, KEPT)
      const lost = all.length - waiting.length
      log.error({ error, waiting: waiting.length, lost }, 'events were not audited yet')
    })
    writing.add(written)
    await written
    writing.delete(written)
  }

  return { record, recordAnswer, flush }
}

/** Alike are those that one party does in one way: then one of them tells about all. */
function likenessOf({ action, subject, caller, facts }: Happening): string {
  return [action, subject, facts.reason, facts.surface, neighbourhood(caller.address)].join('\0')
}

/** It tells the log itself where it fails. */
const ignore: KeepAlive = () => undefined

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export type Recorder = ReturnType<typeof createRecorder>
