import type { Sealer } from '../ports/crypto.ts'
import type { MessageStorage, StoredPayload } from '../ports/messages.ts'
import type { Clock } from '../ports/runtime.ts'

/**
 * A longer payload is sealed and stored in parts of this length, each in a transaction of its own: in one
 * piece, 40 MB would keep every other request waiting for a second. A row of D1 holds 2 MB.
 */
const PAYLOAD_PART_BYTES = 512 * 1024

interface PayloadDeps {
  readonly storage: Pick<MessageStorage, 'addPayloadPart' | 'findPayloadPart'>
  readonly sealer: Sealer
}

/** Seals a message's payload. Stores its parts, if it is long: the message must be added after them. */
export async function sealPayload(
  { storage, sealer, clock }: PayloadDeps & { readonly clock: Clock },
  messageId: string,
  payload: Uint8Array,
): Promise<StoredPayload> {
  if (payload.length <= PAYLOAD_PART_BYTES) {
    return { sealedPayload: await sealer.seal(payload, messageId), payloadPartCount: 0 }
  }
  const count = Math.ceil(payload.length / PAYLOAD_PART_BYTES)
  for (let part = 0; part < count; part++) {
    const bytes = payload.subarray(part * PAYLOAD_PART_BYTES, (part + 1) * PAYLOAD_PART_BYTES)
    const sealed = await sealer.seal(bytes, toPartContext(messageId, part, count))
    await storage.addPayloadPart(messageId, part, sealed, clock())
  }
  return { sealedPayload: '', payloadPartCount: count }
}

export async function openPayload(
  { storage, sealer }: PayloadDeps,
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
  }
  return payload.subarray(0, length)
}

/** The associated data of a part, so that no part can be moved, left out or taken from another message. */
const toPartContext = (messageId: string, part: number, count: number) =>
  `${messageId} part ${part} of ${count}`

/** An accepting process stores a message's row seconds after its parts; after this time it never will. */
export const ABANDONED_PART_MS = 24 * 60 * 60 * 1000

/** Deletes the parts of erased payloads, and those that killed processes left, some at a time. */
export async function deletePayloadParts(
  storage: Pick<MessageStorage, 'deletePayloadParts'>,
  now: number,
): Promise<void> {
  while ((await storage.deletePayloadParts(now - ABANDONED_PART_MS)) > 0);
}
