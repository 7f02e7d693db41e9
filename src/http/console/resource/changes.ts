import { html } from 'hono/html'
import { listMembers, type Operation } from '../../../operations/define.ts'
import type { KeyCriteria } from '../../../service/ports/lists.ts'
import type { ServiceError } from '../../../service/service-result.ts'
import { accountField } from '../account-selection.ts'
import { buttonLink, hiddenField, postForm, submitButton } from '../components/form.ts'
import { errorNotice, type Html, nothing } from '../components/html.ts'
import { memberFields, readMembers } from '../components/members.ts'
import { mountConfirmedAction } from '../confirmation.ts'
import { getField, getPathId, type PageContext } from '../context.ts'
import { type FormError, toErrorMessage, toErrorStatus } from '../errors.ts'
import { getFlash } from '../flash.ts'
import { reauthFields, requiresReauth } from '../reauth.ts'
import { redirectToPage, renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'
import {
  findOperation,
  formatActionLabel,
  formatQuestion,
  formatResourcePath,
  type Resource,
  type ResourceRow,
  toListCrumbs,
  toPathSegment,
} from './resource.ts'

/** Mounts a form that sets members of a row to the values of its fields. */
export function mountEdit<Row extends ResourceRow>(
  router: ConsoleRouter,
  resource: Resource<Row>,
  operation: Operation,
  render: (context: PageContext, id: string, error: FormError) => Promise<Response>,
): void {
  const path = `${resource.path}/:id/${toPathSegment(operation)}`
  router.form(path, operation.id, async (context) => {
    const id = getPathId(context)
    const row = await resource.find(context, id)
    if (!row.ok) return render(context, id, row.failure)
    const conflict = findEditConflict(context, operation, row.value)
    if (conflict !== null) return render(context, id, conflict)
    const result = await context.perform(operation, { id, body: readMembers(context, operation) })
    return result.ok
      ? redirectToPage(context.c, formatResourcePath(resource, context, id), getFlash(operation))
      : render(context, id, result.failure)
  })
}

/** The name of the first member of the body, which is compared with the value that the form showed. */
const getComparedName = (operation: Operation): string =>
  listMembers(operation).find(({ part }) => part === 'body')?.name ?? ''

/**
 * Returns an error if another user changed the value since the form showed it (its field `seen`). The
 * error names both values.
 */
function findEditConflict(
  context: PageContext,
  operation: Operation,
  row: object,
): ServiceError | null {
  const name = getComparedName(operation)
  if (!(name in row)) return null
  const [current, typed] = [getMemberText(row, name), getField(context, name)]
  if (current === getField(context, 'seen') || current === typed) return null
  return {
    problem: 'conflict',
    message: `another user has changed it meanwhile: it is “${current}” now, and you typed “${typed}”. Send the form again to keep your change`,
  }
}

const getMemberText = (row: object, name: string): string =>
  String((row as Readonly<Record<string, unknown>>)[name] ?? '')

/** Renders the form. After an error it keeps the typed values. */
export function editCard<Row extends ResourceRow>(
  context: PageContext,
  resource: Resource<Row>,
  operation: Operation,
  row: Row,
  error: FormError | null,
): Html {
  const label = formatActionLabel(operation, resource)
  const action = `${resource.path}/${row.id}/${toPathSegment(operation)}`
  const isRetry = context.path === action
  const name = getComparedName(operation)
  const fields = memberFields(context, operation, {
    getValue: (member) => (isRetry ? getField(context, member) : getMemberText(row, member)),
    widgets: resource.widgets,
  })
  return html`<section class="card"><h2>${label}</h2>${operation.text === undefined ? nothing : html`<p class="small soft">${operation.text}</p>`}${postForm(
    context.formToken,
    action,
    html`${name in row ? hiddenField('seen', getMemberText(row, name)) : nothing}${fields}
      ${requiresReauth(operation) ? reauthFields(context, isRetry ? error : null) : nothing}
      <div class="row">${submitButton(label, '')}</div>`,
  )}</section>`
}

/** A change with a confirmation page, whose texts come from the operation. */
export interface ResourceAction<Row> {
  readonly verb: string
  readonly isDangerous?: true
  /** Tests if the change is possible for a row. */
  readonly isOffered?: (row: Row, context: PageContext) => boolean
  /** Explains the change for this row, beside the text of the operation. */
  readonly details?: (row: Row, context: PageContext) => Promise<Html> | Html | string
  /** Finds what makes the change impossible for a row; null if nothing does. */
  readonly findObstacle?: (row: Row, context: PageContext) => Promise<Html | null>
}

/** Finds keys, active or revoked, that keep the row that they belong to. */
export const findKeysObstacle = async (
  { services }: PageContext,
  criteria: KeyCriteria,
  listPath: string,
  remedy: string,
): Promise<Html | null> =>
  (await services.keys.count(criteria, 1)) === 0
    ? null
    : html`<a href="${listPath}">Keys</a>, active or revoked, prevent this. ${remedy}`

export function mountAction<Row extends ResourceRow>(
  router: ConsoleRouter,
  resource: Resource<Row>,
  { verb, isDangerous, details, findObstacle }: ResourceAction<Row>,
): void {
  const operation = findOperation(resource, verb)
  mountConfirmedAction(router, {
    path: `${resource.path}/:id/${toPathSegment(operation)}`,
    operations: operation.id,
    find: resource.find,
    question: async (row, context) => {
      const name = resource.getName(row)
      const cancelPath = formatResourcePath(resource, context, row.id)
      return {
        heading: formatQuestion(operation, resource, name),
        crumbs: [...toListCrumbs(resource), { href: cancelPath, text: name }],
        text: html`<p>${operation.text}${operation.isIrreversible ? ' This cannot be undone.' : ''}</p>${await details?.(row, context)}`,
        button: formatActionLabel(operation, resource),
        variant: isDangerous ? 'danger primary' : 'primary',
        cancelPath,
        // Two buttons that both say "Cancel" are ambiguous.
        ...(verb === 'cancel' && { cancelLabel: `Keep ${resource.noun}` }),
        requiresReauth: requiresReauth(operation),
        obstacle: (await findObstacle?.(row, context)) ?? null,
      }
    },
    run: (context, id) => context.perform(operation, { id }),
    flash: getFlash(operation),
    next: (context, id) =>
      operation.method === 'delete' ? resource.path : formatResourcePath(resource, context, id),
  })
}

/** Renders the actions that are possible for a row. Those that cannot be undone are in the danger zone. */
export function actionCards<Row extends ResourceRow>(
  context: PageContext,
  resource: Resource<Row>,
  actions: readonly ResourceAction<Row>[],
  row: Row,
): Html {
  const offered = actions
    .map((action) => ({ ...action, operation: findOperation(resource, action.verb) }))
    .filter(
      ({ operation, isOffered }) =>
        context.canPerform(operation.id) && (isOffered?.(row, context) ?? true),
    )
  const card = (title: string, isDangerous: boolean) => {
    const listed = offered.filter((action) => (action.isDangerous ?? false) === isDangerous)
    if (listed.length === 0) return nothing
    return html`<section class="card"><h2>${title}</h2>${listed.map(
      ({ operation }) => html`
      <p>${operation.text}</p>
      <p>${buttonLink(`${resource.path}/${row.id}/${toPathSegment(operation)}`, formatActionLabel(operation, resource), isDangerous ? 'danger' : '')}</p>`,
    )}</section>`
  }
  return html`${card('Actions', false)}${card('Danger zone', true)}`
}

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
