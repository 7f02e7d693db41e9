import type { SurfaceFailure } from '../../domain/failure.ts'
import type { Party } from '../../domain/key.ts'
import type { CustomerKeyRefusal } from '../../service/customer-keys.ts'
import { challenge, json, type Replies, type Reply, replyTo, retryAfter } from '../reply.ts'
import { isApiKeys } from './paths.ts'

/*
 * Every refusal is one bare JSON string, the explanation. There is no 403: what a key may not do is
 * 401, and 404 is for what is not there (https://www.opendental.com/site/apispecification.html).
 */

export const refuse = (failure: SurfaceFailure, path: string): Reply =>
  replyTo(replies, failure, path)

export const refuseMethod = (headers: Readonly<Record<string, string>>): Reply =>
  explain(405, 'This resource takes GET, POST and PUT only.', headers)
export const refuseResource = (): Reply => explain(404, 'There is no such resource.')
export const refuseBroken = (): Reply => explain(500, 'The server failed. Try again later.')

const explain = (
  status: number,
  explanation: string,
  headers: Readonly<Record<string, string>> = {},
): Reply => json(status, explanation, headers)

const badRequest = (explanation: string) => explain(400, explanation)
const unauthorized = (explanation: string) =>
  explain(401, explanation, challenge('ODFHIR realm="Latchkey"'))
const later = (status: number, what: string, seconds: number) =>
  explain(status, `${what} Seconds until you may try again: ${seconds}.`, retryAfter(seconds))

const needed = (path: string) =>
  unauthorized(
    isApiKeys(path)
      ? 'The Authorization header must be: ODFHIR {DeveloperKey}/{DeveloperPortalKey}'
      : 'The Authorization header must be: ODFHIR {DeveloperKey}/{CustomerKey}',
  )
/** Whichever of the two is wrong, or whether they do not belong together: nobody is told. */
const wrong = () => unauthorized('The keys in the Authorization header are not valid.')
const mayNot = (detail: string) => unauthorized(`This API key may not do that: ${detail}.`)
const upstreamFailed = () => explain(502, 'The office did not answer as it should.')

const replies: Replies<string, SurfaceFailure> = {
  credential_missing: (_, path) => needed(path),
  credential_malformed: (_, path) => needed(path),
  key_unknown: wrong,
  secret_missing: wrong,
  secret_wrong: wrong,
  region_other: wrong,

  // From here on the caller has proven that he holds both keys, and is told what is wrong.
  account_closed: () => unauthorized('API access of this account is closed.'),
  key_disabled: () => unauthorized('API key is disabled.'),
  key_revoked: () => unauthorized('API key has been revoked.'),
  key_expired: () => unauthorized('API key has expired.'),
  // The sentence is the vendor's. Where keys are listed an office's key has no business, in use or not.
  key_unassigned: (_, path) =>
    isApiKeys(path)
      ? mayNot('it opens no list of keys')
      : badRequest('API key has not been assigned.'),
  address_refused: ({ address }) =>
    unauthorized(`This API key may not be used from the address ${address}.`),
  permission_missing: ({ detail }) => mayNot(detail),

  quota_exceeded: ({ retryAfterSeconds }) => later(429, 'Too many requests.', retryAfterSeconds),
  guessing: ({ retryAfterSeconds }) => later(429, 'Too many failures.', retryAfterSeconds),
  busy: ({ retryAfterSeconds }) => later(503, 'The server is busy.', retryAfterSeconds),

  body_too_large: ({ limitBytes }) =>
    explain(413, `The body must not be longer than ${limitBytes} bytes.`, { Connection: 'close' }),
  body_unreadable: ({ detail }) => badRequest(`The request cannot be read: ${detail}.`),
  member_repeated: ({ member }) =>
    badRequest(`The request cannot be read: ${member} is there twice.`),
  field_missing: ({ field }) => badRequest(`${field} is missing.`),
  field_invalid: ({ field, detail }) => badRequest(`${field} ${detail}.`),

  upstream_missing: upstreamFailed,
  upstream_unreachable: upstreamFailed,
  upstream_timed_out: () => explain(504, 'The office did not answer in time.'),
}

const WHO: Readonly<Record<Party, string>> = {
  developer: 'the developer',
  customer: 'the customer',
  operator: 'headquarters',
}

/** Why a customer key was not made or changed. */
export function refuseKey(refusal: CustomerKeyRefusal): Reply {
  switch (refusal.reason) {
    case 'key_unknown':
      return explain(404, 'You have no such CustomerKey.')
    case 'key_revoked':
      return badRequest('This CustomerKey has been revoked, which is final.')
    case 'disabled_by_other': {
      const who = WHO[refusal.by]
      return badRequest(
        `This CustomerKey was disabled by ${who}: ${who} alone can set its KeyStatus.`,
      )
    }
    case 'reference_invalid':
      return badRequest(`DevRefId cannot be set: ${refusal.detail}.`)
    case 'owner_unfit':
      return badRequest(
        'No CustomerKey can be made: the owner of this DeveloperPortalKey may own no more keys.',
      )
    case 'keys_exhausted':
      return explain(
        429,
        `You have ${refusal.limit} CustomerKeys or more, as many as one developer may have. Ask headquarters to delete those that no office uses, or to raise the limit.`,
        retryAfter(refusal.retryAfterSeconds),
      )
    case 'contended':
      return later(503, 'Others are changing this CustomerKey.', 1)
  }
}
