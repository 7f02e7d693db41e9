import { html } from 'hono/html'
import type { SignInStanding } from '../../../service/ports/lists.ts'
import type { User } from '../../../service/ports.ts'
import { messageOf, statusOf } from '../access/again.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { accountNames } from '../one-account.ts'
import { type Html, nothing } from '../parts/html.ts'
import { instant, moment } from '../parts/time.ts'
import { copyable, facts, plural, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { part, type Visit } from '../visit.ts'
import { allowed, mayChange, named, type Refused, unchanged } from './changes.ts'
import { letIn } from './let-in.ts'
import { ABOVE_PEOPLE, PEOPLE } from './paths.ts'
import { signingIn } from './signing-in.ts'

export function mountPerson(area: Area): void {
  area.show(`${PEOPLE}/:id`, 'users.read', (visit) => showPerson(visit, null))
}

/** One person: who he is, how he comes in, and what may be changed of that. */
export async function showPerson(visit: Visit, refusal: Refused | null): Promise<Response> {
  const { accounts, people, places } = visit.desk
  const found = await accounts.findUser(part(visit, 'id'))
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const user = found.value
  const [[standing], [counted], names] = await Promise.all([
    people.standings([user.id]),
    places.countKeys('owner', [user.id]),
    accountNames(visit, [user]),
  ])
  const isChanged = mayChange(visit, user)
  const body = html`${refused(messageOf(refusal?.failure ?? null))}
    <div class="columns">
      <div class="stack">
        <section class="card"><h2>Who it is</h2>${facts([
          ['E-mail', user.email],
          ['Username', user.username ?? 'none'],
          ['Role', user.role],
          ...(names === null ? [] : ([['Account', names.get(user.accountId) ?? '']] as const)),
          [
            'Keys',
            html`<a href="/console/keys?owner=${user.id}">${plural(counted?.keys ?? 0, 'key')}</a>`,
          ],
          ['Added', instant(user.createdAt)],
          ...(user.leftAt === null ? [] : ([['Left', instant(user.leftAt)]] as const)),
          ['User id', copyable(user.id, 'the user id')],
          [
            'Audit',
            html`<a href="/console/audit?actor=${user.id}">What they did</a>, <a href="/console/audit?subject=${user.id}">what was done to them</a>`,
          ],
        ])}</section>
        <section class="card"><header><h2>Signing in</h2>${signingIn(user, standing)}</header>
          ${standing === undefined ? nothing : comingIn(visit, user, standing)}</section>
        ${isChanged ? named(visit, user, refusal) : nothing}
      </div>
      <div class="stack">${isChanged ? html`${allowed(visit, user, refusal)}${letIn(visit, user, standing)}` : unchanged(visit, user)}</div>
    </div>`
  return page(
    visit,
    { title: user.email, crumbs: ABOVE_PEOPLE },
    body,
    statusOf(refusal?.failure ?? null),
  )
}

function comingIn(visit: Visit, { leftAt }: User, standing: SignInStanding): Html {
  const seen = standing.seenAt === null ? 'never' : moment(standing.seenAt, visit.now)
  // What else there was opens nothing any more.
  if (leftAt !== null) return facts([['Last seen', seen]])
  return facts([
    ['Password', standing.hasPassword ? 'set' : 'none'],
    ['Second factor', standing.hasSecondFactor ? 'on' : 'off'],
    [
      'Signed in',
      standing.sessions === 0
        ? 'nowhere'
        : plural(standing.sessions, 'browser or token', 'browsers and tokens'),
    ],
    ['Last seen', seen],
    ...(standing.invitedUntil === null
      ? []
      : ([['One-time link', html`good until ${instant(standing.invitedUntil)}`]] as const)),
  ])
}
