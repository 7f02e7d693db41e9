import type { SurfaceFailure } from '../../../domain/failure.ts'
import type { DisablingParty } from '../../../domain/key.ts'
import type { CustomerKeyRefusal } from '../../../service/keys/customer-keys.ts'
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

/*
 * Every refusal is one JSON string with the explanation. There is no 403: a missing permission is 401, and a
 * missing resource 404 (https://www.opendental.com/site/apispecification.html).
 */

export const refuseOpenDentalRequest = (failure: SurfaceFailure, path: string): Reply =>
  replyToFailure(replies, failure, path)

export const replyOpenDentalMethodNotAllowed = (headers: Readonly<Record<string, string>>): Reply =>
  createErrorReply(405, 'This resource takes GET, POST and PUT only.', headers)
export const replyNotFound = (): Reply => createErrorReply(404, 'There is no such resource.')
export const replyOpenDentalServerError = (): Reply =>
  createErrorReply(500, 'The server failed. Try again later.')

const createErrorReply = (
  status: number,
  explanation: string,
  headers: Readonly<Record<string, string>> = {},
): Reply => createJsonReply(status, explanation, headers)

const createBadRequestReply = (explanation: string) => createErrorReply(400, explanation)
const createUnauthorizedReply = (explanation: string) =>
  createErrorReply(401, explanation, createChallengeHeader('ODFHIR realm="Latchkey"'))
const createRetryReply = (status: number, text: string, seconds: number) =>
  createErrorReply(
    status,
    `${text} Seconds until you may try again: ${seconds}.`,
    createRetryAfterHeader(seconds),
  )

const createNoCredentialReply = (path: string) =>
  createUnauthorizedReply(
    isKeyListPath(path)
      ? 'The Authorization header must be: ODFHIR {DeveloperKey}/{DeveloperPortalKey}'
      : 'The Authorization header must be: ODFHIR {DeveloperKey}/{CustomerKey}',
  )
/** One reply for a wrong developer key, a wrong key, and two keys that do not belong together. */
const createWrongKeysReply = () =>
  createUnauthorizedReply('The keys in the Authorization header are not valid.')
const createNotPermittedReply = (detail: string) =>
  createUnauthorizedReply(`This API key may not do that: ${detail}.`)
const createUpstreamReply = () => createErrorReply(502, 'The office did not answer as it should.')

const replies: ReplyTable<string, SurfaceFailure> = {
  credential_missing: (_, path) => createNoCredentialReply(path),
  credential_malformed: (_, path) => createNoCredentialReply(path),
  key_unknown: createWrongKeysReply,
  secret_missing: createWrongKeysReply,
  secret_wrong: createWrongKeysReply,
  secret_unverifiable: createWrongKeysReply,
  region_other: createWrongKeysReply,

  // The caller has proven both keys, so these replies say what is wrong.
  account_closed: () => createUnauthorizedReply('API access of this account is closed.'),
  key_disabled: () => createUnauthorizedReply('API key is disabled.'),
  key_revoked: () => createUnauthorizedReply('API key has been revoked.'),
  key_expired: () => createUnauthorizedReply('API key has expired.'),
  key_retired: () => createUnauthorizedReply('API key has expired.'),
  brownout: ({ retryAfterSeconds }) => createRetryReply(503, BROWNOUT_TEXT, retryAfterSeconds),
  // The vendor's sentence, except on the list of keys, which no office's key may use.
  key_unassigned: (_, path) =>
    isKeyListPath(path)
      ? createNotPermittedReply('it opens no list of keys')
      : createBadRequestReply('API key has not been assigned.'),
  address_refused: ({ address }) =>
    createUnauthorizedReply(`This API key may not be used from the address ${address}.`),
  permission_missing: ({ detail }) => createNotPermittedReply(detail),

  quota_exceeded: ({ retryAfterSeconds }) =>
    createRetryReply(429, 'Too many requests.', retryAfterSeconds),
  failures_exceeded: ({ retryAfterSeconds }) =>
    createRetryReply(429, 'Too many failures.', retryAfterSeconds),
  busy: ({ retryAfterSeconds }) => createRetryReply(503, 'The server is busy.', retryAfterSeconds),

  ...createInputReplies(({ status, text, headers }) => createErrorReply(status, text, headers)),

  upstream_missing: createUpstreamReply,
  upstream_unreachable: createUpstreamReply,
  upstream_timed_out: () => createErrorReply(504, 'The office did not answer in time.'),
}

const PARTY_NAMES: Readonly<Record<DisablingParty, string>> = {
  developer: 'the developer',
  customer: 'the customer',
  operator: 'headquarters',
}

/** Refuses to create or change a customer key. */
export function refuseKeyChange(refusal: CustomerKeyRefusal): Reply {
  switch (refusal.reason) {
    case 'key_unknown':
      return createErrorReply(404, 'You have no such CustomerKey.')
    case 'key_revoked':
      return createBadRequestReply('This CustomerKey has been revoked, which is final.')
    case 'disabled_by_other': {
      const party = PARTY_NAMES[refusal.by]
      return createBadRequestReply(
        `This CustomerKey was disabled by ${party}: ${party} alone can set its KeyStatus.`,
      )
    }
    case 'reference_invalid':
      return createBadRequestReply(`DevRefId cannot be set: ${refusal.detail}.`)
    case 'owner_unfit':
      return createBadRequestReply(
        'No CustomerKey can be made: the owner of this DeveloperPortalKey may own no more keys.',
      )
    case 'keys_exhausted':
      return createErrorReply(
        429,
        `You have ${refusal.limit} CustomerKeys or more, as many as one developer may have. Ask headquarters to delete those that no office uses, or to raise the limit.`,
        createRetryAfterHeader(refusal.retryAfterSeconds),
      )
    case 'contended':
      return createRetryReply(503, 'Others are changing this CustomerKey.', 1)
  }
}

/** A developer's keys, with and without the prefix of all resources. Lower case, like all of the vendor's paths. */
const API_KEYS_PATH_PATTERN = /^(?:\/api\/v1)?\/apikeys(?:\/(.*))?$/

/** Recognizes the list of keys, and every path below it. */
export const isKeyListPath = (path: string): boolean => API_KEYS_PATH_PATTERN.test(path)

/** Recognizes a path below the list, where nothing exists: the vendor has no request for one key. */
export const isBelowKeyListPath = (path: string): boolean =>
  (API_KEYS_PATH_PATTERN.exec(path)?.[1] ?? '') !== ''
