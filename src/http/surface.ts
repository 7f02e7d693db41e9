import type { Context } from 'hono'
import type { OwnRefusal, Result, SurfaceFailure } from '../domain/failure.ts'
import { type Key, mayRequest } from '../domain/key.ts'
import type { Surface } from '../domain/surface.ts'
import type { Authenticate } from '../service/authenticate.ts'
import { type Log, Unavailable } from '../service/ports.ts'
import type { Caller, Refused } from '../service/refused.ts'
import { callerOf, type HttpDeps } from './caller.ts'
import type { SurfaceDialect } from './dialect.ts'
import { DATABASE_BACK_SECONDS, type Reply, toResponse } from './reply.ts'
import type { Identity } from './upstream/headers.ts'
import type { Pass } from './upstream/pass.ts'

export interface SurfaceDeps extends HttpDeps {
  readonly authenticate: Authenticate
  readonly pass: Pass
  readonly refused: Refused
  readonly log: Log
}

/** What the routes of every surface do alike. */
export function createSurfaces(deps: SurfaceDeps) {
  const { authenticate, pass, refused, log } = deps

  /** The key of the request's credential, if it may make such a request. */
  async function admit(
    dialect: SurfaceDialect,
    { headers, method }: { headers: Headers; method: string },
    caller: Caller,
  ): Promise<Result<Key, SurfaceFailure>> {
    const credential = dialect.read(headers)
    if (!credential.ok) return credential
    const key = await authenticate(credential.value, caller)
    return key.ok ? mayRequest(key.value, method) : key
  }

  /** Answers, or refuses in the dialect's words. Whatever is thrown is a broken machine, or a bug. */
  async function answer(
    c: Context,
    dialect: SurfaceDialect,
    work: (request: Request, caller: Caller) => Promise<Result<Response, SurfaceFailure>>,
  ): Promise<Response> {
    const caller = callerOf(deps, c)
    const { path } = c.req
    try {
      const done = await work(c.req.raw, caller)
      if (done.ok) return done.value
      return refuse(dialect, done.failure, dialect.refuse(done.failure, path), caller)
    } catch (error) {
      log.error({ ...caller, error }, 'a request failed')
      const reply =
        error instanceof Unavailable
          ? dialect.refuse({ reason: 'busy', retryAfterSeconds: DATABASE_BACK_SECONDS }, path)
          : dialect.broken(path)
      return toResponse(reply, caller.requestId)
    }
  }

  /** Answers with this refusal, which the audit hears of. */
  function refuse(
    dialect: SurfaceDialect,
    refusal: SurfaceFailure | OwnRefusal,
    reply: Reply,
    caller: Caller,
  ): Response {
    refused(dialect.name, refusal, caller)
    refused.recordAnswer(caller, reply)
    return toResponse(reply, caller.requestId)
  }

  return {
    admit,
    answer,
    refuse,

    /** Judges the request and hands it on to what stands behind the surface. */
    handOn: (dialect: SurfaceDialect, surface: Surface) => (c: Context) =>
      answer(c, dialect, async (request, caller) => {
        const key = await admit(dialect, request, caller)
        return key.ok ? pass(c, surface, identityOf(key.value), caller) : key
      }),
  }
}

/** Whose request it is. */
export const identityOf = (key: Key): Identity => ({
  accountId: key.accountId,
  siteId: key.siteId,
  keyId: key.publicId,
  ownerId: key.ownerId,
  dialect: key.dialect,
})

export type Surfaces = ReturnType<typeof createSurfaces>
