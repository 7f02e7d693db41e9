import { type Context, Hono } from 'hono'
import { may, type Permission } from '../../domain/role.ts'
import type { Access } from '../../service/access.ts'
import type { DeskOf } from '../../service/desk.ts'
import type { Sessions } from '../../service/people/sessions.ts'
import type { SignedIn } from '../../service/ports/people.ts'
import type { Clock } from '../../service/ports.ts'
import type { Caller } from '../../service/refused.ts'
import { againOf } from './access/again.ts'
import { seeOther } from './answer.ts'
import { chosenAccountOf, sessionSecretOf, takeSession } from './cookie.ts'
import { QUERY, wordsOf } from './look/said.ts'
import { themeOf } from './look/theme.ts'
import { attend, type OpenDeps, readForm } from './open.ts'
import { FORM_TOKEN } from './parts/form.ts'
import { askAgain, problem } from './problem.ts'
import type { Visit } from './visit.ts'

export interface AreaDeps extends OpenDeps {
  readonly sessions: Sessions
  readonly access: Pick<Access, 'again' | 'secondFactor'>
  readonly deskOf: DeskOf
  readonly clock: Clock
}

export type Screen = (visit: Visit) => Promise<Response> | Response

/** What a person needs for a screen: a permission, or only to be signed in. */
export type Needs = Permission | 'signed-in'

/** Screens, each with what it needs: none can be mounted without saying so. */
export interface Area {
  readonly app: Hono
  /** A page that is looked at. */
  show(path: string, needs: Needs, screen: Screen): void
  /** A form that is sent: only one of our own pages can have sent it. */
  act(path: string, needs: Needs, screen: Screen): void
}

/** Every screen behind the sign-in goes through here: who it is, whether he may, what he sees. */
export function createArea(deps: AreaDeps): Area {
  const { sessions, access, deskOf, clock } = deps
  const app = new Hono()

  return {
    app,
    show: (path, needs, screen) => {
      app.get(path, (c) =>
        attend(deps, c, async (caller) => {
          if (isAskedByAnotherOrigin(c)) {
            // A link on another site brings no cookie (SameSite=Strict); one on another port may, but
            // must not count. A page of ours repeats the request.
            return isOpenedInWindow(c) ? askAgain(c, caller) : problem(c, caller, 'strange_origin')
          }
          const who = await whoIs(c)
          if (who === null) return toSignIn(c)
          return visit(c, caller, who, new URL(c.req.url).searchParams, needs, screen)
        }),
      )
    },
    act: (path, needs, screen) => {
      app.post(path, (c) =>
        attend(deps, c, async (caller) => {
          const form = await readForm(deps, c)
          if (typeof form === 'string') return problem(c, caller, form)
          const who = await whoIs(c)
          if (who === null) return problem(c, caller, 'signed_out')
          return sessions.isFormToken(who.secret, form.get(FORM_TOKEN) ?? '')
            ? visit(c, caller, who, form, needs, screen)
            : problem(c, caller, 'stale_form')
        }),
      )
    },
  }

  async function whoIs(c: Context): Promise<Who | null> {
    const secret = sessionSecretOf(c)
    if (secret === undefined) return null
    const person = await sessions.find(secret, 'browser')
    return person === null ? null : { secret, person }
  }

  async function visit(
    c: Context,
    caller: Caller,
    { secret, person }: Who,
    given: URLSearchParams,
    needs: Needs,
    screen: Screen,
  ): Promise<Response> {
    const { role, id } = person.user
    const narrowedTo = await chosenBy(c, person)
    const accountId = role === 'operator' ? (narrowedTo?.id ?? null) : person.account.id
    const desk = deskOf({ actor: id, role, accountId, requestId: caller.requestId })
    if (needs !== 'signed-in' && !desk.may(needs)) return problem(c, caller, 'not_allowed')
    return screen({
      c,
      caller,
      path: new URL(c.req.url).pathname,
      given,
      now: clock(),
      person,
      desk,
      again: againOf(access, desk, { c, person, given, caller }),
      may: desk.may,
      narrowedTo,
      formToken: sessions.formToken(secret),
      theme: themeOf(c),
      said: wordsOf(given.get(QUERY)),
    })
  }

  /** Only who may see every account chooses one; one that is gone is not chosen. */
  async function chosenBy(c: Context, person: SignedIn) {
    const id = chosenAccountOf(c)
    if (id === undefined || !may(person.user.role, 'accounts.read')) return null
    const { id: actor, role } = person.user
    const everywhere = deskOf({ actor, role, accountId: null })
    const account = await everywhere.accounts.find(id)
    return account.ok ? account.value : null
  }
}

interface Who {
  readonly secret: string
  readonly person: SignedIn
}

/** To the sign-in, and from there to what was asked for. */
function toSignIn(c: Context): Response {
  if (sessionSecretOf(c) !== undefined) takeSession(c)
  const { pathname, search } = new URL(c.req.url)
  return seeOther(c, `/console/sign-in?next=${encodeURIComponent(pathname + search)}`)
}

/** Another port of this host is another origin, although cookies do not tell the two apart. */
const isAskedByAnotherOrigin = (c: Context): boolean =>
  ['same-site', 'cross-site'].includes(c.req.header('sec-fetch-site') ?? '')

const isOpenedInWindow = (c: Context): boolean =>
  c.req.header('sec-fetch-mode') === 'navigate' && c.req.header('sec-fetch-dest') === 'document'
