import type { KeySummary } from '../../service/ports.ts'

/** All that the vendor names. */
export type KeyStatus =
  | 'Enabled'
  | 'DisabledByDeveloper'
  | 'DisabledByCustomer'
  | 'DisabledByHQ'
  | 'EnabledReadOnly'
  | 'Unknown'

const DISABLED_BY = {
  developer: 'DisabledByDeveloper',
  customer: 'DisabledByCustomer',
  operator: 'DisabledByHQ',
} as const

/**
 * What reads as what is our choice where the vendor leaves it open. The first that is true:
 *
 * | the key                         | reads                |                                               |
 * |---------------------------------|----------------------|-----------------------------------------------|
 * | is revoked                      | `DisabledByHQ`       | headquarters alone could end a key for good   |
 * | is disabled by the operator     | `DisabledByHQ`       | this server has no other headquarters         |
 * | is disabled by another party    | `DisabledBy…`        |                                               |
 * | has expired                     | `Unknown`            | it opens nothing, and nobody has disabled it  |
 * | only reads                      | `EnabledReadOnly`    |                                               |
 * | opens all of its office's data  | `Enabled`            |                                               |
 */
export function statusOf(key: KeySummary, now: number): KeyStatus {
  if (key.status === 'revoked') return DISABLED_BY.operator
  if (key.status === 'disabled') return DISABLED_BY[key.disabledBy ?? 'operator']
  if (key.expiresAt !== null && now >= key.expiresAt) return 'Unknown'
  return key.access === 'read' ? 'EnabledReadOnly' : ENABLED
}

const ENABLED = 'Enabled'

/** What a developer may set; the others are not his. */
export const SETTABLE: readonly KeyStatus[] = [ENABLED, DISABLED_BY.developer]

/** Whether this status, when it is set, enables the key; undefined where nobody may set it. */
export const isEnabling = (status: string): boolean | undefined =>
  SETTABLE.some((settable) => settable === status) ? status === ENABLED : undefined
