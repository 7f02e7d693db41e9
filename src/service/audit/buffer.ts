import type { Failure, SurfaceRefusal } from '../../domain/failure.ts'
import { isWithinLast } from '../../domain/instant.ts'
import { toAddressBlock } from '../../domain/ip-network.ts'
import { toRefusalFacts } from '../../domain/refusal-text.ts'
import type { TrafficCounter } from '../limits/usage-counters.ts'
import type { AuditEvent, AuditEventFacts, AuditStorage } from '../ports/audit.ts'
import type { Sealer } from '../ports/crypto.ts'
import type { Clock, KeepAlive, Log, Random } from '../ports/runtime.ts'

/** Something that a request did or was refused, for the audit. */
export interface RequestEvent {
  readonly action: RequestAction
  /** The key, the person, or NOBODY. */
  readonly subject: string
  readonly caller: Caller
  readonly facts: AuditEventFacts
}

/** The response to a refused request. */
export interface RecordedResponse {
  readonly status: number
  readonly body: string
}

/** The longest part of a body that is kept. */
const MAX_RESPONSE_CHARS = 2048

/** Whom a credential names that is nobody's. */
export const UNKNOWN_SUBJECT = 'nobody'

type RequestAction = 'token.issued' | 'token.refreshed' | 'key.refused' | 'session.refused'

/** How long events are gathered before they are written. What is lost with the process is no more. */
const BUFFER_WINDOW_MS = 1000
/** So many that are alike have an event each; more of them within the window share one, with a count. */
const MAX_SIMILAR_EVENTS = 5
/**
 * So many events a window may have. Past it only their number is kept, for each reason. Strangers can
 * fill their own share alone.
 */
const MAX_EVENTS_PER_WINDOW: Readonly<Record<RequestAction | typeof UNKNOWN_SUBJECT, number>> = {
  'token.issued': 2000,
  'token.refreshed': 2000,
  'key.refused': 100,
  'session.refused': 100,
  nobody: 20,
}
/** A runtime may end work that it was told to finish: so long after, another is told of it. */
const FLUSH_TIMEOUT_MS = 30_000
/** Written without waiting for the window's end. */
const FLUSH_SIZE = 500
/** As long as the database takes no write, so many are kept. */
const MAX_BUFFERED_EVENTS = 5000

/** The context that an answer is sealed for. */
export const toResponseContext = (eventId: string) => `answer ${eventId}`

/** Many that are told as one: the first of them, and how many there were. */
interface Tally {
  readonly first: AuditEvent
  count: number
}

/**
 * Gathers what requests do, off the hot path: nobody waits for these events. `flush` is to be called
 * every second and before the end, unless there is a `keepAlive`, which is then told of each flush.
 */
