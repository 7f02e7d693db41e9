import type { SurfaceFailure } from '../../domain/failure.ts'
import { json, type Replies, type Reply, replyTo, retryAfter } from '../reply.ts'

export const refuse = (failure: SurfaceFailure): Reply => replyTo(replies, failure, undefined)

export const refuseMethod = (headers: Readonly<Record<string, string>>): Reply =>
  error(405, 'METHOD_NOT_ALLOWED', 'This path takes GET only.', headers)
export const refuseBroken = (): Reply =>
  error(500, 'INTERNAL_ERROR', 'The server failed. Please try again later.')

/**
 * The codes of 400 for a missing key, 401, 403 for an address, and 429 are the vendor's
 * (https://enterprise.xdent.cz/docs/en/errors.html), all others ours. No 401 names a scheme: RFC 9110
 * §11.1 has none for this header.
 */
const error = (
  status: number,
  Code: string,
  Message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply => json(status, { Code, Message }, headers)

/** Only 429 has the third member. */
const tooMany = (Message: string, RetryAfterSeconds: number): Reply =>
  json(
    429,
    { Code: 'RATE_LIMIT_EXCEEDED', Message, RetryAfterSeconds },
    retryAfter(RetryAfterSeconds),
  )

/** Unknown, garbled, of another dialect or another region: all read alike. */
const invalidKey = () =>
  error(401, 'INVALID_API_KEY', 'The key does not exist or is invalid (expected KeyId.Secret).')
const keyDisabled = (message: string) => () => error(401, 'API_KEY_DISABLED', message)
const invalidRequest = (message: string) => error(400, 'INVALID_REQUEST', message)
const upstreamFailed = () =>
  error(502, 'UPSTREAM_UNAVAILABLE', 'The service behind this API did not answer as it should.')

const replies: Replies<void, SurfaceFailure> = {
  credential_missing: () => error(400, 'MISSING_API_KEY', 'The X-Api-Key header is missing.'),
  credential_malformed: invalidKey,
  key_unknown: invalidKey,
  region_other: invalidKey,
  secret_missing: () =>
    error(401, 'SECRET_REQUIRED', 'The secret part is missing (expected KeyId.Secret).'),
  secret_wrong: () => error(401, 'INVALID_SECRET', 'The secret part is invalid.'),

  // From here on the caller has proven that he holds the secret, and is told what is wrong.
  account_closed: () =>
    error(401, 'COMPANY_API_DISABLED', 'API access is disabled for your company.'),
  key_disabled: keyDisabled('This key is disabled.'),
  key_revoked: keyDisabled('This key was revoked.'),
  key_expired: keyDisabled('This key has expired.'),
  key_unassigned: keyDisabled('This key is not in use.'),
  address_refused: ({ address }) =>
    error(403, 'IP_NOT_AUTHORIZED', `The IP address ${address} is not authorized.`),
  permission_missing: ({ detail }) =>
    error(403, 'PERMISSION_DENIED', `This key may not do that: ${detail}.`),
  quota_exceeded: ({ retryAfterSeconds }) =>
    tooMany('Too many requests. Please try again later.', retryAfterSeconds),
  guessing: ({ retryAfterSeconds }) =>
    tooMany('Too many failures. Please try again later.', retryAfterSeconds),

  body_too_large: ({ limitBytes }) =>
    error(413, 'REQUEST_TOO_LARGE', `The body must not be longer than ${limitBytes} bytes.`, {
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
    error(504, 'UPSTREAM_TIMEOUT', 'The service behind this API did not answer in time.'),
  busy: ({ retryAfterSeconds }) =>
    error(
      503,
      'SERVICE_UNAVAILABLE',
      'The server is busy. Please try again later.',
      retryAfter(retryAfterSeconds),
    ),
}
