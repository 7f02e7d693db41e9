import type { Outgoing } from '../../service/deliver/attempt.ts'
import { applyEdits } from '../json-edit.ts'
import {
  findMember,
  NO_BOUNDS,
  scanLongJson,
  skipByteOrderMark,
  watchMember,
} from '../json-scan.ts'
import { fillMeta, META, META_FILLED } from './meta.ts'

const MESSAGE = watchMember('', [META_FILLED])

/** The body that a destination is sent: the message as it came in, its `Meta` filled in. */
export async function renderDelivered(outgoing: Outgoing): Promise<Uint8Array> {
  const { payload, hops, ...known } = outgoing
  // It was accepted: an older version has taken what is beyond the bounds of this one.
  const message = await scanLongJson(payload, MESSAGE, NO_BOUNDS)
  const meta = message.ok ? findMember(message.value, META) : undefined
  if (meta === undefined) throw new Error('a stored message is none')
  const logs = hops.map(({ logId, attemptId }) => ({ id: logId, attemptId }))
  const destinations = hops.map((hop) => ({ id: hop.destinationId, name: hop.destinationName }))
  const whole = { start: skipByteOrderMark(payload), end: payload.length }
  return applyEdits(payload, whole, fillMeta(meta, { ...known, destinations, logs }))
}
