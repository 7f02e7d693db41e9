import { type Failure, fail, ok, type Result } from '../../../domain/failure.ts'
import { toStoredId } from '../../../domain/id.ts'
import type { RecordRefusal } from '../../../service/audit/record-refusal.ts'
import type { Caller } from '../../../service/caller.ts'
import type { Log } from '../../../service/ports/runtime.ts'
import type { Exchange } from '../../../service/tokens/exchange.ts'
import type { IssuedTokens } from '../../../service/tokens/issue.ts'
import type { Refresh } from '../../../service/tokens/refresh.ts'
import { parseJson } from '../../json/parse.ts'
import {
  BROWNOUT_TEXT,
  createJsonReply,
  createRetryAfterHeader,
  type Reply,
  type ReplyTable,
  replyToFailure,
} from '../../reply.ts'
import type { HttpDeps } from '../../request.ts'
import { decodeText, readBody } from '../../request-body.ts'
import { createPostRoute, type ServerRoute } from '../../server-route.ts'
import { AUTHENTICATE_PATH, REFRESH_PATH } from './paths.ts'

export interface RedoxAuthDeps extends HttpDeps {
  readonly exchange: Exchange
  readonly refresh: Refresh
  readonly recordRefusal: RecordRefusal
  readonly log: Log
}

const BODY_LIMIT_BYTES = 4096

/** Creates `POST /auth/authenticate` and `POST /auth/refreshToken`. */
export const createRedoxAuthRoutes = (deps: RedoxAuthDeps): ServerRoute[] => [
  createAuthRoute(deps, {
    path: AUTHENTICATE_PATH,
    surface: 'exchange',
    fieldNames: ['apiKey', 'secret'],
    issue: ({ apiKey, secret }, caller) =>
      deps.exchange({ publicId: toStoredId(apiKey), secret }, caller),
  }),
  createAuthRoute(deps, {
    path: REFRESH_PATH,
    surface: 'refresh',
    fieldNames: ['apiKey', 'refreshToken'],
    issue: ({ apiKey, refreshToken }, caller) =>
      deps.refresh({ publicId: toStoredId(apiKey), refreshToken }, caller),
  }),
]

/** A path that issues tokens for the fields of a body. */
interface AuthRoute<FieldName extends string> {
  readonly path: string
  /** The name of the path in the audit. */
  readonly surface: string
  readonly fieldNames: readonly FieldName[]
  /** Issues tokens, or returns a refusal that is recorded already. */
  readonly issue: (
    fields: Readonly<Record<FieldName, string>>,
    caller: Caller,
  ) => Promise<Result<IssuedTokens>>
}

const createAuthRoute = <FieldName extends string>(
  deps: RedoxAuthDeps,
  { path, surface, fieldNames, issue }: AuthRoute<FieldName>,
): ServerRoute =>
  createPostRoute(path, deps, {
    ...ERROR_REPLIES,
    async handle(request, caller) {
      const body = await readBody(request, BODY_LIMIT_BYTES)
      const fields = body.ok ? parseFields(body.value, fieldNames) : body
      if (!fields.ok) deps.recordRefusal(surface, fields.failure, caller)
      const issued = fields.ok ? await issue(fields.value, caller) : fields
      if (issued.ok) return createTokenReply(issued.value)
      const reply = refuseTokenRequest(issued.failure)
      deps.recordRefusal.recordResponse(caller, reply)
      return reply
    },
  })

export const refuseTokenRequest = (failure: Failure): Reply =>
  replyToFailure(replies, failure, undefined)

/** Three strings in this order and no others; `expires` as `toISOString` formats it. */
const createTokenReply = ({ accessToken, expiresAt, refreshToken }: IssuedTokens): Reply =>
  createJsonReply(200, { accessToken, expires: new Date(expiresAt).toISOString(), refreshToken })

const createMessageReply = (status: number, text: string, headers = {}) =>
  createJsonReply(status, { message: text }, headers)

const ERROR_REPLIES = {
  replyMethodNotAllowed: () =>
    createMessageReply(405, 'This path takes POST only.', { Allow: 'POST' }),
  replyUnavailable: (seconds: number) => createRetryReply(503, seconds),
  replyServerError: () => createMessageReply(500, 'The server failed; try again.'),
}

