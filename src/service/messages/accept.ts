import { type Failure, fail, ok, type Result } from '../../domain/failure.ts'
import { type MessageEnvelope, type MessageRoute, routeMessage } from '../../domain/routing.ts'
import type { KeyWithRouting } from '../authenticate/key-cache.ts'
import type { Caller } from '../caller.ts'
import type { RecordOAuthUse } from '../limits/usage-counters.ts'
import type { Sealer } from '../ports/crypto.ts'
import type { MessageStorage, NewDelivery } from '../ports/messages.ts'
import { openWebhookEndpoint, type WebhookClient } from '../ports/outbound.ts'
import type { QueueRef } from '../ports/routing.ts'
import type { Clock, Log, MaybePromise, Random } from '../ports/runtime.ts'
import { sealPayload } from './payload.ts'

/** A received message. */
export interface IncomingMessage extends MessageEnvelope {
  readonly test: boolean
  /** The body, byte for byte. */
  readonly payload: Uint8Array
  /** Renders the body for a destination in the vendor's format, with the fields that the server adds. */
  readonly render: (accepted: AcceptedMessage) => Promise<Uint8Array>
  /** Aborted when the caller disconnects. Called only if the caller waits for a response. */
  readonly signal: () => AbortSignal
}

export interface AcceptedMessage {
  readonly principal: KeyWithRouting
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
  readonly storage: Pick<MessageStorage, 'addMessage' | 'addPayloadPart' | 'deletePayloadParts'>
  readonly sealer: Sealer
  readonly webhookClient: Pick<WebhookClient, 'sendSynchronous'>
  /** Called with the subscriptions that have new messages, once these are on disk. */
  readonly wakeQueues: (queues: readonly QueueRef[]) => void
  readonly random: Random
  readonly nextMessageId: () => MaybePromise<number>
  readonly recordOAuthUse: RecordOAuthUse
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
  const { synchronousMs = SYNCHRONOUS_TIMEOUT_MS, recordOAuthUse } = deps

  /** Returns a refusal at once, without a promise. */
  return function acceptMessage(
    principal: KeyWithRouting,
    message: IncomingMessage,
    caller: Caller,
  ): MaybePromise<Result<MessageReceipt>> {
    const routed = routeMessage(principal.key, principal.routings, message)
    return routed.ok ? storeOrSend(principal, message, routed.value, caller) : routed
  }

  async function storeOrSend(
    principal: KeyWithRouting,
    message: IncomingMessage,
    route: MessageRoute,
    caller: Caller,
  ): Promise<Result<MessageReceipt>> {
    const { key } = principal
    if (key.oauthClient !== null) recordOAuthUse([route.source.id, key.ownerId])
    // Each await of a value that is there already would take another turn of the microtask queue.
    const serial = nextMessageId()
    const accepted: AcceptedMessage = {
      principal,
      route,
      serial: serial instanceof Promise ? await serial : serial,
      logs: route.hops.map(() => ({ id: random.uuid(), attemptId: random.uuid() })),
    }
    if (route.synchronous) return sendSynchronous(message, accepted)
    const id = random.uuid()
    const stored = sealPayload(deps, id, message.payload)
    const { sealedPayload, payloadPartCount } = stored instanceof Promise ? await stored : stored
    await storage.addMessage({
      id,
      serial: accepted.serial,
      keyId: key.id,
      sourceId: route.source.id,
      dataModel: message.dataModel,
      eventType: message.eventType,
      test: message.test,
      sealedPayload,
      payloadPartCount,
      receivedAt: clock(),
      deliveries: createDeliveries(accepted),
    })
    wakeQueues(route.hops.map((hop) => ({ id: hop.id, destinationId: hop.destination.id })))
    log.debug({ ...caller, keyId: key.id, serial: accepted.serial }, 'a message was accepted')
    return ok({ ...accepted, answer: null })
  }

  async function sendSynchronous(
    message: IncomingMessage,
    accepted: AcceptedMessage,
  ): Promise<Result<MessageReceipt>> {
    const [{ destination }] = accepted.route.hops
    const endpoint = await openWebhookEndpoint(sealer, { ...destination, method: 'POST' })
    const body = await message.render(accepted)
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

const createDeliveries = ({ route, logs }: AcceptedMessage): NewDelivery[] =>
  route.hops.map((hop, n) => {
    const entry = logs[n]
    if (entry === undefined) throw new Error('a destination has no log entry')
    return {
      id: entry.id,
      attemptId: entry.attemptId,
      subscriptionId: hop.id,
      destinationId: hop.destination.id,
    }
  })

export type AcceptMessage = ReturnType<typeof createAcceptMessage>
