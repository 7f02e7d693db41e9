import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import { field, form, hidden, submit } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { text, type Visit } from '../visit.ts'

/** Another name. It says which one its sender has seen, so that two who rename at once are told. */
export const nameForm = (visit: Visit, action: string, name: string, refusal: Refusal | null) =>
  form(
    visit.formToken,
    action,
    html`${hidden('seen', name)}
      ${field({ name: 'name', label: 'Name', value: refusal === null ? name : text(visit, 'name') || name, required: true })}
      <div class="row">${submit('Rename', '')}</div>`,
  )

/** A part of the page that is opened by who wants to change something. */
export const fold = (title: string, isOpen: boolean, body: Html): Html => html`
  <details class="more"${isOpen ? html` open` : html``}><summary>${title}</summary><div>${body}</div></details>`