/** One reply for every rejected credential, so that it does not reveal which keys exist. */
const createInvalidReply = (): Reply => ({
  status: 401,
  body: 'Invalid request',
  type: 'text/html; charset=utf-8',
})
const createRetryReply = (status: number, seconds: number, why = '') =>
  createMessageReply(
    status,
    `${why}Try again in ${seconds} seconds.`,
    createRetryAfterHeader(seconds),
  )

const replies: ReplyTable = {
  body_too_large: ({ limitBytes }) =>
    createMessageReply(413, `The body must not be longer than ${limitBytes} bytes.`, {
      Connection: 'close',
    }),
  body_unreadable: ({ detail }) =>
    createMessageReply(400, `The request cannot be read: ${detail}.`),
  member_repeated: ({ member }) =>
    createMessageReply(400, `The request cannot be read: ${member} is there twice.`),
  field_missing: ({ field }) => createMessageReply(400, `${field} is missing.`),
  field_invalid: ({ field, detail }) => createMessageReply(400, `${field} ${detail}.`),
  credential_missing: createInvalidReply,
  credential_malformed: createInvalidReply,
  key_unknown: createInvalidReply,
  secret_missing: createInvalidReply,
  secret_wrong: createInvalidReply,
  secret_unverifiable: createInvalidReply,
  token_forged: createInvalidReply,
  token_expired: createInvalidReply,
  token_from_future: createInvalidReply,
  token_superseded: createInvalidReply,
  token_revoked: createInvalidReply,
  scope_insufficient: createInvalidReply,
  grant_revoked: createInvalidReply,
  refresh_outdated: createInvalidReply,
  refresh_reused: createInvalidReply,
  key_disabled: createInvalidReply,
  key_revoked: createInvalidReply,
  key_expired: createInvalidReply,
  key_retired: createInvalidReply,
  brownout: ({ retryAfterSeconds }) =>
    createRetryReply(503, retryAfterSeconds, `${BROWNOUT_TEXT} `),
  key_unassigned: createInvalidReply,
  account_closed: createInvalidReply,
  address_refused: createInvalidReply,
  permission_missing: createInvalidReply,
  region_other: createInvalidReply,
  event_unknown: createInvalidReply,
  source_required: createInvalidReply,
  source_other: createInvalidReply,
  destination_not_subscribed: createInvalidReply,
  destination_unverified: createInvalidReply,
  synchronous_to_many: createInvalidReply,
  destination_failed: createInvalidReply,
  destination_timed_out: createInvalidReply,
  upstream_missing: createInvalidReply,
  upstream_unreachable: createInvalidReply,
  upstream_timed_out: createInvalidReply,
  failures_exceeded: ({ retryAfterSeconds }) => createRetryReply(429, retryAfterSeconds),
  quota_exceeded: ({ retryAfterSeconds }) => createRetryReply(429, retryAfterSeconds),
  busy: ({ retryAfterSeconds }) => createRetryReply(503, retryAfterSeconds),
}

const OPEN_BRACE = 0x7b
const isVisibleAscii = (byte: number): boolean => byte > 0x20 && byte < 0x7f

/**
 * Parses the named fields, each a string. The first visible byte distinguishes JSON from a form, because real
 * clients send JSON with a form's Content-Type. Other fields are ignored, and a null field counts as missing.
 */
function parseFields<Name extends string>(
  bytes: Uint8Array,
  names: readonly Name[],
): Result<Record<Name, string>> {
  const input =
    bytes.find(isVisibleAscii) === OPEN_BRACE ? parseJson(bytes) : parseForm(bytes, names)
  if (!input.ok) return input

  const fields: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const value = (input.value as Record<string, unknown>)[name]
    if (value === undefined || value === null || value === '') {
      return fail({ reason: 'field_missing', field: name })
    }
    if (typeof value !== 'string') {
      return fail({ reason: 'field_invalid', field: name, detail: 'must be a string' })
    }
    fields[name] = value
  }
  return ok(fields as Record<Name, string>)
}

/** Parses application/x-www-form-urlencoded. No field may be repeated (RFC 6749 §3.2). */
function parseForm(bytes: Uint8Array, names: readonly string[]): Result<Record<string, string>> {
  const text = decodeText(bytes)
  if (!text.ok) return text
  const form = new URLSearchParams(text.value)
  for (const field of names) {
    if (form.getAll(field).length > 1) {
      return fail({ reason: 'field_invalid', field, detail: 'is there twice' })
    }
  }
  return ok(Object.fromEntries(form))
}
