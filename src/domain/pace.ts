import type { Key } from './key.ts'

/** So many requests of one key within so long. */
export interface Pace {
  readonly limit: number
  readonly windowMs: number
}

/** What Open Dental documents for each customer key: one request in so long. */
const CUSTOMER_KEY_MS = { read: 5000, standard: 1000, enterprise: 500 } as const

/** How often a key may be used on its surface; `usual` is what the operator has set for all others. */
export function paceOf({ dialect, access }: Key, usual: Pace): Pace {
  return dialect === 'opendental' ? { limit: 1, windowMs: CUSTOMER_KEY_MS[access] } : usual
}
