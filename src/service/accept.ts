import { type Failure, fail, ok, type Result } from '../domain/failure.ts'
import { type Envelope, mayRoute, type Route } from '../domain/route.ts'
import { addressOf } from './destination-address.ts'
import type { Principal } from './guard.ts'
import type {
  Clock,
  Courier,
  FeedRef,
  Log,
  MessageStorage,
  NewDelivery,
  Random,
  Sealer,
} from './ports.ts'
import type { Caller } from './refused.ts'

/** A message as it came in. */
export interface Incoming extends Envelope {
  readonly test: boolean
  /** The body, byte for byte. */
  readonly payload: Uint8Array
  /** The body that a destination is sent: the dialect's words, with what the server fills in. */
  readonly render: (accepted: Accepted) => Uint8Array
  /** Aborted when the caller hangs up. Asked for only by those who wait. */
  readonly signal: () => AbortSignal
}

export interface Accepted {
  readonly principal: Principal
  readonly route: Route
  readonly serial: number
  /** One for each destination, in the message's order. */
  readonly logs: readonly { readonly id: string; readonly attemptId: string }[]
}

/** `answer`: what the destination of a synchronous message said, as it said it. */
export type Receipt = Accepted & { readonly answer: Uint8Array | null }

/** All the time that a synchronous message has. */
const SYNCHRONOUS_MS = 120_000

export interface AcceptDeps {
  readonly storage: Pick<MessageStorage, 'addMessage'>
  readonly sealer: Sealer
  readonly courier: Pick<Courier, 'ask'>
  /** Told which feeds have something queued, once it is on disk. */
  readonly wake: (feeds: readonly FeedRef[]) => void
  readonly random: Random
  readonly nextMessageId: () => Promise<number>
  readonly clock: Clock
  readonly log: Log
  readonly synchronousMs?: number | undefined
}

/**
 * A message in: judged, then stored with one delivery for each destination, or, where its event is
 * synchronous, carried straight to its one destination.
 */
export function createAccept(deps: AcceptDeps) {
  const { storage, sealer, courier, wake, random, nextMessageId, clock, log } = deps
  const { synchronousMs = SYNCHRONOUS_MS } = deps

  return async function accept(
    principal: Principal,
    message: Incoming,
    caller: Caller,
  ): Promise<Result<Receipt>> {
    const routed = mayRoute(principal.routes, message)
    if (!routed.ok) return routed
    const route = routed.value
    const accepted: Accepted = {
      principal,
      route,
      serial: await nextMessageId(),
      logs: route.hops.map(() => ({ id: random.uuid(), attemptId: random.uuid() })),
    }
    if (route.synchronous) return ask(message, accepted)
    await store(message, accepted)
    log.debug({ ...caller, keyId: principal.key.id, serial: accepted.serial }, 'message accepted')
    return ok({ ...accepted, answer: null })
  }

  async function store(message: Incoming, { principal, route, serial, logs }: Accepted) {
    const id = random.uuid()
    const deliveries: NewDelivery[] = []
    for (const [n, hop] of route.hops.entries()) {
      const entry = logs[n]
      if (entry === undefined) throw new Error('a destination has no log entry')
      deliveries.push({ ...entry, subscriptionId: hop.id, destinationId: hop.destination.id })
    }
    await storage.addMessage({
      id,
      serial,
      keyId: principal.key.id,
      sourceId: principal.routes.sourceId,
      dataModel: message.dataModel,
      eventType: message.eventType,
      test: message.test,
      sealedPayload: await sealer.seal(message.payload, id),
      receivedAt: clock(),
      deliveries,
    })
    wake(route.hops.map((hop) => ({ id: hop.id, destinationId: hop.destination.id })))
  }

  async function ask(message: Incoming, accepted: Accepted): Promise<Result<Receipt>> {
    const [{ destination }] = accepted.route.hops
    const address = await addressOf(sealer, { ...destination, method: 'POST' })
    const body = message.render(accepted)
    // AbortSignal.timeout would stay behind for all of that time, however soon the answer is there.
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new DOMException('', 'TimeoutError')), synchronousMs)
    const signal = AbortSignal.any([late.signal, message.signal()])
    const answer = await courier.ask(address, body, signal).finally(() => clearTimeout(timer))
    if (answer.ok) return ok({ ...accepted, answer: answer.value })
    const failure: Failure = late.signal.aborted
      ? { reason: 'destination_timed_out', destinationId: destination.id }
      : answer.failure
    return fail(failure)
  }
}

export type Accept = ReturnType<typeof createAccept>
