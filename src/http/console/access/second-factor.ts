import { html } from 'hono/html'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { field, form, hidden, link, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { reveal } from '../parts/reveal.ts'
import { copyable, refused } from '../parts/words.ts'
import { text, type Visit } from '../visit.ts'
import type { AccessScreenDeps } from './deps.ts'
import { ABOVE } from './me.ts'
import { drawn } from './qr.ts'
import { why } from './why.ts'

const NEW = '/console/me/second-factor/new'
const TITLE = { title: 'Set up a second factor', crumbs: ABOVE }

/** A code of an app beside the password (RFC 6238). */
export function mountSecondFactor(area: Area, { access }: AccessScreenDeps): void {
  area.show(NEW, 'signed-in', (visit) => begin(visit, null))

  area.act(NEW, 'signed-in', async (visit) => {
    const wish = { pending: text(visit, 'pending'), code: text(visit, 'code') }
    const confirmed = await access.secondFactor.confirm(visit.person, wish, visit.caller)
    if (!confirmed.ok) return begin(visit, why(confirmed.failure))
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

  area.act('/console/me/second-factor/remove', 'signed-in', async (visit) => {
    const password = visit.given.get('password') ?? ''
    const removed = await access.secondFactor.remove(visit.person, password, visit.caller)
    if (removed.ok) return seeOther(visit.c, '/console/me', 'second-factor-removed')
    const body = html`${refused(why(removed.failure))}${link('/console/me', 'Back')}`
    return page(visit, { title: 'Take the second factor away', crumbs: ABOVE }, body, 422)
  })

  async function begin(visit: Visit, message: string | null): Promise<Response> {
    const begun = await access.secondFactor.begin(visit.person, text(visit, 'pending'))
    if (!begun.ok) return page(visit, TITLE, refused(why(begun.failure)), 409)
    const { pending, secret, qr } = begun.value
    const body: Html = html`${refused(message)}
      <section class="card"><ol class="steps">
        <li><h2>Scan this with an app for codes</h2>${drawn(qr)}
          <p>Or type it in: ${copyable(secret, 'the setup key')}</p></li>
        <li><h2>Type the code that it shows</h2>${form(
          visit.formToken,
          NEW,
          html`
          ${hidden('pending', pending)}
          ${field({ name: 'code', label: 'Code', inputmode: 'numeric', autocomplete: 'one-time-code', required: true, maxlength: 8 })}
          ${submit('Switch it on')}`,
        )}</li>
      </ol></section>${nothing}`
    return page(visit, TITLE, body, message === null ? 200 : 422)
  }
}
