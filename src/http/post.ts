import type { Hono } from 'hono'
import { type Log, Unavailable } from '../service/ports.ts'
import type { Caller } from '../service/refused.ts'
import { callerOf, type HttpDeps } from './caller.ts'
import { DATABASE_BACK_SECONDS, type Reply, toResponse } from './reply.ts'

/** A path that takes POST only, and what it says otherwise in its dialect's words. */
export interface PostRoute {
  readonly answer: (request: Request, caller: Caller) => Promise<Reply>
  /** To any other method: 405 with Allow (RFC 9110 §15.5.6). */
  readonly notPost: () => Reply
  /** Where the database cannot be reached: 503. */
  readonly unavailable: (retryAfterSeconds: number) => Reply
  /** Where `answer` threw anything else: a bug, or a broken machine. */
  readonly broken: () => Reply
}

/**
 * Adds the path. It has one handler for all methods, and its errors are caught here: where a path has
 * more, or an app of its own with an error handler, Hono composes middleware anew at every request.
 */
export function addPost(app: Hono, path: string, deps: HttpDeps & { log: Log }, route: PostRoute) {
  app.all(path, async (c) => {
    const caller = callerOf(deps, c)
    const { requestId } = caller
    if (c.req.method !== 'POST') return toResponse(route.notPost(), requestId)
    try {
      return toResponse(await route.answer(c.req.raw, caller), requestId)
    } catch (error) {
      deps.log.error({ ...caller, path, error }, 'a request failed')
      const unavailable = error instanceof Unavailable
      const reply = unavailable ? route.unavailable(DATABASE_BACK_SECONDS) : route.broken()
      return toResponse(reply, requestId)
    }
  })
}
