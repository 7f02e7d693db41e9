import type { SurfaceFailure } from '../../domain/failure.ts'
import { challenge, type Replies, type Reply, replyTo, retryAfter } from '../reply.ts'
import { API_KEY } from './credential.ts'
import { type IssueType, type Write, writerFor } from './problem.ts'

export const refuse = (failure: SurfaceFailure, path: string): Reply =>
  replyTo(replies, failure, writerFor(path))

/** 405 with Allow (RFC 9110 §15.5.6). */
export const refuseMethod = (method: string, allowed: readonly string[], path: string): Reply =>
  writerFor(path)({
    status: 405,
    code: 'not-supported',
    text: `${method} is not supported here.`,
    headers: { Allow: allowed.join(', ') },
  })

/** 415, and what would be taken (RFC 9110 §15.5.16). */
export const refuseType = (taken: readonly string[], path: string): Reply =>
  writerFor(path)({
    status: 415,
    code: 'not-supported',
    text: `The Content-Type must be ${taken.join(' or ')}.`,
    headers: { Accept: taken.join(', ') },
  })

export const refuseBroken = (path: string): Reply =>
  writerFor(path)({ status: 500, code: 'exception', text: 'The server failed; try again.' })

/** 401 asks for what is missing (RFC 9110 §11.6.1), on every surface. No scheme is registered for it. */
const unauthorized = (write: Write, code: IssueType, text: string) =>
  write({ status: 401, code, text, headers: challenge('ApiKey realm="Latchkey"') })

/** One answer for every key that opens nothing, so that it tells nobody which keys there are or were. */
const invalid = (_: SurfaceFailure, write: Write) =>
  unauthorized(write, 'login', 'The API key is not valid.')

const unreadable = (write: Write, code: IssueType, text: string) =>
  write({ status: 400, code, text })

const later = (write: Write, status: number, code: IssueType, text: string, seconds: number) =>
  write({
    status,
    code,
    text: `${text} Try again in ${seconds} seconds.`,
    headers: retryAfter(seconds),
  })

const replies: Replies<Write, SurfaceFailure> = {
  credential_missing: (_, write) =>
    unauthorized(write, 'login', `An API key is needed: send it in the ${API_KEY} header.`),
  credential_malformed: invalid,
  key_unknown: invalid,
  secret_missing: invalid,
  secret_wrong: invalid,
  region_other: invalid,
  key_revoked: invalid,
  key_disabled: invalid,
  key_unassigned: invalid,
  // Judged before the key itself: in words of its own it would set a closed account's revoked keys apart.
  account_closed: invalid,

  // Only who holds the secret of a key that was not taken from him comes this far. It helps him, and a
  // thief learns of nothing that he could use from where he is.
  key_expired: (_, write) => unauthorized(write, 'expired', 'The API key has expired.'),
  address_refused: ({ address }, write) =>
    write({
      status: 403,
      code: 'forbidden',
      text: `The API key may not be used from the address ${address}.`,
    }),
  permission_missing: ({ detail }, write) =>
    write({ status: 403, code: 'forbidden', text: `The API key may not do that: ${detail}.` }),

  guessing: ({ retryAfterSeconds }, write) =>
    later(write, 429, 'throttled', 'Too many failures.', retryAfterSeconds),
  quota_exceeded: ({ retryAfterSeconds }, write) =>
    later(write, 429, 'throttled', 'Too many requests.', retryAfterSeconds),
  busy: ({ retryAfterSeconds }, write) =>
    later(write, 503, 'transient', 'The server is busy.', retryAfterSeconds),

  body_too_large: ({ limitBytes }, write) =>
    write({
      status: 413,
      code: 'too-long',
      text: `The body must not be longer than ${limitBytes} bytes.`,
      headers: { Connection: 'close' },
    }),
  body_unreadable: ({ detail }, write) =>
    unreadable(write, 'structure', `The request cannot be read: ${detail}.`),
  member_repeated: ({ member }, write) =>
    unreadable(write, 'structure', `The request cannot be read: ${member} is there twice.`),
  field_missing: ({ field }, write) => unreadable(write, 'required', `${field} is missing.`),
  field_invalid: ({ field, detail }, write) => unreadable(write, 'value', `${field} ${detail}.`),

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
