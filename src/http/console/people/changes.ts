import { html } from 'hono/html'
import { mayManage } from '../../../domain/role.ts'
import type { User } from '../../../service/ports.ts'
import { againFields, type NotDone } from '../access/again.ts'
import { field, form, hidden, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { badge } from '../parts/words.ts'
import { text, type Visit } from '../visit.ts'
import { PEOPLE } from './paths.ts'
import { roleChoices } from './role-choices.ts'

/** Which form of the page was sent in vain. */
export interface Refused {
  readonly form: 'role' | 'username' | 'email' | 'sign-out'
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

const typedIn = (visit: Visit, refusal: Refused | null, form: Refused['form'], is: string) =>
  refusal?.form === form ? text(visit, form) : is

/** What somebody is called. A form that was refused keeps what was typed. */
export function named(visit: Visit, user: User, refusal: Refused | null): Html {
  const here = `${PEOPLE}/${user.id}`
  const username = user.username ?? ''
  return html`
    <section class="card"><h2>What they are called</h2>${form(
      visit.formToken,
      `${here}/username`,
      html`${hidden('seen', username)}
        ${field({ name: 'username', label: 'Username', value: typedIn(visit, refusal, 'username', username), hint: 'Typed to sign in; keys of some dialects are sent with it.', required: true, spellcheck: false })}
        <div class="row">${submit('Set the username', '')}</div>`,
    )}
    ${form(
      visit.formToken,
      `${here}/email`,
      html`${hidden('seen', user.email)}
        ${field({ name: 'email', label: 'E-mail address', type: 'email', value: typedIn(visit, refusal, 'email', user.email), hint: 'Lists and keys name people by it. Nobody signs in with it.', required: true, spellcheck: false })}
        <div class="row">${submit('Set the address', '')}</div>`,
    )}</section>`
}

/** What somebody may do: to change it takes proof of who asks. */
export const allowed = (visit: Visit, user: User, refusal: Refused | null): Html => html`
  <section class="card"><h2>What they may do</h2>${form(
    visit.formToken,
    `${PEOPLE}/${user.id}/role`,
    html`${hidden('seen', user.role)}${roleChoices(visit.person.user.role, typedIn(visit, refusal, 'role', user.role))}
      ${againFields(visit, refusal?.form === 'role' ? refusal.failure : null)}
      <div class="row">${submit('Change the role')}</div>`,
  )}</section>`