export function createAuditBuffer(deps: {
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
  let similarCounts = new Map<string, number>()
  let written = new Map<keyof typeof MAX_EVENTS_PER_WINDOW, number>()
  let tallies = new Map<string, Tally>()
  /** The responses to the requests of waiting events, by request id; null until one is known. */
  let responses = new Map<string, RecordedResponse | null>()
  const writes = new Set<Promise<void>>()

  function record(event: RequestEvent): void {
    const similarity = toSimilarityKey(event)
    const share = event.subject === UNKNOWN_SUBJECT ? UNKNOWN_SUBJECT : event.action
    const similarCount = similarCounts.get(similarity) ?? 0
    const shareUsed = written.get(share) ?? 0
    if (
      similarCount < MAX_SIMILAR_EVENTS &&
      shareUsed < MAX_EVENTS_PER_WINDOW[share] &&
      waiting.length < MAX_BUFFERED_EVENTS
    ) {
      similarCounts.set(similarity, similarCount + 1)
      written.set(share, shareUsed + 1)
      waiting.push(toAuditEvent(event))
      if (waiting.length === FLUSH_SIZE) (keepAlive ?? ignoreWork)(write())
    } else if (similarCount > 0) {
      count(similarity, () => toAuditEvent(event))
    } else {
      const { action, facts } = event
      count(`${action}\0${facts.reason}`, () => toSummaryEvent(event))
    }
    const now = clock()
    if (openedAt !== null && isWithinLast(FLUSH_TIMEOUT_MS, openedAt, now)) return
    openedAt = now
    keepAlive?.(sleep(BUFFER_WINDOW_MS).then(endWindow))
  }

  function count(tallyKey: string, first: () => AuditEvent): void {
    const tally = tallies.get(tallyKey)
    if (tally === undefined) tallies.set(tallyKey, { first: first(), count: 1 })
    else tally.count++
  }

  function toAuditEvent({ action, subject, caller, facts }: RequestEvent): AuditEvent {
    if (action === 'key.refused') responses.set(caller.requestId, null)
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
  function recordResponse(requestId: string, { status, body }: RecordedResponse): void {
    if (!responses.has(requestId)) return
    responses.set(requestId, { status, body: body.slice(0, MAX_RESPONSE_CHARS) })
  }

  async function attachResponse(event: AuditEvent, response: RecordedResponse | null | undefined) {
    if (response == null || event.action !== 'key.refused') return event
    const answerBody = await sealer.seal(
      new TextEncoder().encode(response.body),
      toResponseContext(event.id),
    )
    return { ...event, facts: { ...event.facts, answerStatus: response.status, answerBody } }
  }

  /** Of many that have little in common. */
  const toSummaryEvent = ({ action, caller, facts }: RequestEvent): AuditEvent => ({
    id: random.uuid(),
    at: clock(),
    actor: UNKNOWN_SUBJECT,
    action,
    subject: UNKNOWN_SUBJECT,
    facts: facts.reason === undefined ? {} : { reason: facts.reason },
    requestId: caller.requestId,
  })

  /** Resolves when everything until now is on disk, or the log says why not. */
  async function flush(): Promise<void> {
    await endWindow()
    await Promise.all(writes)
  }

  /** Waits for its own write alone: that of another request may have ended with it. */
  function endWindow(): Promise<void> {
    openedAt = null
    for (const { first, count } of tallies.values()) {
      waiting.push({ ...first, facts: { ...first.facts, count } })
    }
    similarCounts = new Map()
    written = new Map()
    tallies = new Map()
    return write()
  }

  async function write(): Promise<void> {
    const batch = waiting
    if (batch.length === 0) return
    const batchResponses = responses
    waiting = []
    responses = new Map()
    let events: readonly AuditEvent[] = batch
    const writeBatch = async () => {
      events = await Promise.all(
        batch.map((event) => attachResponse(event, batchResponses.get(event.requestId ?? ''))),
      )
      await storage.addEvents(events)
    }
    const written = writeBatch().catch((error: unknown) => {
      const all = [...events, ...waiting]
      waiting = all.slice(0, MAX_BUFFERED_EVENTS)
      const lost = all.length - waiting.length
      log.error({ error, waiting: waiting.length, lost }, 'events were not audited yet')
    })
    writes.add(written)
    await written
    writes.delete(written)
  }

  return { record, recordResponse, flush }
}

/** Alike are those that one party does in one way: then one of them tells about all. */
function toSimilarityKey({ action, subject, caller, facts }: RequestEvent): string {
  return [action, subject, facts.reason, facts.surface, toAddressBlock(caller.address)].join('\0')
}

/** It tells the log itself where it fails. */
const ignoreWork: KeepAlive = () => undefined

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export type AuditBuffer = ReturnType<typeof createAuditBuffer>

/** Who is calling, as far as the connection tells. */
export interface Caller {
  readonly address: string
  readonly requestId: string
  /** The route that was asked for, as the server writes it: nothing that the caller typed. */
  readonly path: string
  /** The key of the request, set when its credential is proven. */
  keyId?: string
}

export interface RecordRefusalDeps {
  readonly auditBuffer: AuditBuffer
  readonly traffic: Pick<TrafficCounter, 'countRefused'>
  readonly log: Log
}

/**
 * Tells the operator of a refusal, in words that the caller never reads. Nobody waits for it: a caller
 * must not see from the time it takes whether there is such a key.
 */
export function createRecordRefusal({ auditBuffer, traffic, log }: RecordRefusalDeps) {
  function recordRefusal(surface: string, failure: Failure | SurfaceRefusal, caller: Caller): void {
    log.info({ ...caller, ...toLogFields(failure) }, `${surface} refused`)
    const keyId = 'keyId' in failure ? failure.keyId : caller.keyId
    const subject = keyId ?? UNKNOWN_SUBJECT
    const keyFacts = keyId === undefined ? {} : { keyId }
    const facts = { surface: surface, ...toRefusalFacts(failure), ...keyFacts }
    auditBuffer.record({ action: 'key.refused', subject, caller, facts })
    traffic.countRefused(surface, failure.reason, keyId)
  }

  /** Keeps the response that this server wrote, for the event of the refusal. */
  const recordResponse = ({ requestId }: Caller, response: RecordedResponse) =>
    auditBuffer.recordResponse(requestId, response)

  return Object.assign(recordRefusal, { recordResponse })
}

/** A member's name is the caller's own text: in a payload it may be anything, so no log keeps it. */
const toLogFields = (failure: Failure | SurfaceRefusal): object =>
  failure.reason === 'member_repeated' ? { reason: failure.reason } : failure

export type RecordRefusal = ReturnType<typeof createRecordRefusal>
