import { type Context, Hono } from 'hono'
import { parseBasePath } from '../domain/base-path.ts'
import type { RateLimitFailure } from '../domain/failure.ts'
import type { Log } from '../service/ports/runtime.ts'
import type { Storage } from '../service/ports/storage.ts'
import type { AdminDeps } from './admin/admin.ts'
import type { ConsoleDeps } from './console/console.ts'
import type { ConsolePathDeps } from './console/console-paths.ts'
import { createMetadataRoutes, getFhirMetadataUrl, type MetadataDeps } from './oauth/metadata.ts'
import {
  createTokenEndpoints,
  createTokenRefuser,
  STANDARD_TOKEN_PATH,
  type TokenEndpointDeps,
  VENDOR_TOKEN_PATH,
} from './oauth/token.ts'
import {
  createTokenManagementRoutes,
  INTROSPECTION_PATH,
  REVOCATION_PATH,
  type TokenManagementDeps,
} from './oauth/token-management.ts'
import type { VendorDocumentDeps } from './openapi/vendor-documents.ts'
import { createForwardAuthRoutes, findDotSegmentPath } from './proxy/forward-auth.ts'
import { createPreviewRefusal } from './refusal-preview.ts'
import {
  createJsonReply,
  createRetryAfterHeader,
  DATABASE_RETRY_SECONDS,
  REQUEST_ID_HEADER,
  type Reply,
  toResponse,
} from './reply.ts'
import { type HttpDeps, identifyCaller } from './request.ts'
import { addServerRoute } from './server-route.ts'
import {
  type CustomerKeyDeps,
  createOpendentalHandler,
  opendentalProtocol,
} from './vendors/opendental/api.ts'
import { createPracticeHandler, practiceProtocol } from './vendors/practice.ts'
import {
  createRedoxAuthRoutes,
  type RedoxAuthDeps,
  refuseTokenRequest,
} from './vendors/redox/auth.ts'
import {
  createMessageRoutes,
  createRedoxAuthenticator,
  type MessageEndpointDeps,
} from './vendors/redox/endpoint.ts'
import { MESSAGE_PATHS, matchRedoxPath } from './vendors/redox/paths.ts'
import {
  createKeyAuthenticator,
  type SurfaceDeps,
  type VendorProtocol,
} from './vendors/surface-handlers.ts'
import { createXdentHandler, xdentProtocol } from './vendors/xdent.ts'
import type { FhirTokenDeps } from './vendors/xenrad/fhir-tokens.ts'
import { createXenradRoutes, xenradProtocol } from './vendors/xenrad/surfaces.ts'

export { renderDeliveryBody } from './vendors/redox/message.ts'
export { createTestMessages } from './vendors/redox/test-messages.ts'

type AppDeps = RedoxAuthDeps &
  TokenEndpointDeps &
  MetadataDeps &
  TokenManagementDeps &
  MessageEndpointDeps &
  SurfaceDeps &
  Omit<FhirTokenDeps, 'resourceMetadataUrl'> &
  CustomerKeyDeps &
  VendorDocumentDeps &
  Omit<ConsoleDeps, 'previewRefusal'> &
  Omit<AdminDeps, 'showReference'> & {
    readonly storage: Pick<Storage, 'probe'>
    /** False if the console and the management API are off. */
    readonly isConsoleEnabled: boolean
    /** The console's URL for the vendors' listener; null if vendors are not to learn of it. */
    readonly consoleLink: string | null
  }

/** Hono apps, which open no file or socket and read no environment. */
export interface Apps {
  /** The app for vendors. It has nothing of the console, because upstreams answer in this origin. */
  readonly app: Hono
  /** The console and the management API, for a listener or host name of their own; null when off. */
  readonly consoleApp: Hono | null
  /** Words a refusal for load as the surface of the request does. */
  readonly refuseForLoad: (request: Request, failure: RateLimitFailure) => Reply
}

