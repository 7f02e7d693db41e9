import { Hono } from 'hono'
import type { Log } from '../service/ports/runtime.ts'
import type { Storage } from '../service/ports/storage.ts'
import {
  createJsonReply,
  createRetryAfterHeader,
  DATABASE_RETRY_SECONDS,
  toResponse,
} from './reply.ts'
import { type HttpDeps, identifyCaller } from './request.ts'

export interface HealthDeps extends HttpDeps {
  readonly storage: Pick<Storage, 'probe'>
  readonly log: Log
}

/** Serves `/health`, which shows that the process answers, and `/ready`, which writes to the database. */
export function createHealthRoutes(deps: HealthDeps): Hono {
  const app = new Hono()

  app.get('/health', (c) =>
    toResponse(createJsonReply(200, { status: 'live' }), identifyCaller(deps, c).requestId),
  )

  app.get('/ready', async (c) => {
    const caller = identifyCaller(deps, c)
    try {
      await deps.storage.probe()
      return toResponse(createJsonReply(200, { status: 'ready' }), caller.requestId)
    } catch (error) {
      deps.log.error({ ...caller, error }, 'the database accepts no writes')
      const reply = createJsonReply(
        503,
        { status: 'the database accepts no writes' },
        createRetryAfterHeader(DATABASE_RETRY_SECONDS),
      )
      return toResponse(reply, caller.requestId)
    }
  })
  return app
}
