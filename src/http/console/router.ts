import { type Context, Hono } from 'hono'
import type { InputFailure } from '../../domain/failure.ts'
import { InvalidCursorError } from '../../domain/id.ts'
import { hasPermission, type Permission } from '../../domain/role.ts'
import { findOperationPermission, type Operation } from '../../operations/define.ts'
import { getOperation } from '../../operations/registry.ts'
import type { ServicesFor } from '../../service/actor-services.ts'
import type { Caller } from '../../service/caller.ts'
import { PermissionDeniedError } from '../../service/permissions.ts'
import type { Clock, Log } from '../../service/ports/runtime.ts'
import type { SignedInUser } from '../../service/ports/sign-in.ts'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import type { TestMessages } from '../../service/ports/test-messages.ts'
import type { Sessions } from '../../service/sign-in/sessions.ts'
import type { SignInServices } from '../../service/sign-in/sign-in.ts'
import { FetchRequest, type HttpDeps, identifyCaller } from '../request.ts'
import { decodeText, readBody } from '../request-body.ts'
import { FORM_TOKEN_FIELD } from './components/form.ts'
import type { PageContext } from './context.ts'
import {
  deleteSessionCookies,
  getAccountCookie,
  getSessionCookie,
  getThemeCookie,
} from './cookies.ts'
import { type ConsoleError, renderError, renderReload } from './errors.ts'
import { FLASH_PARAMETER, findFlashText } from './flash.ts'
import { SIGN_IN_PATH } from './navigation.ts'
import { createPerformOperation, createReauthPrompt } from './reauth.ts'
import { redirectToPage } from './render.ts'

export interface ConsoleRouterDeps extends PublicRouterDeps {
  readonly sessions: Sessions
  readonly signInServices: Pick<SignInServices, 'reauthenticate' | 'secondFactor'>
  readonly servicesFor: ServicesFor
  readonly clock: Clock
  readonly testMessages: TestMessages
}

export type PageHandler = (context: PageContext) => Promise<Response> | Response

/** The operations that a route performs, or shows; or `signed-in` if the API has none of its kind. */
export type RouteOperations = Operation['id'] | readonly Operation['id'][] | 'signed-in'

/** Mounts pages and forms. A user needs the permissions of all their operations. */
export interface ConsoleRouter {
  /** Mounts a GET route. */
  page(path: string, operations: RouteOperations, handler: PageHandler): void
  /** Mounts a POST route that accepts only forms of the console's own pages. */
  form(path: string, operations: RouteOperations, handler: PageHandler): void
}

export const listRouteOperations = (operations: RouteOperations): readonly Operation[] =>
  operations === 'signed-in' ? [] : [operations].flat().map(getOperation)

/** The router of all pages behind the sign-in. It checks origin, session and permission of every request. */
export function createConsoleRouter(deps: ConsoleRouterDeps): ConsoleRouter & { app: Hono } {
  const { sessions, signInServices, servicesFor, clock, testMessages } = deps
  const app = new Hono()

  return {
    app,
    page: (path, operations, handler) => {
      const permissions = listPermissions(operations)
      app.get(path, (c) =>
        handleErrors(deps, c, async (caller) => {
          if (isFromAnotherOrigin(c)) {
            // A link on another site brings no cookie (SameSite=Strict); one on another port may, but
            // must not count. A page of ours repeats the request.
            return isTopLevelNavigation(c)
              ? renderReload(c, caller)
              : renderError(c, caller, 'strange_origin')
          }
          const current = await findCurrentSession(c)
          if (current === null) return redirectToSignIn(c)
          return runHandler(
            c,
            caller,
            current,
            new URL(c.req.url).searchParams,
            permissions,
            handler,
          )
        }),
      )
    },
    form: (path, operations, handler) => {
      const permissions = listPermissions(operations)
      app.post(path, (c) =>
        handleErrors(deps, c, async (caller) => {
          const form = await readForm(deps, c)
          if (typeof form === 'string') return renderError(c, caller, form)
          const current = await findCurrentSession(c)
          if (current === null) return renderError(c, caller, 'signed_out')
          return sessions.isFormToken(current.secret, form.get(FORM_TOKEN_FIELD) ?? '')
            ? runHandler(c, caller, current, form, permissions, handler)
            : renderError(c, caller, 'stale_form')
        }),
      )
    },
  }

  async function findCurrentSession(c: Context): Promise<CurrentSession | null> {
    const secret = getSessionCookie(c)
    if (secret === undefined) return null
    const session = await sessions.find(secret, 'browser')
    return session === null ? null : { secret, session }
  }

  async function runHandler(
    c: Context,
    caller: Caller,
    { secret, session }: CurrentSession,
    input: URLSearchParams,
    permissions: readonly Permission[],
    handler: PageHandler,
  ): Promise<Response> {
    const { role, id } = session.user
    const selectedAccount = await findSelectedAccount(c, session)
    const accountId = role === 'operator' ? (selectedAccount?.id ?? null) : session.account.id
    const services = servicesFor({ actor: id, role, accountId, requestId: caller.requestId })
    if (!permissions.every(services.can)) return renderError(c, caller, 'not_allowed')
    const reauth = createReauthPrompt(signInServices, services, { c, session, input, caller })
    const operationContext = {
      services,
      signedIn: { user: session, sessions },
      caller,
      loadTestMessages: async () => testMessages,
    }
    return handler({
      c,
      caller,
      path: new URL(c.req.url).pathname,
      input,
      now: clock(),
      session,
      services,
      reauth,
      perform: createPerformOperation(c, operationContext, reauth),
      can: services.can,
      canPerform: (operation) => listPermissions(operation).every(services.can),
      selectedAccount,
      formToken: sessions.createFormToken(secret),
      theme: getThemeCookie(c),
      flash: findFlashText(input.get(FLASH_PARAMETER)),
    })
  }

  /** Finds the account in the cookie. It counts only for users who may see all accounts. */
  async function findSelectedAccount(c: Context, session: SignedInUser) {
    const id = getAccountCookie(c)
    if (id === undefined || !hasPermission(session.user.role, 'accounts.read')) return null
    const { id: actor, role } = session.user
    const unscopedServices = servicesFor({ actor, role, accountId: null })
    const account = await unscopedServices.accounts.find(id)
    return account.ok ? account.value : null
  }
}

