import { Hono } from 'hono'
import { identifyCaller } from '../request.ts'
import { type ConsolePathDeps, createConsolePaths, setConsolePaths } from './console-paths.ts'
import { renderError } from './errors.ts'
import { CONSOLE_PATH } from './navigation.ts'
import { mountAccountPages } from './pages/accounts.ts'
import { mountAuditPages } from './pages/audit.ts'
import { mountDashboard } from './pages/dashboard.ts'
import { mountDeveloperPages, mountSitePages } from './pages/directory.ts'
import { mountAllowlistPages } from './pages/ip-allowlist.ts'
import type { KeyPageDeps } from './pages/keys/key-components.ts'
import { mountKeyPages } from './pages/keys/keys.ts'
import { mountMessagePages } from './pages/messages/messages.ts'
import type { MessagePageDeps } from './pages/messages/test-message.ts'
import {
  mountApiTokenPages,
  mountProfile,
  mountSecondFactorPages,
  mountSessionActions,
} from './pages/profile.ts'
import { mountRequestLookupPages, type RequestLookupDeps } from './pages/request-lookup.ts'
import { mountDestinationPages, type RoutingPageDeps } from './pages/routing/destinations.ts'
import { mountSourcePages } from './pages/routing/sources.ts'
import {
  mountSubscriptionListPages,
  mountSubscriptionPages,
} from './pages/routing/subscriptions.ts'
import { createOneTimeLinkPages, createSignInPages, type SignInPageDeps } from './pages/sign-in.ts'
import { mountSunsetPages } from './pages/sunsets.ts'
import { mountUserPages } from './pages/users.ts'
import { redirectToPage } from './render.ts'
import { type ConsoleRouter, type ConsoleRouterDeps, createConsoleRouter } from './router.ts'
import { createAssetRoutes } from './static/assets.ts'

/** The console. All pages but sign-in and one-time links go through the console router. */
export function createConsole(deps: ConsoleDeps): Hono {
  const app = new Hono()
  const paths = createConsolePaths(deps)
  app.use((c, next) => {
    setConsolePaths(c, paths)
    return next()
  })
  app.route('/', createAssetRoutes(deps.consoleAssets))
  app.route('/', createSignInPages(deps))
  app.route('/', createOneTimeLinkPages(deps))

  const router = createConsoleRouter(deps)
  mountConsolePages(router, deps)
  mountFormRedirects(router.app)
  app.route('/', router.app)

  app.get(`${CONSOLE_PATH}/`, (c) => redirectToPage(c, CONSOLE_PATH))
  app.all(`${CONSOLE_PATH}/*`, (c) => renderError(c, identifyCaller(deps, c), 'not_found'))
  return app
}

/** Redirects the GET of a form, which a user typed or reloaded, to the nearest page above it. */
function mountFormRedirects(app: Hono): void {
  const listPaths = (method: string) =>
    app.routes.filter((route) => route.method === method).map(({ path }) => path)
  const pages = new Set(listPaths('GET'))
  for (const path of listPaths('POST').filter((form) => !pages.has(form))) {
    const segments = path.split('/')
    while (!pages.has(segments.join('/'))) segments.pop()
    app.get(path, (c) => {
      const { pathname } = new URL(c.req.url)
      return redirectToPage(c, pathname.split('/').slice(0, segments.length).join('/'))
    })
  }
}

/** Mounts every page that needs a session, each with the operations that it performs. */
export function mountConsolePages(router: ConsoleRouter, deps: ConsoleDeps): void {
  mountDashboard(router)
  mountKeyPages(router, deps)
  mountAuditPages(router, deps)
  mountRequestLookupPages(router, deps)
  mountSitePages(router)
  mountDeveloperPages(router)
  mountSunsetPages(router)
  mountAllowlistPages(router)
  mountUserPages(router)
  mountAccountPages(router)
  mountSessionActions(router, deps)
  mountProfile(router, deps)
  mountSecondFactorPages(router, deps)
  mountApiTokenPages(router, deps)
  mountMessagePages(router, deps)
  mountSourcePages(router)
  mountDestinationPages(router, deps)
  mountSubscriptionListPages(router)
  mountSubscriptionPages(router)
}

/** The dependencies of the console. */
export type ConsoleDeps = ConsoleRouterDeps &
  SignInPageDeps &
  ConsolePathDeps &
  RequestLookupDeps &
  KeyPageDeps &
  MessagePageDeps &
  RoutingPageDeps