export function createApps(deps: AppDeps): Apps {
  const app = createBareApp(
    deps,
    (request, options) => findDotSegmentPath(request, options) ?? matchRedoxPath(request),
  )
  const redoxAuthenticator = createRedoxAuthenticator(deps)
  const authenticators = [
    redoxAuthenticator,
    createKeyAuthenticator(opendentalProtocol, deps.authenticate),
    createKeyAuthenticator(xdentProtocol, deps.authenticate),
    // After XDENT's, whose keys come in the same header and are recognized by their dot.
    createKeyAuthenticator(xenradProtocol, deps.authenticate),
    createKeyAuthenticator(practiceProtocol, deps.authenticate),
  ]
  const serverRoutes = [
    ...createRedoxAuthRoutes(deps),
    ...createTokenEndpoints(deps),
    ...createTokenManagementRoutes(deps),
    ...createMessageRoutes(deps),
    ...createForwardAuthRoutes({ ...deps, authenticators }),
  ]
  for (const route of serverRoutes) addServerRoute(app, deps, route)
  // Before the FHIR surface, which has one document of it.
  app.route(
    '/',
    createMetadataRoutes(deps, {
      token: STANDARD_TOKEN_PATH,
      introspection: INTROSPECTION_PATH,
      revocation: REVOCATION_PATH,
    }),
  )
  app.route(
    '/',
    createXenradRoutes({ ...deps, resourceMetadataUrl: getFhirMetadataUrl(deps.publicUrl) }),
  )
  app.route('/', createHealthRoutes(deps))
  const documentHandler = createLazyHandler(loadVendorDocuments(deps))
  for (const path of ['/openapi/*', '/.well-known/api-catalog']) app.get(path, documentHandler)
  const opendentalHandler = createOpendentalHandler(deps)
  app.all('/apikeys/*', opendentalHandler)
  app.all(
    '/api/v1/*',
    routeByCredential(opendentalProtocol, opendentalHandler, createXdentHandler(deps)),
  )
  app.all('/practice/v1/*', createPracticeHandler(deps))
  const { consoleLink } = deps
  // A user who types only the server's address wants its pages; no vendor's program requests "/".
  if (consoleLink !== null) app.get('/', (c) => redirectTo(c, deps, consoleLink))

  const refuseForLoad = createLoadRefuser(deps, redoxAuthenticator.refuseRequest)

  if (!deps.isConsoleEnabled) return { app, consoleApp: null, refuseForLoad }
  const consoleApp = createBareApp(deps)
  const previewRefusal = createPreviewRefusal({
    exchange: refuseTokenRequest,
    refresh: refuseTokenRequest,
    message: redoxAuthenticator.refuseRequest,
    ...Object.fromEntries(
      authenticators.slice(1).map(({ name, refuseRequest }) => [name, refuseRequest]),
    ),
  })
  consoleApp.route('/', createHealthRoutes(deps))
  consoleApp.get('/', (c) => redirectTo(c, deps, `${parseBasePath(deps.consoleUrl)}/console`))
  consoleApp.all(
    '/console/*',
    addRequestId(deps, createLazyHandler(loadConsole({ ...deps, previewRefusal }))),
  )
  consoleApp.all('/admin/v1/*', addRequestId(deps, createLazyHandler(loadAdmin(deps))))
  return { app, consoleApp, refuseForLoad }
}

/** The protocols whose keys come with every request. */
const VENDOR_PROTOCOLS = [xenradProtocol, opendentalProtocol, xdentProtocol, practiceProtocol]

function createLoadRefuser(
  deps: AppDeps,
  refuseMessage: (failure: RateLimitFailure, path: string) => Reply,
): Apps['refuseForLoad'] {
  const refuseToken = createTokenRefuser(deps)
  return (request, failure) => {
    const path = matchRedoxPath(request)
    if (path === STANDARD_TOKEN_PATH || path === VENDOR_TOKEN_PATH) {
      return refuseToken(failure, path)
    }
    if (MESSAGE_PATHS.some((messagePath) => messagePath === path))
      return refuseMessage(failure, path)
    const protocol = VENDOR_PROTOCOLS.find(({ pathPattern }) => pathPattern.test(path))
    if (protocol === undefined) return refuseTokenRequest(failure)
    const isOpendental =
      path.startsWith('/api/') && opendentalProtocol.hasCredential(request.headers)
    return (isOpendental ? opendentalProtocol : protocol).refuseRequest(failure, path)
  }
}

