import { findEventKind } from '../../../domain/catalog.ts'
import type { DestinationFailure, Failure } from '../../../domain/failure.ts'
import { createBearerChallenge } from '../../authorization.ts'
import {
  BROWNOUT_TEXT,
  createJsonReply,
  createRetryAfterHeader,
  type Reply,
  type ReplyTable,
  replyToFailure,
} from '../../reply.ts'
import type { Echo } from './meta.ts'

/** The values that a refusal contains. */
export interface RefusalContext {
  /** The part of the message's `Meta` that was read. */
  readonly echo: Echo | undefined
  /** True for a client's token: one of the vendor's clients reads `errorDetail`, the others `Meta`. */
  readonly hasErrorDetail: boolean
  /** The id of the error. */
  readonly serial: number
  /** The URL of the operator's subscriptions, for the text that says there are none. */
  readonly subscriptionsUrl: string
}

export const refuseRedoxRequest = (failure: Failure, context: RefusalContext): Reply =>
  replyToFailure(replies, failure, context)

export const replyRedoxMethodNotAllowed = (context: RefusalContext): Reply =>
  createRefusalReply(405, 'Send', 'This path takes POST only.', context, { Allow: 'POST' })
export const replyUnavailable = (seconds: number, context: RefusalContext): Reply =>
  createRetryReply(503, 'The server cannot store it now.', seconds, context)
export const replyRedoxServerError = (context: RefusalContext): Reply =>
  createRefusalReply(500, 'Send', 'The server failed; send it again.', context)

type Module = 'DataModels' | 'Subscriptions' | 'Send'

/** Writes JSON, because widely used clients parse every response as JSON, 401 and 5xx included. */
function createRefusalReply(
  status: number,
  module: Module,
  text: string,
  context: RefusalContext,
  headers: Record<string, string> = {},
): Reply {
  const type = findErrorType(module, status, context.echo)
  return createErrorReply(status, { Text: text, Type: type, Module: module }, context, headers)
}

/** Refuses a valid message that did not reach its destination, or that its destination refused. */
const createTransmissionReply = (status: number, text: string, context: RefusalContext): Reply =>
  createErrorReply(status, { Text: text, Type: 'transmission', Module: 'Send' }, context)

function createErrorReply(
  status: number,
  error: { Text: string; Type: string; Module: Module },
  { echo, hasErrorDetail, serial }: RefusalContext,
  headers: Record<string, string> = {},
): Reply {
  const Meta = { ...echo, Errors: [{ ID: serial, ...error }] }
  return createJsonReply(
    status,
    hasErrorDetail ? { errorDetail: error.Text, Meta } : { Meta },
    headers,
  )
}

/** Recognizes a message that the destination itself refused with a 4xx status. */
const isRefusedByDestination = ({ status = 0 }: DestinationFailure) =>
  status >= 400 && status <= 499

function describeDestinationFailure({ status, answerFault }: DestinationFailure): string {
  if (status !== undefined) return `answered with status code ${status}`
  const fault = answerFault === undefined ? '' : `: of its answer, ${answerFault}`
  return `did not answer as it should${fault}`
}

function findErrorType(module: Module, status: number, echo: Echo | undefined) {
  if (findEventKind(echo?.DataModel ?? '', echo?.EventType ?? '') === 'synchronous') return 'query'
  return module === 'Send' && status >= 500 ? 'transmission' : 'message'
}

/** Formats ` in Device:New`, if both are known. */
const formatEventSuffix = ({ echo }: RefusalContext) =>
  echo?.DataModel && echo.EventType ? ` in ${echo.DataModel}:${echo.EventType}` : ''

/** One reply for every unusable token (RFC 6750 §3.1). */
const createUnauthorizedReply = (_: Failure, context: RefusalContext) =>
  createRefusalReply(
    401,
    'Send',
    'The access token is missing, invalid or expired.',
    context,
    createBearerChallenge('invalid_token'),
  )

const createRetryReply = (
  status: number,
  text: string,
  seconds: number,
  context: RefusalContext,
  headers = {},
) =>
  createRefusalReply(status, 'Send', `${text} Try again in ${seconds} seconds.`, context, {
    ...createRetryAfterHeader(seconds),
    ...headers,
  })

