import type { Outgoing } from '../../service/deliver/attempt.ts'
import { decodeText } from '../body.ts'
import { parseJson } from '../json.ts'
import { readMeta, writeDelivered } from './meta.ts'
import { withMeta } from './splice.ts'

/** The body that a destination is sent: the message as it came in, its `Meta` filled in. */
export function renderDelivered({ payload, source, hops }: Outgoing): string {
  const text = decodeText(payload)
  const message = text.ok ? parseJson(text.value) : text
  const meta = message.ok ? readMeta(message.value) : message
  // It was accepted, so it was all that.
  if (!text.ok || !meta.ok) throw new Error('a stored message is none')
  const logs = hops.map(({ logId, attemptId }) => ({ id: logId, attemptId }))
  const destinations = hops.map((hop) => ({ id: hop.destinationId, name: hop.destinationName }))
  return withMeta(text.value, writeDelivered(meta.value, { source, destinations, logs }))
}