function redirectTo(c: Context, deps: HttpDeps, url: string): Response {
  const { requestId } = identifyCaller(deps, c)
  return c.body(null, 303, {
    Location: url,
    'Cache-Control': 'no-store',
    [REQUEST_ID_HEADER]: requestId,
  })
}

/** Adds a request id to console responses that have none: redirects, files, and others without a log line. */
const addRequestId =
  ({ createRequestId }: HttpDeps, handler: (c: Context) => Response | Promise<Response>) =>
  async (c: Context): Promise<Response> => {
    const response = await handler(c)
    if (!response.headers.has(REQUEST_ID_HEADER))
      response.headers.set(REQUEST_ID_HEADER, createRequestId())
    return response
  }

function createBareApp(
  deps: HttpDeps & { readonly log: Log },
  getPath?: (request: Request, options?: { env?: unknown }) => string,
): Hono {
  const app = new Hono(getPath === undefined ? {} : { getPath })
  app.notFound((c) => {
    const reply = createJsonReply(404, { message: 'There is nothing at this path.' })
    return toResponse(reply, identifyCaller(deps, c))
  })
  app.onError((error, c) => {
    const caller = identifyCaller(deps, c)
    deps.log.error({ ...caller, error }, 'a request failed')
    return toResponse(createJsonReply(500, { message: 'The server failed; try again.' }), caller)
  })
  return app
}

const loadConsole = (deps: ConsoleDeps) => async () => {
  const { createConsole } = await import('./console/console.ts')
  return createConsole(deps)
}

const loadAdmin = (deps: Omit<AdminDeps, 'showReference'> & ConsolePathDeps) => async () => {
  const { createAdminApi } = await import('./admin/admin.ts')
  const { createApiReference } = await import('./console/pages/api-reference.ts')
  return createAdminApi({ ...deps, showReference: createApiReference(deps) })
}

const loadVendorDocuments = (deps: HttpDeps & VendorDocumentDeps & { log: Log }) => async () => {
  const { addVendorDocumentRoutes } = await import('./openapi/vendor-documents.ts')
  const app = createBareApp(deps)
  addVendorDocumentRoutes(app, deps)
  return app
}

/** Lists the OpenAPI documents for vendors, for the command line. */
export async function listVendorDocuments(deps: VendorDocumentDeps) {
  const { buildVendorDocuments } = await import('./openapi/vendor-documents.ts')
  return buildVendorDocuments(deps)
}

type RequestHandler = (c: Context) => Promise<Response>

/** Routes a path that the clients of two vendors call, by the credential; `fallback` gets the rest. */
const routeByCredential =
  (
    { hasCredential }: Pick<VendorProtocol, 'hasCredential'>,
    handler: RequestHandler,
    fallback: RequestHandler,
  ): RequestHandler =>
  (c) =>
    hasCredential(c.req.raw.headers) ? handler(c) : fallback(c)

/** Loads an app at its first request: the console is most of the code, and most processes never serve it. */
export function createLazyHandler(load: () => Promise<Hono>): (c: Context) => Promise<Response> {
  let appPromise: Promise<Hono> | undefined
  async function getApp(): Promise<Hono> {
    appPromise ??= load()
    try {
      return await appPromise
    } catch (error) {
      // Too many files may be open now, so the next request tries again.
      appPromise = undefined
      throw error
    }
  }
  return async (c) => (await getApp()).fetch(c.req.raw, c.env)
}

/** Serves `/health`, which shows that the process answers, and `/ready`, which writes to the database. */
function createHealthRoutes(deps: AppDeps): Hono {
  const app = new Hono()

  app.get('/health', (c) =>
    toResponse(createJsonReply(200, { status: 'live' }), identifyCaller(deps, c)),
  )

  app.get('/ready', async (c) => {
    const caller = identifyCaller(deps, c)
    try {
      await deps.storage.probe()
      return toResponse(createJsonReply(200, { status: 'ready' }), caller)
    } catch (error) {
      deps.log.error({ ...caller, error }, 'the database accepts no writes')
      const reply = createJsonReply(
        503,
        { status: 'the database accepts no writes' },
        createRetryAfterHeader(DATABASE_RETRY_SECONDS),
      )
      return toResponse(reply, caller)
    }
  })
  return app
}
