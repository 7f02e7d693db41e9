import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { chooseAccount, takeSession } from '../cookie.ts'
import { setTheme, themeNamed } from '../look/theme.ts'
import { optional, text } from '../visit.ts'
import type { AccessScreenDeps } from './deps.ts'
import { safePath } from './safe-path.ts'

/** What every page offers: to leave, to see it in other colours, to see one account alone. */
export function mountEveryPage(area: Area, { access }: AccessScreenDeps): void {
  area.act('/console/sign-out', 'signed-in', async ({ c, person, caller }) => {
    await access.sessions.signOut(person, caller)
    takeSession(c)
    return seeOther(c, '/console/sign-in')
  })

  area.act('/console/theme', 'signed-in', (visit) => {
    setTheme(visit.c, themeNamed(text(visit, 'theme')))
    return seeOther(visit.c, safePath(text(visit, 'next')))
  })

  // That an operator sees one account only is his own choice: taking it back needs no permission.
  area.act('/console/account', 'signed-in', (visit) => {
    chooseAccount(visit.c, optional(visit, 'account') ?? null)
    return seeOther(visit.c, safePath(text(visit, 'next')))
  })
}
