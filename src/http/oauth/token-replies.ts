import type { AssertionProfile } from '../../domain/client-assertion.ts'
import type { InputFailure } from '../../domain/failure.ts'
import type { ClientFailure } from '../../service/oauth/authenticate-client.ts'
import { createJsonReply, createRetryAfterHeader, type Reply, type ReplyTable } from '../reply.ts'
import type { ErrorReplies } from '../server-route.ts'

export type TokenEndpointFailure = InputFailure | ClientFailure

export interface TokenReplyContext {
  /** The product's name in the vendor's texts. */
  readonly applicationName: string
  /** The challenge of a client that is not authenticated, with 401; null for 400 without one. */
  readonly challenge: Readonly<Record<string, string>> | null
}

interface RetryFailure {
  readonly retryAfterSeconds: number
}

type Replies = ReplyTable<TokenReplyContext, TokenEndpointFailure>

const formatWait = (seconds: number) => `Try again in ${seconds} seconds.`

/*
 * The vendor's words (its page on OAuth API keys): every error is 400 `invalid_request`, and some have a
 * description.
 */

const createVendorReply = (
  description: string,
  status = 400,
  headers: Readonly<Record<string, string>> = {},
  error = 'invalid_request',
): Reply =>
  createJsonReply(status, { error, error_description: description, error_uri: '' }, headers)

const createVendorRetryReply = ({ retryAfterSeconds }: RetryFailure): Reply =>
  createVendorReply(formatWait(retryAfterSeconds), 429, createRetryAfterHeader(retryAfterSeconds))

const createVendorUnavailableReply = ({ retryAfterSeconds }: RetryFailure): Reply =>
  createVendorReply(formatWait(retryAfterSeconds), 503, createRetryAfterHeader(retryAfterSeconds))

/** One reply for a client that is unknown, or must not be used, and for an unknown key of a known one. */
const refuseVendorKey = (_: unknown, { applicationName }: TokenReplyContext): Reply =>
  createVendorReply(
    `Public key not found, check client_id, kid and ${applicationName} dashboard settings`,
  )
const refuseVendorAssertion = (): Reply => createVendorReply('')

export const VENDOR_REPLIES: Replies = {
  form_required: () => createVendorReply('x-www-form-urlencoded content-type required'),
  body_too_large: ({ limitBytes }) =>
    createVendorReply(`The body must not be longer than ${limitBytes} bytes.`, 413, {
      Connection: 'close',
    }),
  body_unreadable: ({ detail }) => createVendorReply(`The request cannot be read: ${detail}.`),
  member_repeated: refuseVendorAssertion,
  field_missing: refuseVendorAssertion,
  field_invalid: refuseVendorAssertion,
  parameter_repeated: () => createVendorReply('A parameter is repeated.'),
  grant_type_missing: () => createVendorReply('Missing grant_type parameter'),
  grant_type_unsupported: () =>
    createVendorReply("The grant_type parameter should equal 'client_credentials'"),
  assertion_type_missing: () => createVendorReply('Missing client assertion type'),
  assertion_type_unsupported: () => createVendorReply('Invalid client assertion type'),
  assertion_missing: () => createVendorReply('Missing client assertion'),
  client_authentication_repeated: () => createVendorReply('The client authenticates in two ways.'),
  client_id_other: () => createVendorReply('client_id names another client.'),
  client_method_other: refuseVendorKey,
  assertion_kid_missing: () => createVendorReply('JWT header kid property is required'),
  assertion_key_unknown: refuseVendorKey,
  assertion_invalid: refuseVendorAssertion,
  scope_refused: () => createVendorReply('', 400, {}, 'invalid_scope'),
  credential_missing: refuseVendorKey,
  credential_malformed: refuseVendorKey,
  key_unknown: refuseVendorKey,
  secret_missing: refuseVendorKey,
  secret_wrong: refuseVendorKey,
  secret_unverifiable: refuseVendorKey,
  key_disabled: refuseVendorKey,
  key_revoked: refuseVendorKey,
  key_expired: refuseVendorKey,
  key_retired: refuseVendorKey,
  brownout: createVendorUnavailableReply,
  key_unassigned: refuseVendorKey,
  account_closed: refuseVendorKey,
  address_refused: refuseVendorKey,
  permission_missing: refuseVendorKey,
  region_other: refuseVendorKey,
  failures_exceeded: createVendorRetryReply,
  quota_exceeded: createVendorRetryReply,
  busy: createVendorUnavailableReply,
}

