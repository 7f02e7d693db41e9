import { html } from 'hono/html'
import type { Session } from '../../../service/ports/people.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { giveDevice, takeSession } from '../cookie.ts'
import { field, form, link, press, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import { badge, facts, plural, refused } from '../parts/words.ts'
import { part, type Visit } from '../visit.ts'
import { againFields, messageOf, type NotDone, statusOf } from './again.ts'
import { browserName } from './browser.ts'
import type { AccessScreenDeps } from './deps.ts'

const HERE = '/console/me'
/** Who looks after his own sign-in is led back here. */
export const ABOVE = [{ href: HERE, text: 'Your sign-in' }]

/** Who one is, where one is signed in, and one's password. */
export function mountMe(area: Area, { access }: AccessScreenDeps): void {
  area.show(HERE, 'signed-in', (visit) => mine(visit, null))

  area.act(`${HERE}/password`, 'signed-in', async (visit) => {
    // What was typed is not trimmed: a blank may be part of a password.
    const typed = (name: string) => visit.given.get(name) ?? ''
    if (typed('wished') !== typed('again')) {
      return mine(visit, DIFFERENT)
    }
    const proved = await visit.again.prove()
    if (!proved.ok) return mine(visit, proved.failure)
    const { himself } = proved.value
    const changed = await access.passwords.change(himself, typed('wished'), visit.caller)
    if (!changed.ok) return mine(visit, changed.failure)
    giveDevice(visit.c, changed.value)
    return seeOther(visit.c, HERE, 'password-changed')
  })

  area.act(`${HERE}/sessions/:id/end`, 'signed-in', async (visit) => {
    const ended = await access.sessions.end(visit.person, part(visit, 'id'), visit.caller)
    return ended.ok ? seeOther(visit.c, HERE, 'session-ended') : mine(visit, ended.failure)
  })

  area.act(`${HERE}/sign-out-everywhere`, 'signed-in', async ({ c, person, caller }) => {
    await access.sessions.signOutEverywhere(person, caller)
    takeSession(c)
    return seeOther(c, '/console/sign-in')
  })

  async function mine(visit: Visit, failure: NotDone | null): Promise<Response> {
    const { user, account } = visit.person
    const [sessions, codesLeft] = await Promise.all([
      access.sessions.list(visit.person),
      access.secondFactor.left(user.id),
    ])
    const body = html`${refused(messageOf(failure))}
      <div class="columns">
        <div class="stack"><section class="card"><h2>Who you are</h2>${facts([
          ['Username', user.username ?? 'none'],
          ['E-mail', user.email],
          ['Role', user.role],
          ['Account', account.name],
        ])}</section>
        <section class="card"><h2>Second factor</h2>${secondFactor(codesLeft)}</section></div>
        <section class="card"><h2>Change the password</h2>${passwordForm(visit, failure)}</section>
      </div>
      <section class="card flush" id="sessions">
        ${table({
          caption: 'Browsers where you are signed in, and tokens of your programs',
          columns: [
            { name: 'What' },
            { name: 'Kind' },
            { name: 'Last seen' },
            { name: 'Ends' },
            { name: 'Action', end: true },
          ],
          rows: sessions.map((session) => rowOf(visit, session)),
        })}
        <div class="pager">${link(`${HERE}/tokens/new`, 'New API token')}${press(
          visit.formToken,
          `${HERE}/sign-out-everywhere`,
          'Sign out everywhere',
          { look: 'danger', what: 'Sign out everywhere, and end every API token' },
        )}</div>
      </section>`
    return page(visit, { title: 'Your sign-in' }, body, statusOf(failure))
  }
}

const DIFFERENT: NotDone = {
  reason: 'unfit',
  field: 'password',
  message: 'the two new passwords are not the same: type them again',
}

const rowOf = (visit: Visit, session: Session): (Html | string)[] => {
  const isThis = session.id === visit.person.session.id
  const name = session.kind === 'browser' ? browserName(session.name) : session.name
  return [
    html`${name} ${isThis ? badge('This one', 'good') : nothing}`,
    session.kind === 'browser' ? 'Browser' : 'API token',
    moment(session.seenAt, visit.now),
    moment(session.expiresAt, visit.now),
    press(visit.formToken, `${HERE}/sessions/${session.id}/end`, isThis ? 'Sign out' : 'End', {
      look: isThis ? 'compact' : 'compact danger',
      what: `${isThis ? 'Sign out' : 'End'} ${name}`,
    }),
  ]
}

const secondFactor = (codesLeft: number | null): Html =>
  codesLeft === null
    ? html`<p>A code of an app on your phone, beside the password: whoever learns the password alone stays out.</p>
        <p>${link(`${HERE}/second-factor/new`, 'Set it up', 'primary')}</p>`
    : html`<p>${badge('On', 'good')} ${plural(codesLeft, 'recovery code')} left.</p>
        ${codesLeft < 3 ? html`<p>Take it away and set it up again for ten new ones.</p>` : nothing}
        <p>${link(`${HERE}/second-factor/remove`, 'Take it away', 'danger')}</p>`

const passwordForm = (visit: Visit, failure: NotDone | null): Html =>
  form(
    visit.formToken,
    `${HERE}/password`,
    html`${againFields(visit, failure, 'The password you have')}
      ${field({ name: 'wished', label: 'The new one', type: 'password', hint: 'At least 15 characters. It ends every other session and every token of yours.', autocomplete: 'new-password', required: true })}
      ${field({ name: 'again', label: 'The new one once more', type: 'password', autocomplete: 'new-password', required: true })}
      ${submit('Change it')}`,
  )
