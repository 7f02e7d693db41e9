import { html } from 'hono/html'
import type { ServiceError } from '../../../service/service-result.ts'
import { getField, type PageContext } from '../context.ts'
import { hiddenField, postForm, submitButton, textField } from './form.ts'
import type { Html } from './html.ts'

/** Another name for something that has one; what was typed in vain is still there. */
export const renameForm = (
  context: PageContext,
  action: string,
  name: string,
  error: ServiceError | null,
): Html =>
  postForm(
    context.formToken,
    action,
    html`${hiddenField('seen', name)}
      ${textField({ name: 'name', label: 'Name', value: error === null ? name : getField(context, 'name'), required: true })}
      <div class="row">${submitButton('Rename', '')}</div>`,
  )