const replies: ReplyTable<RefusalContext> = {
  body_too_large: ({ limitBytes }, context) =>
    createRefusalReply(
      413,
      'DataModels',
      `A message must not be longer than ${limitBytes} bytes.`,
      context,
      {
        Connection: 'close',
      },
    ),
  member_repeated: ({ member }, context) =>
    createRefusalReply(
      400,
      'DataModels',
      `The message cannot be read: ${member} is there twice.`,
      context,
    ),
  body_unreadable: ({ detail }, context) =>
    createRefusalReply(400, 'DataModels', `The message cannot be read: ${detail}.`, context),
  field_missing: ({ field }, context) =>
    createRefusalReply(
      400,
      'DataModels',
      `Required field missing - ${field}${formatEventSuffix(context)}`,
      context,
    ),
  field_invalid: ({ field, detail }, context) =>
    createRefusalReply(
      400,
      'DataModels',
      `Invalid field - ${field} ${detail}${formatEventSuffix(context)}`,
      context,
    ),

  credential_missing: (_, context) =>
    createRefusalReply(
      401,
      'Send',
      'The access token is missing, invalid or expired.',
      context,
      createBearerChallenge(),
    ),
  credential_malformed: createUnauthorizedReply,
  key_unknown: createUnauthorizedReply,
  secret_missing: createUnauthorizedReply,
  secret_wrong: createUnauthorizedReply,
  secret_unverifiable: createUnauthorizedReply,
  token_forged: createUnauthorizedReply,
  token_expired: createUnauthorizedReply,
  token_from_future: createUnauthorizedReply,
  token_superseded: createUnauthorizedReply,
  token_revoked: createUnauthorizedReply,
  scope_insufficient: ({ scope }, context) =>
    createRefusalReply(
      403,
      'Send',
      'The access token does not have the scope for this.',
      context,
      createBearerChallenge('insufficient_scope', { scope }),
    ),
  grant_revoked: createUnauthorizedReply,
  refresh_outdated: createUnauthorizedReply,
  refresh_reused: createUnauthorizedReply,
  key_disabled: createUnauthorizedReply,
  key_revoked: createUnauthorizedReply,
  key_expired: createUnauthorizedReply,
  key_retired: createUnauthorizedReply,
  brownout: ({ retryAfterSeconds }, context) =>
    createRetryReply(503, BROWNOUT_TEXT, retryAfterSeconds, context),
  key_unassigned: createUnauthorizedReply,
  account_closed: createUnauthorizedReply,
  address_refused: createUnauthorizedReply,
  // Only the token of an OAuth client without a source gets here: another token would not help it.
  permission_missing: ({ detail }, context) =>
    createRefusalReply(
      403,
      'Subscriptions',
      `The access token may not do that: ${detail}.`,
      context,
    ),
  region_other: createUnauthorizedReply,

  event_unknown: ({ dataModel, eventType }, context) =>
    createRefusalReply(404, 'DataModels', `There is no event ${dataModel}:${eventType}.`, context),
  source_required: (_, context) =>
    createRefusalReply(
      400,
      'DataModels',
      `Required field missing - Meta.Source.ID${formatEventSuffix(context)}`,
      context,
    ),
  source_other: ({ sourceId }, context) =>
    createRefusalReply(
      403,
      'Subscriptions',
      `The access token is not for the source ${sourceId}.`,
      context,
    ),
  destination_not_subscribed: (_, context) =>
    createRefusalReply(
      403,
      'Subscriptions',
      'No subscriptions. Meta.Destinations needs to contain a destination from existing ' +
        `subscriptions ${context.subscriptionsUrl}`,
      context,
    ),
  destination_unverified: ({ destinationId }, context) =>
    createRefusalReply(
      403,
      'Subscriptions',
      `The destination ${destinationId} is not verified.`,
      context,
    ),
  synchronous_to_many: (_, context) =>
    createRefusalReply(
      400,
      'DataModels',
      'Invalid synchronous destination: more than one synchronous destination was specified',
      context,
    ),
  destination_failed: (failure, context) =>
    createTransmissionReply(
      isRefusedByDestination(failure) ? 400 : 502,
      `The destination ${failure.destinationId} ${describeDestinationFailure(failure)}.`,
      context,
    ),
  destination_timed_out: ({ destinationId }, context) =>
    createTransmissionReply(
      504,
      `The destination ${destinationId} did not answer in time.`,
      context,
    ),

  upstream_missing: (_, context) =>
    createRefusalReply(502, 'Send', 'There is no service behind this path.', context),
  upstream_unreachable: (_, context) =>
    createRefusalReply(
      502,
      'Send',
      'The service behind this path did not answer as it should.',
      context,
    ),
  upstream_timed_out: (_, context) =>
    createRefusalReply(
      504,
      'Send',
      'The service behind this path did not answer in time.',
      context,
    ),

  failures_exceeded: ({ retryAfterSeconds }, context) =>
    createRetryReply(429, 'Too many failures.', retryAfterSeconds, context),
  quota_exceeded: ({ limit, retryAfterSeconds }, context) =>
    createRetryReply(429, 'Too many requests.', retryAfterSeconds, context, {
      'X-RateLimit-Limit': String(limit),
    }),
  busy: ({ retryAfterSeconds }, context) =>
    createRetryReply(503, 'The server is busy.', retryAfterSeconds, context),
}
