import { Hono } from 'hono'
import { callerOf } from '../caller.ts'
import { mountEveryPage } from './access/every-page.ts'
import { mountMe } from './access/me.ts'
import { mountSecondFactor } from './access/second-factor.ts'
import { signInScreens } from './access/sign-in.ts'
import { mountTokens } from './access/tokens.ts'
import { welcomeScreens } from './access/welcome.ts'
import { mountAccounts } from './accounts/accounts.ts'
import { createArea } from './area.ts'
import { mountAudit } from './audit/audit.ts'
import { setBasePath } from './base-path.ts'
import type { ConsoleDeps } from './deps.ts'
import { mountExplain } from './explain/explain.ts'
import { mountKeys } from './keys/keys.ts'
import { assets } from './look/assets.ts'
import { mountMessageScreens } from './messages/mount.ts'
import { mountOverview } from './overview/overview.ts'
import { mountPeople } from './people/people.ts'
import { mountAddresses } from './places/addresses.ts'
import { mountDevelopers } from './places/developers.ts'
import { mountSites } from './places/sites.ts'
import { problem } from './problem.ts'
import { mountRouteScreens } from './routes/mount.ts'

export const CONSOLE = '/console'

/** The operator's pages. Those for who is not signed in first; every other one through the area's gate. */
export function consolePages(deps: ConsoleDeps): Hono {
  const app = new Hono()
  app.use((c, next) => {
    setBasePath(c, deps.consoleUrl)
    return next()
  })
  app.route('/', assets())
  app.route('/', signInScreens(deps))
  app.route('/', welcomeScreens(deps))

  const area = createArea(deps)
  mountOverview(area)
  mountKeys(area, deps)
  mountAudit(area, deps)
  mountExplain(area, deps)
  mountSites(area)
  mountDevelopers(area, deps)
  mountAddresses(area)
  mountPeople(area)
  mountAccounts(area)
  mountEveryPage(area, deps)
  mountMe(area, deps)
  mountSecondFactor(area, deps)
  mountTokens(area, deps)
  mountRouteScreens(area, deps)
  mountMessageScreens(area, deps)
  app.route('/', area.app)

  app.all(`${CONSOLE}/*`, (c) => problem(c, callerOf(deps, c), 'not_found'))
  return app
}
