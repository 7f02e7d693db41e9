import type { Failure } from '../domain/failure.ts'
import type { Caller } from '../service/caller.ts'
import { createSunsetHeaders } from './sunset-headers.ts'

/** A response as plain values. */
export interface Reply {
  readonly status: number
  readonly body: string
  readonly type: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A protocol's reply to every failure that can reach it. A reason without a reply does not compile. */
export type ReplyTable<Context = void, F extends { readonly reason: string } = Failure> = {
  readonly [R in F['reason']]: (failure: Extract<F, { reason: R }>, context: Context) => Reply
}

export const JSON_CONTENT_TYPE = 'application/json; charset=utf-8'

export const createJsonReply = (
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Reply => createJsonTextReply(status, JSON.stringify(value), headers)

/** Creates a reply from JSON text. */
export const createJsonTextReply = (
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Reply => ({ status, body, type: JSON_CONTENT_TYPE, headers })

/** Finds the reply to a failure. */
export function replyToFailure<Context, F extends { readonly reason: string }>(
  replies: ReplyTable<Context, F>,
  failure: F,
  context: Context,
): Reply {
  const reason: F['reason'] = failure.reason
  const createReply = replies[reason] as (failure: F, context: Context) => Reply
  return createReply(failure, context)
}

/** Links the caller's response to the operator's log. */
export const REQUEST_ID_HEADER = 'X-Request-Id'

/** The facts about a caller that every response tells them. */
type AnsweredCaller = Pick<Caller, 'requestId' | 'sunset'>

export const toResponse = (reply: Reply, caller: AnsweredCaller): Response =>
  new Response(reply.body, {
    status: reply.status,
    headers: createReplyHeaders(reply, caller),
  })

/** Forbids caching of every response: tokens (RFC 6749 §5.1), refusals and messages. */
export const createReplyHeaders = (
  { type, headers }: Reply,
  { requestId, sunset }: AnsweredCaller,
): Record<string, string> => ({
  'Content-Type': type,
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  [REQUEST_ID_HEADER]: requestId,
  ...headers,
  ...(sunset !== undefined && createSunsetHeaders(sunset)),
})

/** A restarting database is back within seconds. */
export const DATABASE_RETRY_SECONDS = 5

/** Tells the users of a key why a planned brownout refuses it. */
export const BROWNOUT_TEXT = 'Keys of this kind are being retired.'

export const createRetryAfterHeader = (seconds: number) => ({ 'Retry-After': String(seconds) })

/** RFC 9110 §11.6.1. */
export const createChallengeHeader = (text: string) => ({ 'WWW-Authenticate': text })
