import { type Context, Hono } from 'hono'
import { parseBasePath } from '../domain/base-path.ts'
import type { Log } from '../service/ports.ts'
import type { AdminDeps } from './admin/admin.ts'
import { createAnswered } from './answered.ts'
import { byCredential } from './api-v1.ts'
import { callerOf, type HttpDeps } from './caller.ts'
import type { ConsoleDeps } from './console/deps.ts'
import { findClimbingPath, forwardAuth } from './forward-auth.ts'
import { type HealthDeps, health } from './health.ts'
import { type JwksDeps, jwks } from './jwks.ts'
import { later } from './later.ts'
import { opendentalApi } from './opendental/api.ts'
import { opendental } from './opendental/dialect.ts'
import type { KeyListDeps } from './opendental/key-list.ts'
import { practice, practiceApi } from './practice/api.ts'
import { type AuthDeps, redoxAuth, refuseTokens } from './redox/auth.ts'
import { type EndpointDeps, redoxEndpoint } from './redox/endpoint.ts'
import { redoxGate } from './redox/gate.ts'
import { matchPath } from './redox/paths.ts'
import { json, REQUEST_ID, toResponse } from './reply.ts'
import type { SurfaceDeps } from './surface.ts'
import { surfaceGate } from './surface-gate.ts'
import { xdent, xdentApi } from './xdent/api.ts'
import { xenrad } from './xenrad/dialect.ts'
import { xenradSurfaces } from './xenrad/surfaces.ts'

/** What a destination is sent. */
export { renderDelivered } from './redox/delivered.ts'
/** Messages that people send. */
export { createTestBench } from './redox/test-bench.ts'

export type AppDeps = AuthDeps &
  EndpointDeps &
  HealthDeps &
  JwksDeps &
  SurfaceDeps &
  KeyListDeps &
  Omit<ConsoleDeps, 'answered'> &
  Omit<AdminDeps, 'showReference'> & {
    /** Whether people may work here with a browser. */
    readonly console: boolean
    /** The console's URL for the vendors' listener; null if vendors are not to learn of it. */
    readonly consoleLink: string | null
  }

/** Apps that turn requests into responses. They open nothing and read no environment. */
export interface Apps {
  /** The app for vendors. It has nothing of the console, because upstreams answer in this origin. */
  readonly app: Hono
  /** The console and the management API, for a listener or host name of their own; null when off. */
  readonly consoleApp: Hono | null
}

export function createApps(deps: AppDeps): Apps {
  const app = createBareApp(
    deps,
    (request, options) => findClimbingPath(request, options) ?? matchPath(request),
  )
  app.route('/', redoxAuth(deps))
  app.route('/', redoxEndpoint(deps))
  app.route('/', xenradSurfaces(deps))
  const bearer = redoxGate(deps)
  const gates = [
    bearer,
    surfaceGate(opendental, deps.authenticate),
    surfaceGate(xdent, deps.authenticate),
    // After XDENT's, whose keys come in the same header and are told by their dot.
    surfaceGate(xenrad, deps.authenticate),
    surfaceGate(practice, deps.authenticate),
  ]
  app.route('/', forwardAuth({ ...deps, gates }))
  app.route('/', jwks(deps))
  app.route('/', health(deps))
  const dental = opendentalApi(deps)
  app.all('/apikeys/*', dental)
  app.all('/api/v1/*', byCredential(opendental, dental, xdentApi(deps)))
  app.all('/practice/v1/*', practiceApi(deps))
  const { consoleLink } = deps
  // A person who types only the server's address wants its pages; no vendor's program requests "/".
  if (consoleLink !== null) app.get('/', (c) => redirectTo(c, deps, consoleLink))

  if (!deps.console) return { app, consoleApp: null }
  const consoleApp = createBareApp(deps)
  const answered = createAnswered({
    exchange: refuseTokens,
    refresh: refuseTokens,
    message: bearer.refuse,
    ...Object.fromEntries(gates.slice(1).map(({ name, refuse }) => [name, refuse])),
  })
  consoleApp.route('/', health(deps))
  consoleApp.get('/', (c) => redirectTo(c, deps, `${parseBasePath(deps.consoleUrl)}/console`))
  consoleApp.all('/console/*', withRequestId(deps, later(consoleOf({ ...deps, answered }))))
  consoleApp.all('/admin/v1/*', withRequestId(deps, later(adminOf(deps))))
  return { app, consoleApp }
}

function redirectTo(c: Context, deps: HttpDeps, url: string): Response {
  const { requestId } = callerOf(deps, c)
  return c.body(null, 303, {
    Location: url,
    'Cache-Control': 'no-store',
    [REQUEST_ID]: requestId,
  })
}

/** Adds a request id to console responses that have none: redirects, files, and others without a log line. */
const withRequestId =
  ({ requestId }: HttpDeps, handler: (c: Context) => Response | Promise<Response>) =>
  async (c: Context): Promise<Response> => {
    const answer = await handler(c)
    if (!answer.headers.has(REQUEST_ID)) answer.headers.set(REQUEST_ID, requestId())
    return answer
  }

function createBareApp(
  deps: HttpDeps & { readonly log: Log },
  getPath?: (request: Request, options?: { env?: unknown }) => string,
): Hono {
  const app = new Hono(getPath === undefined ? {} : { getPath })
  app.notFound((c) => {
    const reply = json(404, { message: 'There is nothing at this path.' })
    return toResponse(reply, callerOf(deps, c).requestId)
  })
  app.onError((error, c) => {
    const caller = callerOf(deps, c)
    deps.log.error({ ...caller, error }, 'a request failed')
    return toResponse(json(500, { message: 'The server failed; try again.' }), caller.requestId)
  })
  return app
}

const consoleOf = (deps: ConsoleDeps) => async () => {
  const { consolePages } = await import('./console/console.ts')
  return consolePages(deps)
}

const adminOf = (deps: Omit<AdminDeps, 'showReference'>) => async () => {
  const { createAdmin } = await import('./admin/admin.ts')
  const { createReference } = await import('./console/reference/reference.ts')
  return createAdmin({ ...deps, showReference: createReference(deps.consoleUrl) })
}
