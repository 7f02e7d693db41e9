import { html } from 'hono/html'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { field, form, select, submit } from '../parts/form.ts'
import { reveal } from '../parts/reveal.ts'
import { refused } from '../parts/words.ts'
import { text, type Visit } from '../visit.ts'
import type { AccessScreenDeps } from './deps.ts'
import { ABOVE } from './me.ts'
import { why } from './why.ts'

const NEW = '/console/me/tokens/new'
const TITLE = { title: 'New API token', crumbs: ABOVE }
const DAYS = [7, 30, 90, 365].map((days) => ({ value: String(days), text: `${days} days` }))

/** Tokens for programs of one's own at the management API. */
export function mountTokens(area: Area, { access }: AccessScreenDeps): void {
  area.show(NEW, 'signed-in', (visit) => ask(visit, null))

  area.act(NEW, 'signed-in', async (visit) => {
    const wish = { name: text(visit, 'name'), days: Number(text(visit, 'days')) }
    const issued = await access.tokens.issue(visit.person, wish, visit.caller)
    if (!issued.ok) return ask(visit, why(issued.failure))
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

  function ask(visit: Visit, message: string | null): Promise<Response> {
    const body = html`${refused(message)}<section class="card">${form(
      visit.formToken,
      NEW,
      html`
      ${field({ name: 'name', label: 'What is it for?', value: text(visit, 'name'), required: true, maxlength: 200, autofocus: true })}
      ${select({ name: 'days', label: 'It ends after', value: text(visit, 'days') || '90', choices: DAYS })}
      ${submit('Make it')}`,
    )}</section>`
    return page(visit, TITLE, body, message === null ? 200 : 422)
  }
}
