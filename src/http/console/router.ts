import { type Context, Hono } from 'hono'
import { hasPermission, type Permission } from '../../domain/role.ts'
import { findOperationPermission, type Operation } from '../../operations/define.ts'
import { getOperation } from '../../operations/registry.ts'
import type { ServicesFor } from '../../service/actor-services.ts'
import type { Caller } from '../../service/audit/buffer.ts'
import type { Clock } from '../../service/ports/runtime.ts'
import type { SignedInUser } from '../../service/ports/sign-in.ts'
import type { TestMessages } from '../../service/ports/test-messages.ts'
import type { Sessions } from '../../service/sign-in/sessions.ts'
import type { SignInServices } from '../../service/sign-in/sign-in.ts'
import { FORM_TOKEN_FIELD } from './components/form.ts'
import type { PageContext } from './context.ts'
import {
  deleteSessionCookies,
  getAccountCookie,
  getSessionCookie,
  getThemeCookie,
} from './cookies.ts'
import { renderError, renderReload } from './errors.ts'
import { FLASH_PARAMETER, findFlashText } from './flash.ts'
import { SIGN_IN_PATH } from './navigation.ts'
import { handleErrors, type PublicRouterDeps, readForm } from './public-router.ts'
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
