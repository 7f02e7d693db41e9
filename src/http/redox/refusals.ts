import { eventKind } from '../../domain/catalogue.ts'
import type { DestinationFailed, Failure } from '../../domain/failure.ts'
import { bearerChallenge } from '../bearer.ts'
import { json, type Replies, type Reply, replyTo, retryAfter } from '../reply.ts'
import type { Echo } from './meta.ts'

/** What a refusal is written with. */
export interface Refusal {
  /** As much of the message's `Meta` as was read. */
  readonly echo: Echo | undefined
  /** The error's id. */
  readonly serial: number
  /** Where an operator finds his subscriptions, for the text that says there are none. */
  readonly subscriptionsUrl: string
}

export const refuse = (failure: Failure, context: Refusal): Reply =>
  replyTo(replies, failure, context)

/** What went wrong before or beside any failure that has a name. */
export const refuseMethod = (context: Refusal): Reply =>
  refusal(405, 'Send', 'This path takes POST only.', context, { Allow: 'POST' })
export const refuseUnavailable = (seconds: number, context: Refusal): Reply =>
  later(503, 'The server cannot store it now.', seconds, context)
export const refuseBroken = (context: Refusal): Reply =>
  refusal(500, 'Send', 'The server failed; send it again.', context)

type Module = 'DataModels' | 'Subscriptions' | 'Send'

/** Widely used clients parse every answer as JSON, 401 and 5xx included. */
function refusal(
  status: number,
  module: Module,
  text: string,
  context: Refusal,
  headers: Record<string, string> = {},
): Reply {
  const type = typeOf(module, status, context.echo)
  return errorReply(status, { Text: text, Type: type, Module: module }, context, headers)
}

/** Refuses a valid message that did not reach its destination, or that its destination refused. */
const transmission = (status: number, text: string, context: Refusal): Reply =>
  errorReply(status, { Text: text, Type: 'transmission', Module: 'Send' }, context)

function errorReply(
  status: number,
  error: { Text: string; Type: string; Module: Module },
  { echo, serial }: Refusal,
  headers: Record<string, string> = {},
): Reply {
  return json(status, { Meta: { ...echo, Errors: [{ ID: serial, ...error }] } }, headers)
}

/** Whether the destination itself refused the message with a 4xx status. */
const isRefusal = ({ status = 0 }: DestinationFailed) => status >= 400 && status <= 499

function describeFailed({ status, answerFault }: DestinationFailed): string {
  if (status !== undefined) return `answered with status code ${status}`
  const fault = answerFault === undefined ? '' : `: of its answer, ${answerFault}`
  return `did not answer as it should${fault}`
}

function typeOf(module: Module, status: number, echo: Echo | undefined) {
  if (eventKind(echo?.DataModel ?? '', echo?.EventType ?? '') === 'synchronous') return 'query'
  return module === 'Send' && status >= 500 ? 'transmission' : 'message'
}

/** ` in Device:New`, where that much is known. */
const inEvent = ({ echo }: Refusal) =>
  echo?.DataModel && echo.EventType ? ` in ${echo.DataModel}:${echo.EventType}` : ''

/** One answer for every token that opens nothing (RFC 6750 §3.1). */
const unauthorized = (_: Failure, context: Refusal) =>
  refusal(
    401,
    'Send',
    'The access token is missing, invalid or expired.',
    context,
    bearerChallenge('invalid_token'),
  )

const later = (status: number, text: string, seconds: number, context: Refusal, headers = {}) =>
  refusal(status, 'Send', `${text} Try again in ${seconds} seconds.`, context, {
    ...retryAfter(seconds),
    ...headers,
  })

const replies: Replies<Refusal> = {
  body_too_large: ({ limitBytes }, context) =>
    refusal(413, 'DataModels', `A message must not be longer than ${limitBytes} bytes.`, context, {
      Connection: 'close',
    }),
  member_repeated: ({ member }, context) =>
    refusal(400, 'DataModels', `The message cannot be read: ${member} is there twice.`, context),
  body_unreadable: ({ detail }, context) =>
    refusal(400, 'DataModels', `The message cannot be read: ${detail}.`, context),
  field_missing: ({ field }, context) =>
    refusal(400, 'DataModels', `Required field missing - ${field}${inEvent(context)}`, context),
  field_invalid: ({ field, detail }, context) =>
    refusal(400, 'DataModels', `Invalid field - ${field} ${detail}${inEvent(context)}`, context),

  credential_missing: (_, context) =>
    refusal(
      401,
      'Send',
      'The access token is missing, invalid or expired.',
      context,
      bearerChallenge(),
    ),
  credential_malformed: unauthorized,
  key_unknown: unauthorized,
  secret_missing: unauthorized,
  secret_wrong: unauthorized,
  token_forged: unauthorized,
  token_expired: unauthorized,
  token_from_future: unauthorized,
  token_superseded: unauthorized,
  grant_revoked: unauthorized,
  refresh_outdated: unauthorized,
  refresh_reused: unauthorized,
  key_disabled: unauthorized,
  key_revoked: unauthorized,
  key_expired: unauthorized,
  key_unassigned: unauthorized,
  account_closed: unauthorized,
  address_refused: unauthorized,
  permission_missing: unauthorized,
  region_other: unauthorized,

  event_unknown: ({ dataModel, eventType }, context) =>
    refusal(404, 'DataModels', `There is no event ${dataModel}:${eventType}.`, context),
  source_required: (_, context) =>
    refusal(
      400,
      'DataModels',
      `Required field missing - Meta.Source.ID${inEvent(context)}`,
      context,
    ),
  source_other: ({ sourceId }, context) =>
    refusal(403, 'Subscriptions', `The access token is not for the source ${sourceId}.`, context),
  destination_not_subscribed: (_, context) =>
    refusal(
      403,
      'Subscriptions',
      'No subscriptions. Meta.Destinations needs to contain a destination from existing ' +
        `subscriptions ${context.subscriptionsUrl}`,
      context,
    ),
  destination_unverified: ({ destinationId }, context) =>
    refusal(403, 'Subscriptions', `The destination ${destinationId} is not verified.`, context),
  synchronous_to_many: (_, context) =>
    refusal(
      400,
      'DataModels',
      'Invalid synchronous destination: more than one synchronous destination was specified',
      context,
    ),
  destination_failed: (failure, context) =>
    transmission(
      isRefusal(failure) ? 400 : 502,
      `The destination ${failure.destinationId} ${describeFailed(failure)}.`,
      context,
    ),
  destination_timed_out: ({ destinationId }, context) =>
    transmission(504, `The destination ${destinationId} did not answer in time.`, context),

  upstream_missing: (_, context) =>
    refusal(502, 'Send', 'There is no service behind this path.', context),
  upstream_unreachable: (_, context) =>
    refusal(502, 'Send', 'The service behind this path did not answer as it should.', context),
  upstream_timed_out: (_, context) =>
    refusal(504, 'Send', 'The service behind this path did not answer in time.', context),

  guessing: ({ retryAfterSeconds }, context) =>
    later(429, 'Too many failures.', retryAfterSeconds, context),
  quota_exceeded: ({ limit, retryAfterSeconds }, context) =>
    later(429, 'Too many requests.', retryAfterSeconds, context, {
      'X-RateLimit-Limit': String(limit),
    }),
  busy: ({ retryAfterSeconds }, context) =>
    later(503, 'The server is busy.', retryAfterSeconds, context),
}
