import { html } from 'hono/html'
import {
  failConflict,
  type ServiceError,
  type ServiceResult,
} from '../../../service/service-result.ts'
import { getField, type PageContext } from '../context.ts'
import { hiddenField, postForm, submitButton, textField } from './form.ts'
import type { Html } from './html.ts'

/** A form that changes the name of a row. After an error it keeps what was typed. */
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

/**
 * Changes one text of a row, unless it has changed since the form showed it (its field `seen`). In that
 * case the error names both texts.
 */
export async function updateIfUnchanged<Row, Changed>(
  context: PageContext,
  current: ServiceResult<Row>,
  {
    getValue,
    newValue,
    update,
  }: {
    readonly getValue: (row: Row) => string
    readonly newValue: string
    readonly update: () => Promise<ServiceResult<Changed>>
  },
): Promise<ServiceResult<Changed>> {
  if (!current.ok) return current
  const currentValue = getValue(current.value)
  return currentValue === getField(context, 'seen') || currentValue === newValue
    ? update()
    : failConflict(
        `somebody has changed it meanwhile: it is “${currentValue}” now, and you typed “${newValue}”. Send the form again to have yours`,
      )
}
