import type { SurfaceFailure } from '../../../domain/failure.ts'
import {
  BROWNOUT_TEXT,
  createChallengeHeader,
  createJsonReply,
  createRetryAfterHeader,
  type Reply,
  type ReplyTable,
  replyToFailure,
} from '../../reply.ts'
import { createInputReplies } from '../surface-handlers.ts'

export const API_KEY_HEADER = 'X-API-Key'

export const refuseXenradRequest = (failure: SurfaceFailure, path: string): Reply =>
  replyToFailure(XENRAD_REPLIES, failure, findRefusalWriter(path))

/** 405 with Allow (RFC 9110 §15.5.6). */
export const replyXenradMethodNotAllowed = (
  method: string,
  allowed: readonly string[],
  path: string,
): Reply =>
  findRefusalWriter(path)({
    status: 405,
    code: 'not-supported',
    text: `${method} is not supported here.`,
    headers: { Allow: allowed.join(', ') },
  })

/** 415 with the accepted types (RFC 9110 §15.5.16). */
export const replyUnsupportedType = (acceptedTypes: readonly string[], path: string): Reply =>
  findRefusalWriter(path)({
    status: 415,
    code: 'not-supported',
    text: `The Content-Type must be ${acceptedTypes.join(' or ')}.`,
    headers: { Accept: acceptedTypes.join(', ') },
  })

export const replyXenradServerError = (path: string): Reply =>
  findRefusalWriter(path)({ status: 500, code: 'exception', text: 'The server failed; try again.' })

/** 401 with a challenge (RFC 9110 §11.6.1), on every surface. No registered scheme fits. */
const createUnauthorizedReply = (write: WriteRefusal, code: IssueType, text: string) =>
  write({ status: 401, code, text, headers: createChallengeHeader('ApiKey realm="Latchkey"') })

/** One reply for every unusable key, so that it does not reveal which keys exist or existed. */
const createInvalidKeyReply = (_: SurfaceFailure, write: WriteRefusal) =>
  createUnauthorizedReply(write, 'login', 'The API key is not valid.')

const createRetryReply = (
  write: WriteRefusal,
  status: number,
  code: IssueType,
  text: string,
  seconds: number,
) =>
  write({
    status,
    code,
    text: `${text} Try again in ${seconds} seconds.`,
    headers: createRetryAfterHeader(seconds),
  })

const INPUT_ISSUE_TYPES = {
  body_too_large: 'too-long',
  body_unreadable: 'structure',
  member_repeated: 'structure',
  field_missing: 'required',
  field_invalid: 'value',
} as const

export const XENRAD_REPLIES: ReplyTable<WriteRefusal, SurfaceFailure> = {
  credential_missing: (_, write) =>
    createUnauthorizedReply(
      write,
      'login',
      `An API key is needed: send it in the ${API_KEY_HEADER} header.`,
    ),
  credential_malformed: createInvalidKeyReply,
  key_unknown: createInvalidKeyReply,
  secret_missing: createInvalidKeyReply,
  secret_wrong: createInvalidKeyReply,
  secret_unverifiable: createInvalidKeyReply,
  region_other: createInvalidKeyReply,
  key_revoked: createInvalidKeyReply,
  key_disabled: createInvalidKeyReply,
  key_unassigned: createInvalidKeyReply,
  // Checked before the key itself, so a reply of its own would reveal the revoked keys of a closed account.
  account_closed: createInvalidKeyReply,

  // Only the holder of an unrevoked key's secret comes this far, so these replies help the owner, and reveal
  // nothing that a thief could use.
  key_expired: (_, write) => createUnauthorizedReply(write, 'expired', 'The API key has expired.'),
  key_retired: (_, write) => createUnauthorizedReply(write, 'expired', 'The API key has expired.'),
  brownout: ({ retryAfterSeconds }, write) =>
    createRetryReply(write, 503, 'transient', BROWNOUT_TEXT, retryAfterSeconds),
  address_refused: ({ address }, write) =>
    write({
      status: 403,
      code: 'forbidden',
      text: `The API key may not be used from the address ${address}.`,
    }),
  permission_missing: ({ detail }, write) =>
    write({ status: 403, code: 'forbidden', text: `The API key may not do that: ${detail}.` }),

  failures_exceeded: ({ retryAfterSeconds }, write) =>
    createRetryReply(write, 429, 'throttled', 'Too many failures.', retryAfterSeconds),
  quota_exceeded: ({ retryAfterSeconds }, write) =>
    createRetryReply(write, 429, 'throttled', 'Too many requests.', retryAfterSeconds),
  busy: ({ retryAfterSeconds }, write) =>
    createRetryReply(write, 503, 'transient', 'The server is busy.', retryAfterSeconds),

  ...createInputReplies(({ reason, ...content }, write) =>
    write({ ...content, code: INPUT_ISSUE_TYPES[reason] }),
  ),

  upstream_missing: (_, write) =>
    write({ status: 502, code: 'exception', text: 'No service is set up behind this path.' }),
  upstream_unreachable: (_, write) =>
    write({
      status: 502,
      code: 'transient',
      text: 'The service behind this path cannot be reached.',
    }),
  upstream_timed_out: (_, write) =>
    write({
      status: 504,
      code: 'timeout',
      text: 'The service behind this path did not answer in time.',
    }),
}

/** The content of a refusal, before it is written in the surface's format. */
interface RefusalContent {
  readonly status: number
  /** FHIR R4's issue type (http://hl7.org/fhir/R4/valueset-issue-type.html). */
  readonly code: IssueType
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

type IssueType =
  | 'structure'
  | 'required'
  | 'value'
  | 'login'
  | 'expired'
  | 'forbidden'
  | 'not-supported'
  | 'too-long'
  | 'throttled'
  | 'transient'
  | 'exception'
  | 'timeout'

export type WriteRefusal = (content: RefusalContent) => Reply

/**
 * Finds the format of the surface that a path belongs to. Every other path has FHIR's, because a proxy may guard
 * other paths.
 */
function findRefusalWriter(path: string): WriteRefusal {
  if (/\/v[23]\/ingest$/.test(path)) return writeHl7Refusal
  return path.endsWith('/ingest') ? writeMppsRefusal : writeFhirRefusal
}

export const writeFhirRefusal: WriteRefusal = ({ status, code, text, headers = {} }) => ({
  status,
  body: JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code, details: { text } }],
  }),
  type: 'application/fhir+json',
  headers,
})

/** Never an ACK, because no HL7 receiver has read the message. */
const writeHl7Refusal: WriteRefusal = ({ status, text, headers = {} }) => ({
  status,
  body: text,
  type: 'text/plain; charset=utf-8',
  headers,
})

const writeMppsRefusal: WriteRefusal = ({ status, text, headers }) =>
  createJsonReply(status, { success: false, error: text }, headers)
