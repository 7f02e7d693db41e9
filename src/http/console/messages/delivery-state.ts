import type { DeliverySummary } from '../../../service/ports.ts'
import type { Html } from '../parts/html.ts'
import { badge, plural } from '../parts/words.ts'

/** What became of a message on its way to one destination. */
export function deliveryState({ status, attempts }: DeliverySummary): Html {
  if (status === 'delivered') return badge('Delivered', 'good')
  if (status === 'skipped') return badge('Skipped', 'warn')
  return attempts === 0
    ? badge('Queued')
    : badge(`Queued, tried ${plural(attempts, 'time')}`, 'bad')
}
