import { yieldToOtherWork } from '../long-work.ts'
import type { Sealer } from '../ports/crypto.ts'
import type { MessageStorage, StoredPayload } from '../ports/messages.ts'
import { type Clock, type MaybePromise, mapMaybePromise } from '../ports/runtime.ts'

/**
 * A longer payload is sealed and stored in parts of this length, each in a transaction of its own: in one
 * piece, 40 MB would keep every other request waiting for a second. A row of D1 holds 2 MB.
 */
const PAYLOAD_PART_BYTES = 512 * 1024

export interface SealPayloadDeps {
  readonly storage: Pick<MessageStorage, 'addPayloadPart' | 'deletePayloadParts'>
  readonly sealer: Sealer
  readonly clock: Clock
}

/** Seals a message's payload. Stores its parts, if it is long: the message must be added after them. */
export function sealPayload(
  deps: SealPayloadDeps,
  messageId: string,
  payload: Uint8Array,
): MaybePromise<StoredPayload> {
  if (payload.length > PAYLOAD_PART_BYTES) return sealParts(deps, messageId, payload)
  return mapMaybePromise(deps.sealer.seal(payload, messageId), (sealedPayload) => ({
    sealedPayload,
    payloadPartCount: 0,
  }))
}

async function sealParts(
  { storage, sealer, clock }: SealPayloadDeps,
  messageId: string,
  payload: Uint8Array,
): Promise<StoredPayload> {
  const count = Math.ceil(payload.length / PAYLOAD_PART_BYTES)
  try {
    for (let part = 0; part < count; part++) {
      const bytes = payload.subarray(part * PAYLOAD_PART_BYTES, (part + 1) * PAYLOAD_PART_BYTES)
      const sealed = await sealer.seal(bytes, toPartContext(messageId, part, count))
      await storage.addPayloadPart(messageId, part, sealed, clock())
      await yieldToOtherWork()
    }
  } catch (error) {
    // The sender comes again with another message. What cannot be deleted now is deleted by the hour.
    await deletePayloadParts(storage, messageId).catch(() => undefined)
    throw error
  }
  return { sealedPayload: '', payloadPartCount: count }
}

export interface OpenPayloadDeps {
  readonly storage: Pick<MessageStorage, 'findPayloadPart'>
  readonly sealer: Sealer
}

export async function openPayload(
  { storage, sealer }: OpenPayloadDeps,
  messageId: string,
  { sealedPayload, payloadPartCount: count }: StoredPayload,
): Promise<Uint8Array> {
  if (count === 0) return sealer.open(sealedPayload, messageId)
  const payload = new Uint8Array(count * PAYLOAD_PART_BYTES)
  let length = 0
  for (let part = 0; part < count; part++) {
    const sealed = await storage.findPayloadPart(messageId, part)
    if (sealed === null) throw new Error('a part of the payload is missing')
    const bytes = await sealer.open(sealed, toPartContext(messageId, part, count))
    payload.set(bytes, length)
    length += bytes.length
    await yieldToOtherWork()
  }
  return payload.subarray(0, length)
}

/** The associated data of a part, so that no part can be moved, left out or taken from another message. */
const toPartContext = (messageId: string, part: number, count: number) =>
  `${messageId} part ${part} of ${count}`

/** Deletes the parts of a payload that was erased, or that has no message, a few at a time. */
export async function deletePayloadParts(
  storage: Pick<MessageStorage, 'deletePayloadParts'>,
  messageId: string,
): Promise<void> {
  while ((await storage.deletePayloadParts(messageId)) > 0) await yieldToOtherWork()
}

/** A message follows its parts within seconds. After this time, its process was killed. */
const ABANDONED_PART_MS = 15 * 60 * 1000
/** The payloads of a page. */
const PAYLOAD_PAGE_SIZE = 100

/** Deletes the parts that killed processes and failed deletions left. */
export async function deleteUnneededPayloads(
  storage: Pick<MessageStorage, 'deletePayloadParts' | 'listUnneededPayloads'>,
  now: number,
): Promise<void> {
  for (;;) {
    const ids = await storage.listUnneededPayloads(now - ABANDONED_PART_MS, PAYLOAD_PAGE_SIZE)
    for (const id of ids) await deletePayloadParts(storage, id)
    if (ids.length < PAYLOAD_PAGE_SIZE) return
  }
}
