import { html } from 'hono/html'
import { mayManage } from '../../../domain/role.ts'
import type { User } from '../../../service/ports.ts'
import { againFields, type NotDone } from '../access/again.ts'
import { field, form, hidden, link, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { badge } from '../parts/words.ts'
import { text, type Visit } from '../visit.ts'
import { PEOPLE } from './paths.ts'
import { roleChoices } from './role-choices.ts'

/** Which form of the page was sent in vain. */
export interface Refused {
  readonly form: 'role' | 'username' | 'sign-out'
  readonly failure: NotDone
}

export const mayChange = ({ person }: Visit, user: User): boolean =>
  user.leftAt === null && mayManage(person.user, user)

/** Why nothing of this person is changed here. */
export function unchanged(visit: Visit, user: User): Html {
  if (visit.person.user.id === user.id) {
    return html`<section class="card"><h2>This is you</h2>
      <p>Your password, second factor and sessions are at <a href="/console/me">Your sign-in</a>. Your role is changed by somebody else.</p></section>`
  }
  if (!visit.may('users.write')) return nothing
  if (user.leftAt !== null) {
    return html`<section class="card"><h2>Has left</h2>
      <p>Who comes back is added anew. Each key that they still own needs another owner.</p></section>`
  }
  return html`<section class="card"><h2>Changes</h2>
    <p>${badge(user.role)} Only another ${user.role} may change this person.</p></section>`
}

/** What somebody may do, is called, and whether they stay. A form that was refused keeps what was typed. */
export function changes(visit: Visit, user: User, refusal: Refused | null): Html {
  const here = `${PEOPLE}/${user.id}`
  const typed = (form: Refused['form'], is: string) =>
    refusal?.form === form ? text(visit, form) : is
  return html`
    <section class="card"><h2>What they may do</h2>${form(
      visit.formToken,
      `${here}/role`,
      html`${hidden('seen', user.role)}${roleChoices(visit.person.user.role, typed('role', user.role))}
        ${againFields(visit, refusal?.form === 'role' ? refusal.failure : null)}
        <div class="row">${submit('Change the role')}</div>`,
    )}</section>
    <section class="card"><h2>What they are called</h2>${form(
      visit.formToken,
      `${here}/username`,
      html`${hidden('seen', user.username ?? '')}
        ${field({ name: 'username', label: 'Username', value: typed('username', user.username ?? ''), hint: 'Typed to sign in; keys of some dialects are sent with it.', required: true, spellcheck: false })}
        <div class="row">${submit('Set the username')}</div>`,
    )}</section>
    <section class="card"><h2>Leaving</h2>
      <p>Signed out for good. What becomes of their keys is told first.</p>
      <p>${link(`${here}/leave`, 'Let this person leave', 'danger')}</p></section>`
}
