import { type Context, Hono } from 'hono'
import { eventKind } from '../../domain/catalogue.ts'
import { type Failure, fail, ok, type Result } from '../../domain/failure.ts'
import type { Accept, Incoming } from '../../service/accept.ts'
import type { Guard } from '../../service/guard.ts'
import type { Quota } from '../../service/guesses.ts'
import type { Log } from '../../service/ports.ts'
import type { Caller, Refused } from '../../service/refused.ts'
import { bearerToken } from '../bearer.ts'
import { decodeText, readBody } from '../body.ts'
import { callerOf, type HttpDeps } from '../caller.ts'
import { parseJson } from '../json.ts'
import { json, type Replies, type Reply, replyTo, retryAfter, toResponse } from '../reply.ts'
import { type Echo, echo, type Meta, readMeta, writeDelivered, writeReceipt } from './meta.ts'
import { missingFrom } from './payload.ts'

export interface EndpointDeps extends HttpDeps {
  readonly guard: Guard
  readonly accept: Accept
  readonly quota: Quota
  readonly refused: Refused
  readonly log: Log
  readonly serial: () => number
  /** Where an operator finds his subscriptions, for the text that says there are none. */
  readonly subscriptionsUrl: string
  readonly messageLimitBytes: number
}

/** What a refusal is written with. */
interface Refusal {
  readonly echo: Echo | undefined
  readonly serial: number
  readonly subscriptionsUrl: string
}

/** `POST /endpoint` and `POST /query`: one handler, whether a caller waits is decided by the event. */
export function redoxEndpoint(deps: EndpointDeps): Hono {
  const { guard, accept, quota, refused, log, serial, subscriptionsUrl, messageLimitBytes } = deps
  const app = new Hono()
  const paths = ['/endpoint', '/query']

  app.on('POST', paths, async (c) => {
    const caller = callerOf(deps, c)
    const { reply, failure } = await handle(c, caller)
    if (failure !== null) refused('message', failure, caller)
    return toResponse(reply, caller.requestId)
  })

  app.on(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], paths, (c) => {
    const errors = [
      { ID: serial(), Text: 'This path takes POST only.', Type: 'message', Module: 'Send' },
    ]
    const reply = json(405, { Meta: { Errors: errors } }, { Allow: 'POST' })
    return toResponse(reply, callerOf(deps, c).requestId)
  })

  app.onError((error, c) => {
    const caller = callerOf(deps, c)
    log.error({ ...caller, error }, 'a message failed')
    const errors = [
      { ID: serial(), Text: 'The server failed; send it again.', Type: 'message', Module: 'Send' },
    ]
    return toResponse(json(500, { Meta: { Errors: errors } }), caller.requestId)
  })
  return app

  async function handle(
    c: Context,
    caller: Caller,
  ): Promise<{ reply: Reply; failure: Failure | null }> {
    let message: unknown
    const refuse = (failure: Failure) => {
      const words: Refusal = {
        echo: message === undefined ? undefined : echo(message),
        serial: serial(),
        subscriptionsUrl,
      }
      return { reply: replyTo(replies, failure, words), failure }
    }

    const within = quota(caller.address)
    if (!within.ok) return refuse(within.failure)
    const token = bearerToken(c.req.raw.headers.get('authorization'))
    if (!token.ok) return refuse(token.failure)
    const principal = await guard(token.value)
    if (!principal.ok) return refuse(principal.failure)

    const payload = await readBody(c.req.raw, messageLimitBytes)
    if (!payload.ok) return refuse(payload.failure)
    const parsed = parse(payload.value)
    if (!parsed.ok) return refuse(parsed.failure)
    message = parsed.value
    const meta = readMeta(message)
    if (!meta.ok) return refuse(meta.failure)
    const missing = missingFrom(message, meta.value)
    if (missing !== null) return refuse(missing)

    const receipt = await accept(
      principal.value,
      incoming(meta.value, message as object, payload.value, () => c.req.raw.signal),
      caller,
    )
    if (!receipt.ok) return refuse(receipt.failure)
    const { answer } = receipt.value
    const written = writeReceipt(meta.value, receipt.value)
    if (answer === null) return { reply: json(200, { Meta: written }), failure: null }
    const found = readAnswer(answer, receipt.value.route.hops[0].destination.id)
    if (!found.ok) return refuse(found.failure)
    // The payload first, then Meta.
    return { reply: json(200, { ...found.value, Meta: written }), failure: null }
  }
}

