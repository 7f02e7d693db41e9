import type { Context } from 'hono'
import { ok } from '../domain/failure.ts'
import type { Key } from '../domain/key.ts'
import type { SurfaceDialect } from './dialect.ts'
import { type Reply, toResponse } from './reply.ts'
import type { Surfaces } from './surface.ts'

/** A path of a surface that is answered here and not handed on: it says whose the credential is. */
export interface IdentityRoute {
  readonly introduce: (key: Key) => Reply
  /** To any method but GET and HEAD: 405 with Allow (RFC 9110 §15.5.6). */
  readonly notGet: (headers: Readonly<Record<string, string>>) => Reply
}

export const sayWho =
  ({ answer, admit }: Surfaces, dialect: SurfaceDialect, { introduce, notGet }: IdentityRoute) =>
  (c: Context): Promise<Response> =>
    answer(c, dialect, async (request, caller) => {
      const say = (reply: Reply) => ok(toResponse(reply, caller.requestId))
      if (!READING.includes(request.method)) return say(notGet({ Allow: READING.join(', ') }))
      const key = await admit(dialect, request, caller)
      return key.ok ? say(introduce(key.value)) : key
    })

/** RFC 9110 §9.1: who answers GET answers HEAD. */
const READING = ['GET', 'HEAD']
