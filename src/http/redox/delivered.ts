import type { Outgoing } from '../../service/deliver/attempt.ts'
import { applyEdits } from '../json-edit.ts'
import {
  findMember,
  NO_BOUNDS,
  scanLongJson,
  skipByteOrderMark,
  watchMember,
} from '../json-scan.ts'
import { DELIVERED_META_WATCH, fillMeta, META } from './meta.ts'

const MESSAGE_WATCH = watchMember('', [DELIVERED_META_WATCH])

/** The body that a destination is sent: the message as it came in, its `Meta` filled in. */
export async function renderDelivered(outgoing: Outgoing): Promise<Uint8Array> {
  const { payload, hops, ...known } = outgoing
  // The message was accepted before, possibly by an older version with wider bounds.
  const message = await scanLongJson(payload, MESSAGE_WATCH, NO_BOUNDS)
  const meta = message.ok ? findMember(message.value, META) : undefined
  if (meta === undefined) throw new Error('a stored message has no Meta')
  const logs = hops.map(({ logId, attemptId }) => ({ id: logId, attemptId }))
  const destinations = hops.map((hop) => ({ id: hop.destinationId, name: hop.destinationName }))
  const whole = { start: skipByteOrderMark(payload), end: payload.length }
  return applyEdits(payload, whole, fillMeta(meta, { ...known, destinations, logs }))
}
