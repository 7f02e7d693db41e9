import { yieldToOtherWork } from '../long-work.ts'
import type { Sealer } from '../ports/crypto.ts'
import type { AttemptRecord, MessageStorage } from '../ports/messages.ts'
import { openWebhookEndpoint, type WebhookClient, type WebhookResult } from '../ports/outbound.ts'
import type { QueueHead } from '../ports/routing.ts'
import type { Clock, Log } from '../ports/runtime.ts'
import { openPayload } from './payload.ts'

/** The content that a destination's request body is rendered from. */
export interface OutgoingMessage {
  /** The received body, byte for byte. */
  readonly payload: Uint8Array
  readonly serial: QueueHead['serial']
  readonly test: QueueHead['test']
  readonly source: QueueHead['source']
  /** All destinations of the message, in its order. */
  readonly hops: QueueHead['hops']
}

export interface AttemptDeps {
  readonly storage: Pick<MessageStorage, 'findPayloadPart'>
  readonly sealer: Sealer
  readonly webhookClient: Pick<WebhookClient, 'deliver'>
  /** Renders the body for a destination in the vendor's format. */
  readonly render: (outgoing: OutgoingMessage) => Promise<Uint8Array>
  readonly clock: Clock
  readonly log: Log
}

/** The result of an attempt. `isAborted`: this process aborted it. */
export interface AttemptResult {
  readonly record: AttemptRecord
  readonly isAborted: boolean
}

/** Runs delivery attempts. All attempts in progress can be aborted at once. */
export class AttemptRunner {
  readonly #deps: AttemptDeps
  /**
   * One controller per attempt, because on Workers a request cannot use objects that another request
   * created.
   */
  readonly #controllers = new Set<AbortController>()

  constructor(deps: AttemptDeps) {
    this.#deps = deps
  }

  /** Never rejects. */
  async attemptDelivery(head: QueueHead): Promise<AttemptResult> {
    const { clock } = this.#deps
    const controller = new AbortController()
    this.#controllers.add(controller)
    const at = clock()
    const result = await sendMessage(this.#deps, head, controller.signal)
    this.#controllers.delete(controller)
    return {
      record: toAttemptRecord(result, at, clock() - at),
      isAborted: controller.signal.aborted,
    }
  }

  abortAll(): void {
    for (const controller of this.#controllers) controller.abort()
  }
}

/** Opens a stored message, renders it for its destination and sends it. Never rejects. */
async function sendMessage(
  deps: AttemptDeps,
  head: QueueHead,
  signal: AbortSignal,
): Promise<WebhookResult> {
  const { sealer, webhookClient, render, log } = deps
  const { serial, test, source, hops, destination, messageId } = head
  try {
    const payload = await openPayload(deps, messageId, head)
    const endpoint = await openWebhookEndpoint(sealer, destination)
    const body = await render({ payload, serial, test, source, hops })
    const result = await webhookClient.deliver(endpoint, body, signal)
    if (result.outcome !== 'refused') return result
    return { ...result, excerpt: await redactEcho(result.excerpt, body) }
  } catch (error) {
    // Only the name of the error is logged, because its message may contain the payload.
    log.error({ messageId, error: getErrorName(error) }, 'a message could not be opened or sent')
    return {
      outcome: 'failed',
      detail: 'Latchkey could not open or send the message. See the server log.',
    }
  }
}

function toAttemptRecord(result: WebhookResult, at: number, ms: number): AttemptRecord {
  const { outcome } = result
  const httpStatus = 'status' in result ? result.status : null
  if (outcome === 'delivered') return { at, ms, outcome, httpStatus, detail: '' }
  const detail = 'excerpt' in result ? result.excerpt : result.detail
  return { at, ms, outcome, httpStatus, detail }
}

const getErrorName = (error: unknown) => (error instanceof Error ? error.name : typeof error)

const WORD_PATTERN = /[\p{L}\p{N}]{2,}/gu

/** A search for some dozens of words in so much text takes a few milliseconds. */
const SEARCH_BYTES = 64 * 1024
const MAX_CHARACTER_BYTES = 4

/**
 * Removes from a text the words that also occur in the message, because values of a message may be
 * patient data. Names of members are kept. `message`: JSON. A long one is searched in slices, which overlap.
 */
export async function redactEcho(text: string, message: Uint8Array): Promise<string> {
  const words = new Set(text.match(WORD_PATTERN))
  if (words.size === 0) return text
  const overlap = MAX_CHARACTER_BYTES * (text.length + 2)
  const values = new RegExp(
    `(?<![\\p{L}\\p{N}])(?:${[...words].join('|')})(?![\\p{L}\\p{N}]|":)`,
    'giu',
  )
  const echoed = new Set<string>()
  for (let at = 0; at < message.length; at += SEARCH_BYTES) {
    if (at > 0) await yieldToOtherWork()
    const slice = message.subarray(Math.max(at - overlap, 0), at + SEARCH_BYTES)
    for (const word of new TextDecoder().decode(slice).match(values) ?? []) {
      echoed.add(word.toLowerCase())
    }
  }
  return text.replace(WORD_PATTERN, (word) => (echoed.has(word.toLowerCase()) ? '…' : word))
}
