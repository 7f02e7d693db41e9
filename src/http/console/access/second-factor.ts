import { html } from 'hono/html'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { confirm } from '../confirm.ts'
import { field, form, hidden, submit } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { reveal } from '../parts/reveal.ts'
import { copyable, refused } from '../parts/words.ts'
import { text, type Visit } from '../visit.ts'
import { againFields, messageOf, type NotDone, statusOf } from './again.ts'
import type { AccessScreenDeps } from './deps.ts'
import { ABOVE } from './me.ts'
import { drawn } from './qr.ts'

const NEW = '/console/me/second-factor/new'
const REMOVE = '/console/me/second-factor/remove'
const TITLE = { title: 'Set up a second factor', crumbs: ABOVE }

/** A code of an app beside the password (RFC 6238). */
export function mountSecondFactor(area: Area, { access }: AccessScreenDeps): void {
  area.show(NEW, 'signed-in', (visit) => begin(visit, null))

  area.act(NEW, 'signed-in', async (visit) => {
    const wish = { pending: text(visit, 'pending'), code: text(visit, 'code') }
    const proved = await visit.again.prove()
    if (!proved.ok) return begin(visit, proved.failure)
    const { himself } = proved.value
    const confirmed = await access.secondFactor.confirm(himself, wish, visit.caller)
    if (!confirmed.ok) return begin(visit, confirmed.failure)
    return page(
      visit,
      TITLE,
      reveal({
        title: 'Your recovery codes',
        text: 'Each opens your account once, without your device. Print them, or keep them with your passwords. They are not shown again.',
        secrets: confirmed.value.map((code) => ({ name: 'code', value: code })),
        file: 'latchkey-recovery-codes.txt',
        next: '/console/me',
        acknowledge: 'I have put the codes where I will find them',
      }),
    )
  })

  area.show(REMOVE, 'signed-in', (visit) => askToRemove(visit, null))

  area.act(REMOVE, 'signed-in', async (visit) => {
    const proved = await visit.again.prove()
    if (!proved.ok) return askToRemove(visit, proved.failure)
    const removed = await access.secondFactor.remove(proved.value.himself, visit.caller)
    return removed.ok
      ? seeOther(visit.c, '/console/me', 'second-factor-removed')
      : askToRemove(visit, removed.failure)
  })

  async function begin(visit: Visit, failure: NotDone | null): Promise<Response> {
    const begun = await access.secondFactor.begin(visit.person, text(visit, 'pending'))
    if (!begun.ok) return page(visit, TITLE, refused(messageOf(begun.failure)), 409)
    const { pending, secret, qr } = begun.value
    const body: Html = html`${refused(messageOf(failure))}
      <section class="card"><ol class="steps">
        <li><h2>Scan this with an app for codes</h2>${drawn(qr)}
          <p>Or type it in: ${copyable(secret, 'the setup key')}</p></li>
        <li><h2>Type the code that it shows</h2>${form(
          visit.formToken,
          NEW,
          html`
          ${hidden('pending', pending)}
          ${field({ name: 'code', label: 'Code', inputmode: 'numeric', autocomplete: 'one-time-code', required: true, maxlength: 8 })}
          ${againFields(visit, failure)}
          ${submit('Switch it on')}`,
        )}</li>
      </ol></section>`
    return page(visit, TITLE, body, statusOf(failure))
  }
}

const askToRemove = (visit: Visit, failure: NotDone | null): Promise<Response> =>
  confirm(visit, {
    title: 'Take the second factor away?',
    crumbs: ABOVE,
    text: html`<p>Your password alone opens your account from then on, and your recovery codes are good no longer. Set it up again for a new device, or for ten new codes.</p>`,
    button: 'Take it away',
    look: 'danger primary',
    back: '/console/me',
    again: true,
    refusal: failure,
  })
