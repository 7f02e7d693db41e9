import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import { field, form, hidden, submit } from '../parts/form.ts'
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
