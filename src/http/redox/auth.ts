import { Hono } from 'hono'
import { type Failure, fail, ok, type Result } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import type { Exchange } from '../../service/exchange.ts'
import type { Granted } from '../../service/issue.ts'
import type { Log } from '../../service/ports.ts'
import type { Refresh } from '../../service/refresh.ts'
import type { Caller, Refused } from '../../service/refused.ts'
import { decodeText, readBody } from '../body.ts'
import type { HttpDeps } from '../caller.ts'
import { parseJson } from '../json.ts'
import { addPost } from '../post.ts'
import { json, type Replies, type Reply, replyTo, retryAfter } from '../reply.ts'
import { AUTHENTICATE, REFRESH } from './paths.ts'

export interface AuthDeps extends HttpDeps {
  readonly exchange: Exchange
  readonly refresh: Refresh
  readonly refused: Refused
  readonly log: Log
}

const BODY_LIMIT = 4096

/** `POST /auth/authenticate` and `POST /auth/refreshToken`. */
export function redoxAuth(deps: AuthDeps): Hono {
  const { exchange, refresh, refused } = deps
  const app = new Hono()

  addPost(app, AUTHENTICATE, deps, {
    ...otherwise,
    async answer(request, caller) {
      const fields = await readFields(request, ['apiKey', 'secret'])
      if (!fields.ok) return unreadable('exchange', fields.failure, caller)
      const { apiKey, secret } = fields.value
      return answer(await exchange({ publicId: toStoredId(apiKey), secret }, caller), caller)
    },
  })

  addPost(app, REFRESH, deps, {
    ...otherwise,
    async answer(request, caller) {
      const fields = await readFields(request, ['apiKey', 'refreshToken'])
      if (!fields.ok) return unreadable('refresh', fields.failure, caller)
      const { apiKey, refreshToken } = fields.value
      return answer(await refresh({ publicId: toStoredId(apiKey), refreshToken }, caller), caller)
    },
  })
  return app

  function unreadable(surface: 'exchange' | 'refresh', failure: Failure, caller: Caller): Reply {
    refused(surface, failure, caller)
    return answer({ ok: false, failure }, caller)
  }

  function answer(granted: Result<Granted>, caller: Caller): Reply {
    if (granted.ok) return tokens(granted.value)
    const reply = refuseTokens(granted.failure)
    refused.recordAnswer(caller, reply)
    return reply
  }
}

/** What a caller is told who gets no tokens. */
export const refuseTokens = (failure: Failure): Reply => replyTo(replies, failure, undefined)

/** Three strings, in this order, no others; `expires` as `toISOString` writes it. */
const tokens = ({ accessToken, expiresAt, refreshToken }: Granted): Reply =>
  json(200, { accessToken, expires: new Date(expiresAt).toISOString(), refreshToken })

const message = (status: number, text: string, headers = {}) =>
  json(status, { message: text }, headers)

const otherwise = {
  notPost: () => message(405, 'This path takes POST only.', { Allow: 'POST' }),
  unavailable: (seconds: number) => later(503, seconds),
  broken: () => message(500, 'The server failed; try again.'),
}

/** One answer for all who are not believed: it tells nobody which keys exist. */
const invalid = (): Reply => ({
  status: 401,
  body: 'Invalid request',
  type: 'text/html; charset=utf-8',
})
const later = (status: number, seconds: number) =>
  message(status, `Try again in ${seconds} seconds.`, retryAfter(seconds))

const replies: Replies = {
  body_too_large: ({ limitBytes }) =>
    message(413, `The body must not be longer than ${limitBytes} bytes.`, { Connection: 'close' }),
  body_unreadable: ({ detail }) => message(400, `The request cannot be read: ${detail}.`),
  member_repeated: ({ member }) =>
    message(400, `The request cannot be read: ${member} is there twice.`),
  field_missing: ({ field }) => message(400, `${field} is missing.`),
  field_invalid: ({ field, detail }) => message(400, `${field} ${detail}.`),
  credential_missing: invalid,
  credential_malformed: invalid,
  key_unknown: invalid,
  secret_missing: invalid,
  secret_wrong: invalid,
  token_forged: invalid,
  token_expired: invalid,
  token_from_future: invalid,
  token_superseded: invalid,
  grant_revoked: invalid,
  refresh_outdated: invalid,
  refresh_reused: invalid,
  key_disabled: invalid,
  key_revoked: invalid,
  key_expired: invalid,
  key_unassigned: invalid,
  account_closed: invalid,
  address_refused: invalid,
  permission_missing: invalid,
  region_other: invalid,
  event_unknown: invalid,
  source_required: invalid,
  source_other: invalid,
  destination_not_subscribed: invalid,
  destination_unverified: invalid,
  synchronous_to_many: invalid,
  destination_failed: invalid,
  destination_timed_out: invalid,
  upstream_missing: invalid,
  upstream_unreachable: invalid,
  upstream_timed_out: invalid,
  guessing: ({ retryAfterSeconds }) => later(429, retryAfterSeconds),
  quota_exceeded: ({ retryAfterSeconds }) => later(429, retryAfterSeconds),
  busy: ({ retryAfterSeconds }) => later(503, retryAfterSeconds),
}

/**
 * The named fields, each a string. JSON or form, whichever the first byte says: real clients send a
 * JSON body under a form's Content-Type. Other fields, and fields that are null, are as good as absent.
 */
async function readFields<Name extends string>(
  request: Request,
  names: readonly Name[],
): Promise<Result<Record<Name, string>>> {
  const body = await readBody(request, BODY_LIMIT)
  if (!body.ok) return body
  const text = decodeText(body.value)
  if (!text.ok) return text
  const given = /^\s*\{/.test(text.value) ? parseJson(body.value) : parseForm(text.value, names)
  if (!given.ok) return given

  const fields: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const value = (given.value as Record<string, unknown>)[name]
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

/** application/x-www-form-urlencoded. No field may be there twice (RFC 6749 §3.2). */
function parseForm(text: string, names: readonly string[]): Result<Record<string, string>> {
  const form = new URLSearchParams(text)
  for (const field of names) {
    if (form.getAll(field).length > 1) {
      return fail({ reason: 'field_invalid', field, detail: 'is there twice' })
    }
  }
  return ok(Object.fromEntries(form))
}
