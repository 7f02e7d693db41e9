import type { Context, Hono } from 'hono'
import type { Caller } from '../service/caller.ts'
import type { Log } from '../service/ports/runtime.ts'
import { StorageUnavailableError } from '../service/ports/storage.ts'
import { createReplyHeaders, DATABASE_RETRY_SECONDS, type Reply } from './reply.ts'
import { createCaller, FetchRequest, type HttpDeps, type ServerRequest } from './request.ts'

/** A path that accepts POST only, with the replies of its protocol to everything else. */
export interface PostRoute {
  readonly handle: (request: ServerRequest, caller: Caller) => Promise<Reply>
  /** The reply to any other method: 405 with Allow (RFC 9110 §15.5.6). */
  readonly replyMethodNotAllowed: () => Reply
  /** The reply if the database cannot be reached: 503. */
  readonly replyUnavailable: (retryAfterSeconds: number, caller: Caller) => Reply
  /** The reply to any other error, which is a bug or a broken machine: 500. */
  readonly replyServerError: (caller: Caller) => Reply
}

/** A route that programs call often, for all methods. */
export interface ServerRoute {
  /** The pattern of its paths, for Hono. */
  readonly pattern: string
  /** Sends a response to the request. Catches its own errors. */
  readonly answer: (request: ServerRequest) => Promise<void>
}

export const createPostRoute = (
  path: string,
  deps: HttpDeps & { log: Log },
  route: PostRoute,
): ServerRoute => ({
  pattern: path,
  async answer(request) {
    const caller = createCaller(deps, request, path)
    if (request.method !== 'POST') return respond(request, route.replyMethodNotAllowed(), caller)
    try {
      respond(request, await route.handle(request, caller), caller)
    } catch (error) {
      respond(request, replyToError(deps.log, caller, error, route), caller)
    }
  },
})

export const respond = (request: ServerRequest, reply: Reply, caller: Caller): void =>
  request.send(reply.status, createReplyHeaders(reply, caller), reply.body)

/**
 * Adds the route with one handler for all methods. With more handlers, or with an app and an error handler for
 * the path, Hono would compose middleware at every request.
 */
export function addServerRoute(app: Hono, deps: HttpDeps, { pattern, answer }: ServerRoute): void {
  const handler = async (c: Context) => {
    const request = new FetchRequest(c.req.raw, deps.getPeerAddress(c))
    await answer(request)
    return request.response
  }
  app.all(pattern, Object.assign(handler, { answer }))
}

/**
 * Finds the route that Hono's router has for a path, if it was added by `addServerRoute`: a runtime may call it
 * with a request of its own. `path` must need no URL parser.
 */
export function findServerAnswer(
  router: Hono['router'],
  method: string,
  path: string,
): ServerRoute['answer'] | undefined {
  const [matches] = router.match(method, path)
  if (matches.length !== 1) return undefined
  const [[handler]] = matches[0] as [[Partial<ServerRoute>, unknown], unknown]
  return handler.answer
}

/** Replies to errors that are thrown, which are no expected failures. */
export type ErrorReplies = Pick<PostRoute, 'replyUnavailable' | 'replyServerError'>

/** Logs a thrown error, and chooses its reply: the database is unavailable, or it is a bug. */
export function replyToError(
  log: Log,
  caller: Caller,
  error: unknown,
  { replyUnavailable, replyServerError }: ErrorReplies,
): Reply {
  log.error({ ...caller, error }, 'a request failed')
  return error instanceof StorageUnavailableError
    ? replyUnavailable(DATABASE_RETRY_SECONDS, caller)
    : replyServerError(caller)
}