/* The words of the standard (RFC 6749 §5.2; RFC 7521 §4.2.1). */

const createStandardReply = (
  error: 'invalid_request' | 'invalid_client' | 'invalid_scope' | 'unsupported_grant_type',
  description: string,
  status = 400,
  headers: Readonly<Record<string, string>> = {},
): Reply => createJsonReply(status, { error, error_description: description }, headers)

const refuseRequest = (description: string) => (): Reply =>
  createStandardReply('invalid_request', description)

const createStandardRetryReply =
  (status: number) =>
  ({ retryAfterSeconds }: RetryFailure): Reply =>
    createStandardReply(
      'invalid_request',
      formatWait(retryAfterSeconds),
      status,
      createRetryAfterHeader(retryAfterSeconds),
    )

/**
 * One reply for every client that did not prove its identity. Only HTTP Basic is answered with a challenge,
 * which RFC 6749 demands there: libraries hide the body behind one.
 */
const refuseClient = (_: unknown, { challenge }: TokenReplyContext): Reply =>
  createStandardReply(
    'invalid_client',
    'The client could not be authenticated.',
    challenge === null ? 400 : 401,
    challenge ?? {},
  )

export const STANDARD_REPLIES: Replies = {
  form_required: refuseRequest('The body must be application/x-www-form-urlencoded.'),
  body_too_large: ({ limitBytes }) =>
    createStandardReply(
      'invalid_request',
      `The body must not be longer than ${limitBytes} bytes.`,
      413,
      { Connection: 'close' },
    ),
  body_unreadable: ({ detail }) =>
    createStandardReply('invalid_request', `The request cannot be read: ${detail}.`),
  member_repeated: refuseRequest('The request cannot be read.'),
  field_missing: ({ field }) => createStandardReply('invalid_request', `${field} is missing.`),
  field_invalid: refuseRequest('The request cannot be read.'),
  parameter_repeated: refuseRequest('A parameter is repeated.'),
  grant_type_missing: refuseRequest('grant_type is missing.'),
  grant_type_unsupported: () =>
    createStandardReply('unsupported_grant_type', 'grant_type must be client_credentials.'),
  assertion_type_missing: refuseClient,
  assertion_type_unsupported: refuseClient,
  assertion_missing: refuseClient,
  client_authentication_repeated: refuseRequest('The client authenticates in two ways.'),
  client_id_other: refuseRequest('client_id names another client.'),
  client_method_other: refuseClient,
  assertion_kid_missing: refuseClient,
  assertion_key_unknown: refuseClient,
  assertion_invalid: refuseClient,
  scope_refused: () =>
    createStandardReply('invalid_scope', 'The client has none of the requested scopes.'),
  credential_missing: refuseClient,
  credential_malformed: refuseClient,
  key_unknown: refuseClient,
  secret_missing: refuseClient,
  secret_wrong: refuseClient,
  secret_unverifiable: refuseClient,
  key_disabled: refuseClient,
  key_revoked: refuseClient,
  key_expired: refuseClient,
  key_retired: refuseClient,
  brownout: createStandardRetryReply(503),
  key_unassigned: refuseClient,
  account_closed: refuseClient,
  address_refused: refuseClient,
  permission_missing: refuseClient,
  region_other: refuseClient,
  failures_exceeded: createStandardRetryReply(429),
  quota_exceeded: createStandardRetryReply(429),
  busy: createStandardRetryReply(503),
}

/** The replies to other methods, and to errors that are no expected failures. */
export function createErrorReplies(
  profile: AssertionProfile,
): ErrorReplies & { readonly replyMethodNotAllowed: () => Reply } {
  const reply = (description: string, status: number, headers = {}) =>
    profile === 'vendor'
      ? createVendorReply(description, status, headers)
      : createStandardReply('invalid_request', description, status, headers)
  return {
    replyMethodNotAllowed: () => reply('This path takes POST only.', 405, { Allow: 'POST' }),
    replyUnavailable: (seconds) => reply(formatWait(seconds), 503, createRetryAfterHeader(seconds)),
    replyServerError: () => reply('The server failed; try again.', 500),
  }
}
