import { html } from 'hono/html'
import { accountField } from '../account-selection.ts'
import { buttonLink, postForm, submitButton } from '../components/form.ts'
import { errorNotice, type Html, nothing } from '../components/html.ts'
import { memberFields, readMembers } from '../components/members.ts'
import { getField, type PageContext } from '../context.ts'
import { type FormError, toErrorMessage, toErrorStatus } from '../errors.ts'
import { getFlash } from '../flash.ts'
import { redirectToPage, renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'
import {
  findOperation,
  formatActionLabel,
  type Resource,
  type ResourceRow,
  toListCrumbs,
} from './resource.ts'

/** Mounts the page that creates a row, with a field for each member of the operation's body. */
export function mountCreation<Row extends ResourceRow>(
  router: ConsoleRouter,
  resource: Resource<Row>,
): void {
  const operation = findOperation(resource, 'create')
  const path = `${resource.path}/new`
  router.page(path, operation.id, (context) => renderCreation(context, resource))
  router.form(path, operation.id, async (context) => {
    const result = await context.perform(operation, { body: readMembers(context, operation) })
    if (!result.ok) return renderCreation(context, resource, { error: result.failure })
    // An operation that creates a row returns it.
    const { id } = result.value as ResourceRow
    return redirectToPage(context.c, `${resource.path}/${id}`, getFlash(operation))
  })
}

/** Renders the form. After an error it keeps the typed values. */
export function renderCreation<Row extends ResourceRow>(
  context: PageContext,
  resource: Resource<Row>,
  {
    error = null,
    extraFields = nothing,
    actions,
  }: {
    readonly error?: FormError | null
    readonly extraFields?: Html
    readonly actions?: Html
  } = {},
): Promise<Response> {
  const operation = findOperation(resource, 'create')
  const fields = memberFields(context, operation, {
    getValue: (name) => getField(context, name),
    widgets: {
      ...resource.widgets,
      accountId: (page, value) => accountField(page, 'accountId', value),
    },
    hasFocus: error === null,
  })
  const body = html`${errorNotice(toErrorMessage(error))}<section class="card">${postForm(
    context.formToken,
    `${resource.path}/new`,
    html`${fields}${extraFields}
      <div class="row">${submitButton(formatActionLabel(operation, resource))}${buttonLink(resource.path, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  const heading = {
    heading: operation.summary,
    about: operation.text,
    crumbs: toListCrumbs(resource),
    actions,
  }
  return renderPage(context, heading, body, toErrorStatus(error))
}
