import { fail, type InputFailure, ok, type Result } from '../../../domain/failure.ts'
import type { CustomerKeyChange } from '../../../service/keys/customer-keys.ts'
import type { KeyWithSecret } from '../../../service/keys/input.ts'
import type { KeySummary } from '../../../service/ports/keys.ts'
import { parseJson } from '../../json/parse.ts'
import { FetchRequest } from '../../request.ts'
import { decodeText, readBody } from '../../request-body.ts'

/*
 * Reads and writes the vendor's record of a customer key
 * (https://www.opendental.com/site/apideveloperportal.html).
 */

const RECORD_MEMBERS = [
  'CustomerKey',
  'KeyStatus',
  'DateCreated',
  'DateDisabled',
  'DateTimeAssigned',
  'DevRefId',
] as const

type RecordMember = (typeof RECORD_MEMBERS)[number]
type CustomerKeyRecord = Readonly<Record<RecordMember, string>>

export const toCustomerKeyRecord = (
  { key, secret }: KeyWithSecret,
  now: number,
): CustomerKeyRecord => ({
  CustomerKey: secret,
  KeyStatus: toCustomerKeyStatus(key, now),
  DateCreated: formatDate(key.createdAt),
  DateDisabled: formatDate(key.status === 'revoked' ? key.revokedAt : key.disabledAt),
  DateTimeAssigned: formatDateTime(key.assignedAt),
  DevRefId: key.reference,
})

const NO_DATE = '0001-01-01'

/** Formats `yyyy-MM-dd` in UTC, because the vendor names no time zone. */
const formatDate = (at: number | null) => (at === null ? NO_DATE : formatIso(at).slice(0, 10))

/** Formats `yyyy-MM-dd HH:mm:ss` in UTC. */
const formatDateTime = (at: number | null) =>
  at === null ? `${NO_DATE} 00:00:00` : formatIso(at).slice(0, 19).replace('T', ' ')

const formatIso = (at: number) => new Date(at).toISOString()

/** Parses the key to change, and the change. Null counts as missing, because some clients send every member. */
export function parseKeyChange(
  parameters: RequestParameters,
): Result<{ secret: string; change: CustomerKeyChange }, InputFailure> {
  // A misspelled KeyStatus must not seem to disable the key. A whole record, with its dates, is accepted.
  if (Object.keys(parameters).some((name) => !RECORD_MEMBERS.some((member) => member === name))) {
    const detail = 'must have no members but those of a key, spelled as they are'
    return fail({ reason: 'field_invalid', field: 'The body', detail })
  }
  const key = getTextParameter(parameters, 'CustomerKey')
  if (!key.ok) return key
  const status = getTextParameter(parameters, 'KeyStatus')
  if (!status.ok) return status
  const reference = getTextParameter(parameters, 'DevRefId')
  if (!reference.ok) return reference

  const secret = key.value?.trim() ?? ''
  if (secret === '') return fail({ reason: 'field_missing', field: 'CustomerKey' })
  const enabled = status.value === undefined ? undefined : parseEnabled(status.value)
  if (status.value !== undefined && enabled === undefined) {
    const detail = `must be ${SETTABLE_STATUSES.join(' or ')}`
    return fail({ reason: 'field_invalid', field: 'KeyStatus', detail })
  }
  return ok({ secret, change: { enabled, reference: reference.value } })
}

function getTextParameter(
  parameters: RequestParameters,
  field: RecordMember,
): Result<string | undefined, InputFailure> {
  const value = parameters[field] ?? undefined
  return value === undefined || typeof value === 'string'
    ? ok(value)
    : fail({ reason: 'field_invalid', field, detail: 'must be a string' })
}

type RequestParameters = Readonly<Record<string, unknown>>

/** Large enough for every change: the longest reference takes 1,200 bytes in escapes. */
const BODY_LIMIT_BYTES = 4096

/** Reads the members of the body's JSON object. An empty or missing body has none. */
export async function readParameters(
  request: Request,
): Promise<Result<RequestParameters, InputFailure>> {
  const body = await readBody(new FetchRequest(request), BODY_LIMIT_BYTES)
  if (!body.ok) return body
  const text = decodeText(body.value)
  if (!text.ok) return text
  if (text.value.trim() === '') return ok({})
  const parsed = parseJson(body.value)
  if (!parsed.ok) return parsed
  const { value } = parsed
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? ok(value as RequestParameters)
    : fail({ reason: 'body_unreadable', detail: 'the body is not a JSON object' })
}

/** Accepts no body, an empty one or an empty object: a new key takes no parameters. */
export async function requireNoParameters(request: Request): Promise<Result<void, InputFailure>> {
  const parameters = await readParameters(request)
  if (!parameters.ok) return parameters
  if (Object.keys(parameters.value).length === 0) return ok(undefined)
  const detail = 'must be empty: a new key takes no parameters'
  return fail({ reason: 'field_invalid', field: 'The body', detail })
}

/** Every status that the vendor defines. */
type CustomerKeyStatus =
  | 'Enabled'
  | 'DisabledByDeveloper'
  | 'DisabledByCustomer'
  | 'DisabledByHQ'
  | 'EnabledReadOnly'
  | 'Unknown'

const DISABLED_STATUSES = {
  developer: 'DisabledByDeveloper',
  customer: 'DisabledByCustomer',
  operator: 'DisabledByHQ',
} as const

/**
 * Chooses the status, which the vendor leaves open in part. The first true row applies:
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
function toCustomerKeyStatus(key: KeySummary, now: number): CustomerKeyStatus {
  if (key.status === 'revoked') return DISABLED_STATUSES.operator
  if (key.status === 'disabled') return DISABLED_STATUSES[key.disabledBy ?? 'operator']
  if (key.expiresAt !== null && now >= key.expiresAt) return 'Unknown'
  return key.access === 'read' ? 'EnabledReadOnly' : ENABLED_STATUS
}

const ENABLED_STATUS = 'Enabled'

/** The statuses that a developer may set. */
const SETTABLE_STATUSES: readonly CustomerKeyStatus[] = [
  ENABLED_STATUS,
  DISABLED_STATUSES.developer,
]

/** True if the status enables the key, false if it disables it, undefined if a developer may not set it. */
const parseEnabled = (status: string): boolean | undefined =>
  SETTABLE_STATUSES.some((settable) => settable === status) ? status === ENABLED_STATUS : undefined
