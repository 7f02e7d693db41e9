import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import { field, form, hidden, submit } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { text, type Visit } from '../visit.ts'

/** Another name for something that has one; what was typed in vain is still there. */
export const nameForm = (
  visit: Visit,
  action: string,
  name: string,
  refusal: Refusal | null,
): Html =>
  form(
    visit.formToken,
    action,
    html`${hidden('seen', name)}
      ${field({ name: 'name', label: 'Name', value: refusal === null ? name : text(visit, 'name'), required: true })}
      <div class="row">${submit('Rename', '')}</div>`,
  )
