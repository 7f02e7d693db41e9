import { html } from 'hono/html'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { field, form, link, select, submit } from '../parts/form.ts'
import { reveal } from '../parts/reveal.ts'
import { refused } from '../parts/words.ts'
import { text, type Visit } from '../visit.ts'
import { againFields, messageOf, type NotDone, statusOf } from './again.ts'
import type { AccessScreenDeps } from './deps.ts'
import { ABOVE } from './me.ts'

const NEW = '/console/me/tokens/new'
const TITLE = { title: 'New API token', crumbs: ABOVE }
const DAYS = [7, 30, 90, 365].map((days) => ({ value: String(days), text: `${days} days` }))

/** Tokens for programs of one's own at the management API. */
export function mountTokens(area: Area, { access }: AccessScreenDeps): void {
  area.show(NEW, 'signed-in', (visit) => ask(visit, null))

  area.act(NEW, 'signed-in', async (visit) => {
    const wish = { name: text(visit, 'name'), days: Number(text(visit, 'days')) }
    const proved = await visit.again.prove()
    if (!proved.ok) return ask(visit, proved.failure)
    const issued = await access.tokens.issue(proved.value.himself, wish, visit.caller)
    if (!issued.ok) return ask(visit, issued.failure)
    return page(
      visit,
      TITLE,
      reveal({
        title: `The token ${issued.value.token.name}`,
        text: 'It may do at /admin/v1 what you may, until it ends. It is not shown again.',
        secrets: [{ name: 'token', value: issued.value.secret }],
        file: 'latchkey-token.txt',
        next: '/console/me',
        acknowledge: 'I have put the token where it belongs',
      }),
    )
  })

  function ask(visit: Visit, failure: NotDone | null): Promise<Response> {
    const body = html`${refused(messageOf(failure))}<section class="card">${form(
      visit.formToken,
      NEW,
      html`
      ${field({ name: 'name', label: 'What is it for?', value: text(visit, 'name'), required: true, maxlength: 200, autofocus: failure === null })}
      ${select({ name: 'days', label: 'It ends after', value: text(visit, 'days') || '90', choices: DAYS })}
      ${againFields(visit, failure)}
      <div class="row">${submit('Make it')}${link('/console/me', 'Cancel', 'quiet')}</div>`,
    )}</section>`
    return page(visit, TITLE, body, statusOf(failure))
  }
}
