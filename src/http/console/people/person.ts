import { html } from 'hono/html'
import { mayManage } from '../../../domain/role.ts'
import type { SignInStanding } from '../../../service/ports/lists.ts'
import type { User } from '../../../service/ports.ts'
import { againFields, messageOf, type NotDone, statusOf } from '../access/again.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { accountNames } from '../one-account.ts'
import { field, form, hidden, link, press, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { instant, moment } from '../parts/time.ts'
import { badge, copyable, facts, plural, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { part, text, type Visit } from '../visit.ts'
import { ABOVE_PEOPLE, PEOPLE } from './paths.ts'
import { roleChoices } from './role-choices.ts'
import { signingIn } from './signing-in.ts'

/** Which form of the page was sent in vain. */
export interface Refused {
  readonly form: 'role' | 'username' | 'email' | 'sign-out'
  readonly failure: NotDone
}

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
  const body = html`${refused(messageOf(refusal?.failure ?? null))}
    <div class="columns">
      <div class="stack"><section class="card"><h2>Who it is</h2>${facts([
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
          html`<a href="/console/audit?actor=${user.id}">As actor</a>, <a href="/console/audit?subject=${user.id}">as subject</a>`,
        ],
      ])}</section>
      <section class="card"><h2>Signing in</h2>${standing === undefined ? nothing : comingIn(visit, user, standing)}</section></div>
      ${await changes(visit, user, refusal)}
    </div>`
  return page(
    visit,
    { title: user.email, crumbs: ABOVE_PEOPLE },
    body,
    statusOf(refusal?.failure ?? null),
  )
}

const comingIn = (visit: Visit, user: User, standing: SignInStanding): Html => html`
  <p>${signingIn(user, standing)}</p>
  ${facts([
    ['Password', standing.hasPassword ? 'set' : 'none'],
    ['Second factor', standing.hasSecondFactor ? 'on' : 'off'],
    ['Signed in', plural(standing.sessions, 'browser or token', 'browsers and tokens')],
    ['Last seen', standing.seenAt === null ? 'never' : moment(standing.seenAt, visit.now)],
    ...(standing.invitedUntil === null
      ? []
      : ([['One-time link', html`good until ${instant(standing.invitedUntil)}`]] as const)),
  ])}`

async function changes(visit: Visit, user: User, refusal: Refused | null): Promise<Html> {
  const me = visit.person.user
  if (me.id === user.id) {
    return html`<section class="card"><h2>This is you</h2>
      <p>Your password, second factor and sessions are at ${link('/console/me', 'Your sign-in', 'compact')}. Your role is changed by somebody else.</p></section>`
  }
  if (user.leftAt !== null || !visit.may('users.write')) return nothing
  if (!mayManage(me, user)) {
    return html`<section class="card"><h2>Changes</h2>
      <p>${badge(user.role)} Only another ${user.role} may change this person.</p></section>`
  }
  const here = `${PEOPLE}/${user.id}`
  const typed = (form: Refused['form'], is: string) =>
    refusal?.form === form ? text(visit, form) : is
  return html`
    <section class="card"><h2>Role</h2>${form(
      visit.formToken,
      `${here}/role`,
      html`${hidden('seen', user.role)}${roleChoices(me.role, typed('role', user.role))}
        ${againFields(visit, refusal?.form === 'role' ? refusal.failure : null)}
        <div class="row">${submit('Change the role')}</div>`,
    )}</section>
    <div class="stack"><section class="card"><h2>Username</h2>${form(
      visit.formToken,
      `${here}/username`,
      html`${hidden('seen', user.username ?? '')}
        ${field({ name: 'username', label: 'Username', value: typed('username', user.username ?? ''), hint: 'Typed to sign in; keys of some dialects are sent with it.', required: true, spellcheck: false })}
        <div class="row">${submit('Set the username')}</div>`,
    )}</section>
    <section class="card"><h2>E-mail</h2>${form(
      visit.formToken,
      `${here}/email`,
      html`${hidden('seen', user.email)}
        ${field({ name: 'email', label: 'E-mail address', type: 'email', value: typed('email', user.email), hint: 'Lists and keys name people by it. Nobody signs in with it.', required: true, spellcheck: false })}
        <div class="row">${submit('Set the address')}</div>`,
    )}</section></div>
    <section class="card"><h2>Access</h2>
      <p>A one-time link leads to a new password. The link before it is then good no longer.</p>
      <p>${link(`${here}/invite`, 'Make a one-time link')}</p>
      <p>Every browser and API token ends:</p>
      ${press(visit.formToken, `${here}/sign-out`, 'Sign out everywhere')}
      <details class="more"><summary>Device lost, or leaving?</summary>
        <div class="row">${link(`${here}/reset-second-factor`, 'Reset the second factor')}${link(`${here}/leave`, 'Let this person leave', 'danger')}</div>
      </details></section>`
}
