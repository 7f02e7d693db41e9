import { type Failure, fail, ok, type Result } from '../../domain/failure.ts'
import { type MessageEnvelope, type MessageRoute, routeMessage } from '../../domain/routing.ts'
import type { Caller } from '../audit/buffer.ts'
import type { Sealer } from '../ports/crypto.ts'
import type { MessageIdStorage, MessageStorage, NewDelivery } from '../ports/messages.ts'
import type { WebhookClient } from '../ports/outbound.ts'
import type { QueueRef } from '../ports/routing.ts'
import type { Clock, Log, Random } from '../ports/runtime.ts'
import type { Principal } from '../tokens/guard.ts'
import { sealPayload } from './payload.ts'
import { openWebhookEndpoint } from './webhook-endpoint.ts'

/** A received message. */
export interface IncomingMessage extends MessageEnvelope {
  readonly test: boolean
  /** The body, byte for byte. */
  readonly payload: Uint8Array
  /** Renders the body for a destination in the vendor's format, with the fields that the server adds. */
  readonly render: (accepted: AcceptedMessage) => Uint8Array
  /** Aborted when the caller disconnects. Called only if the caller waits for a response. */
  readonly signal: () => AbortSignal
}

export interface AcceptedMessage {
  readonly principal: Principal
  readonly route: MessageRoute
  readonly serial: number
  /** One for each destination, in the message's order. */
  readonly logs: readonly { readonly id: string; readonly attemptId: string }[]
}

/** `answer`: the unchanged response body of a synchronous message's destination; null otherwise. */
export type MessageReceipt = AcceptedMessage & { readonly answer: Uint8Array | null }

/** The total time limit of a synchronous message. */
const SYNCHRONOUS_TIMEOUT_MS = 120_000

export interface AcceptMessageDeps {
  readonly storage: Pick<MessageStorage, 'addMessage' | 'addPayloadPart' | 'findPayloadPart'>
  readonly sealer: Sealer
  readonly webhookClient: Pick<WebhookClient, 'sendSynchronous'>
  /** Called with the subscriptions that have new messages, once these are on disk. */
  readonly wakeQueues: (queues: readonly QueueRef[]) => void
  readonly random: Random
  readonly nextMessageId: () => Promise<number>
  readonly clock: Clock
  readonly log: Log
  readonly synchronousMs?: number | undefined
}

/**
 * Accepts a message: routes it, then stores it with one delivery for each destination. A synchronous
 * message is sent directly to its one destination instead.
 */
export function createAcceptMessage(deps: AcceptMessageDeps) {
  const { storage, sealer, webhookClient, wakeQueues, random, nextMessageId, clock, log } = deps
  const { synchronousMs = SYNCHRONOUS_TIMEOUT_MS } = deps

  return async function acceptMessage(
    principal: Principal,
    message: IncomingMessage,
    caller: Caller,
  ): Promise<Result<MessageReceipt>> {
    const routed = routeMessage(principal.routing, message)
    if (!routed.ok) return routed
    const route = routed.value
    const accepted: AcceptedMessage = {
      principal,
      route,
      serial: await nextMessageId(),
      logs: route.hops.map(() => ({ id: random.uuid(), attemptId: random.uuid() })),
    }
    if (route.synchronous) return sendSynchronous(message, accepted)
    await store(message, accepted)
    log.debug(
      { ...caller, keyId: principal.key.id, serial: accepted.serial },
      'a message was accepted',
    )
    return ok({ ...accepted, answer: null })
  }

  async function store(
    message: IncomingMessage,
    { principal, route, serial, logs }: AcceptedMessage,
  ) {
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
      sourceId: principal.routing.sourceId,
      dataModel: message.dataModel,
      eventType: message.eventType,
      test: message.test,
      ...(await sealPayload(deps, id, message.payload)),
      receivedAt: clock(),
      deliveries,
    })
    wakeQueues(route.hops.map((hop) => ({ id: hop.id, destinationId: hop.destination.id })))
  }

  async function sendSynchronous(
    message: IncomingMessage,
    accepted: AcceptedMessage,
  ): Promise<Result<MessageReceipt>> {
    const [{ destination }] = accepted.route.hops
    const endpoint = await openWebhookEndpoint(sealer, { ...destination, method: 'POST' })
    const body = message.render(accepted)
    // AbortSignal.timeout would stay in memory for the whole time, even after an early response.
    const timeout = new AbortController()
    const timer = setTimeout(
      () => timeout.abort(new DOMException('', 'TimeoutError')),
      synchronousMs,
    )
    const signal = AbortSignal.any([timeout.signal, message.signal()])
    const answer = await webhookClient
      .sendSynchronous(endpoint, body, signal)
      .finally(() => clearTimeout(timer))
    if (answer.ok) return ok({ ...accepted, answer: answer.value })
    const failure: Failure = timeout.signal.aborted
      ? { reason: 'destination_timed_out', destinationId: destination.id }
      : answer.failure
    return fail(failure)
  }
}

export type AcceptMessage = ReturnType<typeof createAcceptMessage>

const MESSAGE_ID_EPOCH_MS = Date.UTC(2020, 0, 1)
const MESSAGE_IDS_PER_BLOCK = 65_536
const MESSAGE_ID_BLOCK_MS = 16
/** Keeps ids below 2^53. */
const MAX_MESSAGE_ID_BLOCK = 2 ** 37 - 1
/** A clock after 2087 is ignored, because it would use up the remaining blocks. */
const MAX_CLOCK_MESSAGE_ID_BLOCK = MAX_MESSAGE_ID_BLOCK - 2 ** 32

export interface MessageIdDeps {
  readonly storage: MessageIdStorage
  readonly clock: Clock
}

/**
 * Generates `Meta.Message.ID`: an integer from 1 to 2^53 - 1 that no other message of this database
 * has or had. Random ids cannot guarantee that: with time and random bits in 53 bits for a hundred
 * years, one message per second would cause about five collisions a year, ten per second about five
 * hundred. Therefore a process claims blocks in the database. Each block is claimed once, whatever the
 * process's clock says and however often it starts.
 *
 * A block begins no earlier than the time of its claim (65,536 ids per 16 ms, the scale of earlier
 * ids), so that a restored older copy of the database issues none of them again, unless the clock is
 * set back too. Blocks last until 2089 if fewer than 62 are claimed per second on average. Refused
 * requests take no id, so strangers cannot use them up.
 */
export function createMessageIdGenerator({ storage, clock }: MessageIdDeps) {
  let next = 0
  let end = 0

  return async function nextMessageId(): Promise<number> {
    for (;;) {
      if (next < end) return next++
      const free = await storage.findNextIdBlock()
      // A concurrent call in this process may have claimed a block meanwhile.
      if (next < end) continue
      const block = Math.max(free, Math.min(toClockBlock(clock()), MAX_CLOCK_MESSAGE_ID_BLOCK))
      if (block > MAX_MESSAGE_ID_BLOCK) throw new Error('all message ids are used up')
      if (!(await storage.moveNextIdBlock(free, block + 1))) continue
      next = block * MESSAGE_IDS_PER_BLOCK
      end = next + MESSAGE_IDS_PER_BLOCK
    }
  }
}

const toClockBlock = (now: number) => Math.floor((now - MESSAGE_ID_EPOCH_MS) / MESSAGE_ID_BLOCK_MS)