const listPermissions = (operations: RouteOperations): Permission[] =>
  listRouteOperations(operations).flatMap((operation) => findOperationPermission(operation) ?? [])

interface CurrentSession {
  readonly secret: string
  readonly session: SignedInUser
}

/** Redirects to the sign-in page, which leads back to this URL. */
function redirectToSignIn(c: Context): Response {
  if (getSessionCookie(c) !== undefined) deleteSessionCookies(c)
  const { pathname, search } = new URL(c.req.url)
  return redirectToPage(c, `${SIGN_IN_PATH}?next=${encodeURIComponent(pathname + search)}`)
}

/** Another port of this host is another origin, although it shares the cookies. */
const isFromAnotherOrigin = (c: Context): boolean =>
  ['same-site', 'cross-site'].includes(c.req.header('sec-fetch-site') ?? '')

const isTopLevelNavigation = (c: Context): boolean =>
  c.req.header('sec-fetch-mode') === 'navigate' && c.req.header('sec-fetch-dest') === 'document'

export interface PublicRouterDeps extends HttpDeps {
  readonly consoleUrl: string
  readonly log: Log
}

/** Renders a page that needs no session. */
type PublicPageHandler = (c: Context, caller: Caller) => Promise<Response> | Response
type PublicFormHandler = (c: Context, caller: Caller, form: URLSearchParams) => Promise<Response>

/** The router of pages that need no session. Its forms are still checked for their origin. */
export function createPublicRouter(deps: PublicRouterDeps) {
  const app = new Hono()
  return {
    app,
    page: (path: string, handler: PublicPageHandler) => {
      app.get(path, (c) => handleErrors(deps, c, (caller) => handler(c, caller)))
    },
    form: (path: string, handler: PublicFormHandler) => {
      app.post(path, (c) =>
        handleErrors(deps, c, async (caller) => {
          const form = await readForm(deps, c)
          return typeof form === 'string' ? renderError(c, caller, form) : handler(c, caller, form)
        }),
      )
    },
  }
}

/** Runs `handler`, and renders a page for every error that it throws. */
async function handleErrors(
  deps: PublicRouterDeps,
  c: Context,
  handler: (caller: Caller) => Promise<Response> | Response,
): Promise<Response> {
  const caller = identifyCaller(deps, c)
  try {
    return await handler(caller)
  } catch (error) {
    if (error instanceof InvalidCursorError) return renderError(c, caller, 'cursor_damaged')
    if (error instanceof PermissionDeniedError) return renderError(c, caller, 'not_allowed')
    deps.log.error({ ...caller, error }, 'a request failed')
    return renderError(
      c,
      caller,
      error instanceof StorageUnavailableError ? 'unavailable' : 'broken',
    )
  }
}

/** The longest text field is 2,000 characters; a test message is the largest form. */
const FORM_LIMIT_BYTES = 256 * 1024

/** Reads a form of the console's own pages, or returns why it cannot. */
async function readForm(
  { consoleUrl }: PublicRouterDeps,
  c: Context,
): Promise<URLSearchParams | ConsoleError> {
  const hosts = [new URL(consoleUrl).host, c.req.header('host') ?? '']
  if (!isSameOrigin(c.req.raw.headers, hosts)) return 'strange_origin'
  const body = await readBody(new FetchRequest(c.req.raw), FORM_LIMIT_BYTES)
  if (!body.ok) return toConsoleError(body.failure)
  const text = decodeText(body.value)
  if (!text.ok) return toConsoleError(text.failure)
  return isPercentEncodedUtf8(text.value) ? new URLSearchParams(text.value) : 'body_unreadable'
}

/** Checks the percent-encoding: URLSearchParams replaces invalid UTF-8 by U+FFFD without an error. */
function isPercentEncodedUtf8(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

const toConsoleError = ({ reason }: InputFailure): ConsoleError =>
  reason === 'body_too_large' ? reason : 'body_unreadable'

/**
 * Checks that a page of this server sent the form: by Fetch Metadata, and in browsers without it by the
 * Origin header (RFC 6454 §7). Scripts of other sites cannot set either.
 */
function isSameOrigin(headers: Headers, hosts: readonly string[]): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  const origin = headers.get('origin')
  return origin !== null && URL.canParse(origin) && hosts.includes(new URL(origin).host)
}
