import type { SurfaceFailure } from '../../domain/failure.ts'
import { challenge, json, type Replies, type Reply, replyTo, retryAfter } from '../reply.ts'

export const refuse = (failure: SurfaceFailure): Reply => replyTo(replies, failure, undefined)

export const refuseMethod = (headers: Readonly<Record<string, string>>): Reply =>
  problem(405, 'method_not_allowed', 'This path takes GET only.', headers)
export const refuseBroken = (): Reply =>
  problem(500, 'server_error', 'The server failed; try again.')

const problem = (
  status: number,
  error: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply => json(status, { error, message }, headers)

/** RFC 7617 §2, and §2.1 for the encoding. */
const unauthorized = (message: string, error = 'unauthorized') =>
  problem(401, error, message, challenge('Basic realm="Latchkey", charset="UTF-8"'))

const notBasic = () => unauthorized('Send username:key by HTTP Basic authentication.')
/** One answer, whichever of the two is wrong: it tells nobody which usernames there are. */
const wrong = () => unauthorized('The username or the key is wrong.')

const later = (status: number, error: string, text: string, seconds: number) =>
  problem(status, error, `${text} Try again in ${seconds} seconds.`, retryAfter(seconds))

const invalidRequest = (message: string) => problem(400, 'invalid_request', message)
const upstreamFailed = () =>
  problem(502, 'upstream_unavailable', 'The service behind did not answer as it should.')

const replies: Replies<void, SurfaceFailure> = {
  credential_missing: notBasic,
  credential_malformed: notBasic,
  key_unknown: wrong,
  secret_missing: wrong,
  secret_wrong: wrong,
  region_other: wrong,
  key_unassigned: wrong,

  // Who holds the key is told why it has stopped, so that he asks for another and does not look for a
  // typing error; a thief learns only that it is worthless. 401 where another key would do, else 403.
  key_revoked: () => unauthorized('This key was revoked.', 'key_revoked'),
  key_disabled: () => unauthorized('This key is disabled.', 'key_disabled'),
  key_expired: () => unauthorized('This key has expired.', 'key_expired'),
  account_closed: () => problem(403, 'account_closed', 'The account of this key is closed.'),
  address_refused: ({ address }) =>
    problem(403, 'address_refused', `This key may not be used from the address ${address}.`),
  permission_missing: ({ detail }) =>
    problem(403, 'permission_missing', `This key may not do that: ${detail}.`),

  guessing: ({ retryAfterSeconds }) =>
    later(429, 'too_many_failures', 'Too many failures.', retryAfterSeconds),
  quota_exceeded: ({ retryAfterSeconds }) =>
    later(429, 'too_many_requests', 'Too many requests.', retryAfterSeconds),
  busy: ({ retryAfterSeconds }) => later(503, 'busy', 'The server is busy.', retryAfterSeconds),

  body_too_large: ({ limitBytes }) =>
    problem(413, 'request_too_large', `The body must not be longer than ${limitBytes} bytes.`, {
      Connection: 'close',
    }),
  body_unreadable: ({ detail }) => invalidRequest(`The request cannot be read: ${detail}.`),
  member_repeated: ({ member }) =>
    invalidRequest(`The request cannot be read: ${member} is there twice.`),
  field_missing: ({ field }) => invalidRequest(`${field} is missing.`),
  field_invalid: ({ field, detail }) => invalidRequest(`${field} ${detail}.`),

  upstream_missing: upstreamFailed,
  upstream_unreachable: upstreamFailed,
  upstream_timed_out: () =>
    problem(504, 'upstream_timed_out', 'The service behind did not answer in time.'),
}
