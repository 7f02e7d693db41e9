import { Hono } from 'hono'
import type { Log, Storage } from '../service/ports.ts'
import { callerOf, type HttpDeps } from './caller.ts'
import { DATABASE_BACK_SECONDS, json, retryAfter, toResponse } from './reply.ts'

export interface HealthDeps extends HttpDeps {
  readonly storage: Pick<Storage, 'probe'>
  readonly log: Log
}

/** `/health`: the process answers. `/ready`: the database answers and takes a write to disk. */
export function health(deps: HealthDeps): Hono {
  const app = new Hono()

  app.get('/health', (c) => toResponse(json(200, { status: 'live' }), callerOf(deps, c).requestId))

  app.get('/ready', async (c) => {
    const caller = callerOf(deps, c)
    try {
      await deps.storage.probe()
      return toResponse(json(200, { status: 'ready' }), caller.requestId)
    } catch (error) {
      deps.log.error({ ...caller, error }, 'the database takes no write')
      const reply = json(
        503,
        { status: 'the database takes no write' },
        retryAfter(DATABASE_BACK_SECONDS),
      )
      return toResponse(reply, caller.requestId)
    }
  })
  return app
}
