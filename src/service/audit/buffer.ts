import { HOUR_MS, isWithinLast } from '../../domain/instant.ts'
import { toAddressBlock } from '../../domain/ip-network.ts'
import type { Caller } from '../caller.ts'
import { sleep } from '../long-work.ts'
import type { AuditEventFacts, AuditStorage } from '../ports/audit.ts'
import type { Sealer } from '../ports/crypto.ts'
import type { Clock, KeepAlive, Log, Random } from '../ports/runtime.ts'
import { type BufferedEvent, EventTallies, type SimilarEvents } from './event-tallies.ts'

/** A request's success or refusal, for the audit. */
export interface RequestEvent {
  readonly action: RequestAction
  /** The id of the key or user, or UNKNOWN_SUBJECT. */
  readonly subject: string
  readonly caller: Caller
  readonly facts: AuditEventFacts
  /** Creates further facts. Called only for an event that is not merely counted. */
  readonly createMoreFacts?: () => AuditEventFacts
}

/** The response to a refused request. */
export interface RecordedResponse {
  readonly status: number
  readonly body: string
}

/** The number of characters of a response body that are stored. */
const MAX_RESPONSE_CHARS = 2048

/** The subject of events whose credential belongs to no key or user. */
export const UNKNOWN_SUBJECT = 'nobody'

type RequestAction = 'token.issued' | 'token.refreshed' | 'key.refused' | 'session.refused'

/**
 * The time for which events are buffered before they are written. Buffered events are lost if the
 * process dies.
 */
const BUFFER_WINDOW_MS = 1000
/**
 * The number of similar events that are recorded one by one. Further ones within the window share one
 * event with a count.
 */
const MAX_SIMILAR_EVENTS = 5
/**
 * The maximum number of events per window. Beyond it, only a count for each reason is recorded. Events
 * without a known subject have a limit of their own, so that strangers cannot use up the others.
 */
const MAX_EVENTS_PER_WINDOW: Readonly<Record<RequestAction | typeof UNKNOWN_SUBJECT, number>> = {
  'token.issued': 2000,
  'token.refreshed': 2000,
  'key.refused': 100,
  'session.refused': 100,
  nobody: 20,
}
/**
 * The number of kinds of refusals that are recorded in an hour whose bytes are used up: the first
 * of each kind as an event, the others as its count. Further kinds share a count for each reason.
 */
const MAX_KINDS_PER_HOUR = 100
/** The bytes of an event in the database without its facts, but with its indexes (measured: 405 to 590). */
const EVENT_OVERHEAD_BYTES = 500
/** A runtime may drop scheduled work, so a flush is scheduled again after this time. */
const FLUSH_TIMEOUT_MS = 30_000
/** The number of events that one atomic write adds: less than a millisecond, so that no request waits long. */
const EVENTS_PER_WRITE = 50
/** The buffer size at which events are written before the window ends. */
const FLUSH_SIZE = 500
/** The number of events that are kept while the database accepts no writes. */
const MAX_BUFFERED_EVENTS = 5000

/** The associated data under which a response is sealed. */
export const toResponseContext = (eventId: string) => `answer ${eventId}`

export interface AuditBufferDeps {
  readonly storage: Pick<AuditStorage, 'addEvents'>
  readonly sealer: Pick<Sealer, 'seal'>
  readonly random: Random
  readonly clock: Clock
  readonly log: Log
  /** The bytes that refusals of unauthenticated callers may add to the database. */
  readonly refusalBytesPerDay: number
  readonly keepAlive?: KeepAlive | undefined
}

/**
 * Buffers audit events, so that no request waits for them. Call `flush` every second, unless `keepAlive`
 * is given, which then receives each flush. Call `close` before shutdown.
 *
 * Unauthenticated callers can cause any number of events, and events are kept for years. When the
 * bytes of an hour are used up, their further refusals are counted by kind, and the counts are written
 * when the hour ends.
 */
