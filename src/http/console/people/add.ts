import { html } from 'hono/html'
import { againFields, messageOf, type NotDone, statusOf } from '../access/again.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { inOneAccount } from '../one-account.ts'
import { check, field, form, hidden, link, submit } from '../parts/form.ts'
import { refused } from '../parts/words.ts'
import { optional, text, type Visit } from '../visit.ts'
import { linkPage } from './link-page.ts'
import { ABOVE_PEOPLE, PEOPLE } from './paths.ts'
import { NO_ROLE, roleChoices, roleOf } from './role-choices.ts'

const NEW = `${PEOPLE}/new`
const TITLE = {
  title: 'Add a person',
  crumbs: ABOVE_PEOPLE,
  actions: link(`${PEOPLE}/roles`, 'What each role may'),
}

/** Somebody new, with a one-time link where he is to sign in. Sent twice, the address is taken: no second link. */
export function mountAddPerson(area: Area): void {
  area.show(
    NEW,
    'users.write',
    inOneAccount((visit, accountId) => ask(visit, accountId, null)),
  )

  area.act(NEW, 'users.write', async (visit) => {
    const accountId = text(visit, 'account')
    const role = roleOf(text(visit, 'role'))
    if (role === undefined) return ask(visit, accountId, NO_ROLE)
    const proved = await visit.again.prove()
    if (!proved.ok) return ask(visit, accountId, proved.failure)
    const { accounts, people } = proved.value.desk
    const wish = { email: text(visit, 'email'), username: optional(visit, 'username') }
    const added = await accounts.addUser({ accountId, role, ...wish })
    if (!added.ok) return ask(visit, accountId, added.failure)
    const { id } = added.value
    if (text(visit, 'invite') === '') return seeOther(visit.c, `${PEOPLE}/${id}`, 'user-added')
    const invited = await people.invite(id)
    return invited.ok
      ? linkPage(visit, added.value, invited.value)
      : seeOther(visit.c, `${PEOPLE}/${id}`, 'user-added')
  })
}

function ask(visit: Visit, accountId: string, refusal: NotDone | null): Promise<Response> {
  const isSent = refusal !== null
  const body = html`${refused(messageOf(refusal))}<section class="card">${form(
    visit.formToken,
    NEW,
    html`${hidden('account', accountId)}
      ${field({ name: 'email', label: 'E-mail address', type: 'email', value: text(visit, 'email'), required: true, autofocus: !isSent })}
      ${field({ name: 'username', label: 'Username', value: text(visit, 'username'), hint: 'Typed to sign in. Left empty, it is chosen with the password.', spellcheck: false })}
      ${roleChoices(visit.person.user.role, text(visit, 'role') || 'member')}
      ${check({ name: 'invite', label: html`Make a one-time link, which leads to a first password<span class="hint">Not needed by somebody who only owns keys.</span>`, checked: !isSent || text(visit, 'invite') !== '' })}
      ${againFields(visit, refusal)}
      <div class="row">${submit('Add the person')}${link(PEOPLE, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  return page(visit, TITLE, body, statusOf(refusal))
}
