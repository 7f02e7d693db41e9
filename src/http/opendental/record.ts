import { fail, ok, type Result, type Unreadable } from '../../domain/failure.ts'
import type { CustomerKeyChange } from '../../service/customer-keys.ts'
import type { Revealed } from '../../service/keys.ts'
import { isEnabling, SETTABLE, statusOf } from './key-status.ts'
import type { Parameters } from './parameters.ts'

/*
 * A customer key as its developer sees it: the vendor's words for it, written and read
 * (https://www.opendental.com/site/apideveloperportal.html).
 */

const MEMBERS = [
  'CustomerKey',
  'KeyStatus',
  'DateCreated',
  'DateDisabled',
  'DateTimeAssigned',
  'DevRefId',
] as const

type Member = (typeof MEMBERS)[number]
export type KeyRecord = Readonly<Record<Member, string>>

export const recordOf = ({ key, secret }: Revealed, now: number): KeyRecord => ({
  CustomerKey: secret,
  KeyStatus: statusOf(key, now),
  DateCreated: dateOf(key.createdAt),
  DateDisabled: dateOf(key.status === 'revoked' ? key.revokedAt : key.disabledAt),
  DateTimeAssigned: timeOf(key.assignedAt),
  DevRefId: key.reference,
})

const NO_DATE = '0001-01-01'

/** `yyyy-MM-dd`. The vendor names no time zone: ours is UTC. */
const dateOf = (at: number | null) => (at === null ? NO_DATE : isoOf(at).slice(0, 10))

/** `yyyy-MM-dd HH:mm:ss`, UTC too. */
const timeOf = (at: number | null) =>
  at === null ? `${NO_DATE} 00:00:00` : isoOf(at).slice(0, 19).replace('T', ' ')

const isoOf = (at: number) => new Date(at).toISOString()

/** Which key is to be changed, and how. Null is as good as left out: some clients send all they know. */
export function readChange(
  given: Parameters,
): Result<{ secret: string; change: CustomerKeyChange }, Unreadable> {
  // Who misspells a member must not take the key for disabled. A record may come back whole, with its dates.
  if (Object.keys(given).some((name) => !MEMBERS.some((member) => member === name))) {
    const detail = 'must have no members but those of a key, spelled as they are'
    return fail({ reason: 'field_invalid', field: 'The body', detail })
  }
  const key = textOf(given, 'CustomerKey')
  if (!key.ok) return key
  const status = textOf(given, 'KeyStatus')
  if (!status.ok) return status
  const reference = textOf(given, 'DevRefId')
  if (!reference.ok) return reference

  const secret = key.value?.trim() ?? ''
  if (secret === '') return fail({ reason: 'field_missing', field: 'CustomerKey' })
  const enabled = status.value === undefined ? undefined : isEnabling(status.value)
  if (status.value !== undefined && enabled === undefined) {
    const detail = `must be ${SETTABLE.join(' or ')}`
    return fail({ reason: 'field_invalid', field: 'KeyStatus', detail })
  }
  return ok({ secret, change: { enabled, reference: reference.value } })
}

function textOf(given: Parameters, field: Member): Result<string | undefined, Unreadable> {
  const value = given[field] ?? undefined
  return value === undefined || typeof value === 'string'
    ? ok(value)
    : fail({ reason: 'field_invalid', field, detail: 'must be a string' })
}