export class AuditBuffer {
  readonly #deps: AuditBufferDeps
  /** The start of the window; null if nothing waits for a flush. */
  #openedAt: number | null = null
  #waiting: BufferedEvent[] = []
  #tallies = new EventTallies()
  #recordedCounts = new Map<keyof typeof MAX_EVENTS_PER_WINDOW, number>()
  /** The responses to the requests of waiting events, by request id; null until one is known. */
  #responses = new Map<string, RecordedResponse | null>()
  readonly #writes = new Set<Promise<void>>()
  /** The number of the hour since 1970 that the next two fields are about. */
  #hour = 0
  /** The bytes that refusals of unauthenticated callers have taken in this hour. */
  #hourBytes = 0
  /** The refusals after the bytes of this hour were used up. The first of each kind is recorded. */
  #hourTallies = new EventTallies()

  constructor(deps: AuditBufferDeps) {
    this.#deps = deps
  }

  record(event: RequestEvent): void {
    const kind = toEventKind(event)
    if (isUnauthenticated(event) && this.#isHourUsedUp()) {
      this.#countInHour(kind, event)
      this.#scheduleFlush()
      return
    }
    const share = event.subject === UNKNOWN_SUBJECT ? UNKNOWN_SUBJECT : event.action
    const similar = this.#tallies.findSimilar(kind)
    const shareUsed = this.#recordedCounts.get(share) ?? 0
    if (
      (similar?.recorded ?? 0) < MAX_SIMILAR_EVENTS &&
      shareUsed < MAX_EVENTS_PER_WINDOW[share] &&
      this.#waiting.length < MAX_BUFFERED_EVENTS
    ) {
      if (similar === undefined) this.#tallies.addKind(kind)
      else similar.recorded++
      this.#recordedCounts.set(share, shareUsed + 1)
      this.#waiting.push(this.#toBufferedEvent(event))
      if (this.#waiting.length === FLUSH_SIZE) (this.#deps.keepAlive ?? ignoreWork)(this.#write())
    } else this.#count(this.#tallies, similar, event)
    this.#scheduleFlush()
  }