function parse(payload: Uint8Array): Result<unknown> {
  const text = decodeText(payload)
  return text.ok ? parseJson(text.value) : text
}

const incoming = (
  meta: Meta,
  message: object,
  payload: Uint8Array,
  signal: () => AbortSignal,
): Incoming => ({
  dataModel: meta.DataModel,
  eventType: meta.EventType,
  sourceId: meta.Source?.ID ?? null,
  destinationIds: meta.Destinations.map(({ ID }) => ID),
  test: meta.Test ?? false,
  payload,
  render: (accepted) => JSON.stringify({ ...message, Meta: writeDelivered(meta, accepted) }),
  signal,
})

/** What a destination found: an object; nothing at all is an empty one. Its own `Meta` is not the caller's. */
function readAnswer(answer: string, destinationId: string): Result<object> {
  if (answer.trim() === '') return ok({})
  const parsed = parseJson(answer)
  const value = parsed.ok ? parsed.value : null
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const detail = 'its answer is not a JSON object'
    return fail({ reason: 'destination_failed', destinationId, detail })
  }
  const { Meta: _, ...found } = value as { Meta?: unknown }
  return ok(found)
}

// ── Refusals ────────────────────────────────────────────────────────────────────────────────────

type Module = 'DataModels' | 'Subscriptions' | 'Send'

/** Widely used clients parse every answer as JSON, 401 and 5xx included. */
function refusal(
  status: number,
  module: Module,
  text: string,
  { echo, serial }: Refusal,
  headers: Record<string, string> = {},
): Reply {
  const error = { ID: serial, Text: text, Type: typeOf(module, status, echo), Module: module }
  return json(status, { Meta: { ...echo, Errors: [error] } }, headers)
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
  refusal(401, 'Send', 'The access token is missing, invalid or expired.', context, {
    'WWW-Authenticate': 'Bearer realm="Latchkey", error="invalid_token"',
  })

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
  body_unreadable: ({ detail }, context) =>
    refusal(400, 'DataModels', `The message cannot be read: ${detail}.`, context),
  field_missing: ({ field }, context) =>
    refusal(400, 'DataModels', `Required field missing - ${field}${inEvent(context)}`, context),
  field_invalid: ({ field, detail }, context) =>
    refusal(400, 'DataModels', `Invalid field - ${field} ${detail}${inEvent(context)}`, context),

  credential_missing: (_, context) =>
    refusal(401, 'Send', 'The access token is missing, invalid or expired.', context, {
      'WWW-Authenticate': 'Bearer realm="Latchkey"',
    }),
  credential_malformed: unauthorized,
  key_unknown: unauthorized,
  secret_wrong: unauthorized,
  token_forged: unauthorized,
  token_expired: unauthorized,
  token_superseded: unauthorized,
  grant_revoked: unauthorized,
  refresh_reused: unauthorized,
  key_disabled: unauthorized,
  key_revoked: unauthorized,
  key_expired: unauthorized,
  account_closed: unauthorized,
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
  destination_failed: ({ destinationId }, context) =>
    refusal(502, 'Send', `The destination ${destinationId} did not answer as it should.`, context),
  destination_timed_out: ({ destinationId }, context) =>
    refusal(504, 'Send', `The destination ${destinationId} did not answer in time.`, context),

  guessing: ({ retryAfterSeconds }, context) =>
    later(429, 'Too many failures.', retryAfterSeconds, context),
  quota_exceeded: ({ limit, retryAfterSeconds }, context) =>
    later(429, 'Too many requests.', retryAfterSeconds, context, {
      'X-RateLimit-Limit': String(limit),
    }),
  busy: ({ retryAfterSeconds }, context) =>
    later(503, 'The server is busy.', retryAfterSeconds, context),
}