  /** Keeps the response for a waiting event. It is sealed, because it may repeat a secret. */
  recordResponse(requestId: string, { status, body }: RecordedResponse): void {
    if (!this.#responses.has(requestId)) return
    this.#responses.set(requestId, { status, body: body.slice(0, MAX_RESPONSE_CHARS) })
  }

  /** Resolves when all events until now are on disk, or their failure is logged. */
  async flush(): Promise<void> {
    await this.#endWindow()
    await Promise.all(this.#writes)
  }

  /** Flushes, with the counts of the hour so far. */
  async close(): Promise<void> {
    this.#endHour()
    await this.flush()
  }

  #scheduleFlush(): void {
    const { clock, keepAlive } = this.#deps
    const now = clock()
    if (this.#openedAt !== null && isWithinLast(FLUSH_TIMEOUT_MS, this.#openedAt, now)) return
    this.#openedAt = now
    keepAlive?.(sleep(BUFFER_WINDOW_MS).then(() => this.#endWindow()))
  }

  #isHourUsedUp(): boolean {
    if (toHour(this.#deps.clock()) !== this.#hour) this.#endHour()
    return this.#hourBytes >= this.#deps.refusalBytesPerDay / 24
  }

  /** Records the first of a kind, so that it can be looked up at once, and counts the others. */
  #countInHour(kind: readonly unknown[], event: RequestEvent): void {
    const similar = this.#hourTallies.findSimilar(kind)
    if (similar === undefined && this.#hourTallies.kindCount < MAX_KINDS_PER_HOUR) {
      this.#hourTallies.addKind(kind)
      this.#waiting.push(this.#toBufferedEvent(event))
    } else this.#count(this.#hourTallies, similar, event)
  }

  /** Counts an event that is not recorded by itself. */
  #count(tallies: EventTallies, similar: SimilarEvents | undefined, event: RequestEvent): void {
    if (similar !== undefined) tallies.countSimilar(similar, () => this.#toBufferedEvent(event))
    else tallies.countByReason(toReasonPath(event), () => this.#toSummaryEvent(event))
  }

  /** Adds an event for each count of the hour to those that wait, and begins the present hour. */
  #endHour(): void {
    this.#waiting.push(...this.#hourTallies.listEvents())
    this.#hourTallies = new EventTallies()
    this.#hourBytes = 0
    this.#hour = toHour(this.#deps.clock())
  }

  #toBufferedEvent(event: RequestEvent): BufferedEvent {
    const { action, subject, caller, facts, createMoreFacts } = event
    if (action === 'key.refused') this.#responses.set(caller.requestId, null)
    return {
      event: {
        id: this.#deps.random.uuid(),
        at: this.#deps.clock(),
        actor: subject,
        action,
        subject,
        facts: { ...facts, ...createMoreFacts?.(), address: caller.address, path: caller.path },
        requestId: caller.requestId,
      },
      isUnauthenticated: isUnauthenticated(event),
    }
  }

  /** Creates the event for a count of requests that have only their action and reason in common. */
  #toSummaryEvent(event: RequestEvent): BufferedEvent {
    const { action, caller, facts } = event
    return {
      event: {
        id: this.#deps.random.uuid(),
        at: this.#deps.clock(),
        actor: UNKNOWN_SUBJECT,
        action,
        subject: UNKNOWN_SUBJECT,
        facts: facts.reason === undefined ? {} : { reason: facts.reason },
        requestId: caller.requestId,
      },
      isUnauthenticated: isUnauthenticated(event),
    }
  }

  /** Waits only for its own write, because another request's write may have ended with that request. */
  #endWindow(): Promise<void> {
    this.#openedAt = null
    if (toHour(this.#deps.clock()) !== this.#hour) this.#endHour()
    this.#waiting.push(...this.#tallies.listEvents())
    this.#recordedCounts = new Map()
    this.#tallies = new EventTallies()
    return this.#write()
  }

  async #write(): Promise<void> {
    const batch = this.#waiting
    if (batch.length === 0) return
    const responses = this.#responses
    this.#waiting = []
    this.#responses = new Map()
    const written = this.#writeBatch(batch, responses)
    this.#writes.add(written)
    await written
    this.#writes.delete(written)
  }

  /** Never rejects: events that could not be written wait for the next flush. */
  async #writeBatch(
    batch: readonly BufferedEvent[],
    responses: ReadonlyMap<string, RecordedResponse | null>,
  ): Promise<void> {
    const { storage, sealer, log } = this.#deps
    let complete = batch
    try {
      complete = await Promise.all(
        batch.map((buffered) => attachResponse(sealer, buffered, responses)),
      )
      while (complete.length > 0) {
        const part = complete.slice(0, EVENTS_PER_WRITE)
        await storage.addEvents(part.map(({ event }) => event))
        complete = complete.slice(EVENTS_PER_WRITE)
        for (const buffered of part)
          if (buffered.isUnauthenticated) this.#hourBytes += countBytes(buffered)
      }
    } catch (error) {
      const all = [...complete, ...this.#waiting]
      this.#waiting = all.slice(0, MAX_BUFFERED_EVENTS)
      const lost = all.length - this.#waiting.length
      log.error(
        { error, waiting: this.#waiting.length, lost },
        'audit events could not be written and wait for the next attempt',
      )
    }
  }
}

async function attachResponse(
  sealer: Pick<Sealer, 'seal'>,
  buffered: BufferedEvent,
  responses: ReadonlyMap<string, RecordedResponse | null>,
): Promise<BufferedEvent> {
  const { event } = buffered
  const response = responses.get(event.requestId ?? '')
  if (response == null || event.action !== 'key.refused') return buffered
  const answerBody = await sealer.seal(
    new TextEncoder().encode(response.body),
    toResponseContext(event.id),
  )
  const facts = { ...event.facts, answerStatus: response.status, answerBody }
  return { ...buffered, event: { ...event, facts } }
}

/** Estimates the bytes that an event takes in the database. */
const countBytes = ({ event }: BufferedEvent) =>
  EVENT_OVERHEAD_BYTES + JSON.stringify(event.facts).length

const toHour = (at: number) => Math.floor(at / HOUR_MS)

/** Tests if the event is a refusal of an unauthenticated caller. */
const isUnauthenticated = ({ action, caller }: RequestEvent) =>
  (action === 'key.refused' || action === 'session.refused') && caller.keyId === undefined

/** Events are similar if one party causes them in one way, so that one of them represents all. */
const toEventKind = ({ action, subject, caller, facts }: RequestEvent) => [
  action,
  facts.reason,
  facts.surface,
  subject,
  toAddressBlock(caller.address),
]

const toReasonPath = ({ action, facts }: RequestEvent) => [action, facts.reason]

/** The write logs its own failures. */
const ignoreWork: KeepAlive = () => undefined
