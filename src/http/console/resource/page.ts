import { html } from 'hono/html'
import { listResultMembers, type Operation } from '../../../operations/define.ts'
import { findAccountNames } from '../account-selection.ts'
import {
  copyableText,
  definitionList,
  errorNotice,
  type Html,
  nothing,
} from '../components/html.ts'
import { formatMemberLabel } from '../components/members.ts'
import { getPathId, type PageContext } from '../context.ts'
import { type FormError, renderError, toErrorMessage, toErrorStatus } from '../errors.ts'
import type { PageHeading } from '../layout.ts'
import { renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'
import { actionCards, editCard, mountAction, mountEdit, type ResourceAction } from './changes.ts'
import { memberCell } from './list.ts'
import { findOperation, type Resource, type ResourceRow, toListCrumbs } from './resource.ts'

/** The page of a row, and its changes. */
export interface ResourcePage<Row extends ResourceRow> {
  /** Operations that the page shows results of, beside `show`. */
  readonly reads?: readonly Operation['id'][]
  /** Verbs of operations whose body a form on the page sets. */
  readonly edits?: readonly string[]
  readonly canEdit?: (row: Row, context: PageContext) => boolean
  readonly actions: readonly ResourceAction<Row>[]
  readonly loadParts?: (context: PageContext, row: Row) => Promise<PageParts>
}

/** The content of a row's page besides its details and changes. */
interface PageParts extends Partial<PageHeading> {
  readonly facts?: readonly (readonly [string, Html | string])[]
  readonly notice?: Html
  /** Cards beside the details. */
  readonly cards?: Html
  /** Cards of the whole width, above the changes. */
  readonly wideCards?: Html
}

/** Mounts the page of a row: details, forms, and actions that a page asks to confirm. */
export function mountPage<Row extends ResourceRow>(
  router: ConsoleRouter,
  resource: Resource<Row>,
  page: ResourcePage<Row>,
): void {
  const reads = [findOperation(resource, 'show').id, ...(page.reads ?? [])]
  router.page(`${resource.path}/:id`, reads, (context) =>
    renderRow(context, resource, page, getPathId(context)),
  )
  for (const verb of page.edits ?? []) {
    mountEdit(router, resource, findOperation(resource, verb), (context, id, error) =>
      renderRow(context, resource, page, id, error),
    )
  }
  for (const action of page.actions) mountAction(router, resource, action)
}

export async function renderRow<Row extends ResourceRow>(
  context: PageContext,
  resource: Resource<Row>,
  { edits = [], canEdit = () => true, actions, loadParts }: ResourcePage<Row>,
  id: string,
  error: FormError | null = null,
  formResult: Html = nothing,
): Promise<Response> {
  const result = await resource.find(context, id)
  if (!result.ok) return renderError(context.c, context.caller, 'not_found')
  const row = result.value
  const [names, parts] = await Promise.all([
    findAccountNames(context, [row]),
    loadParts?.(context, row),
  ])
  const {
    facts = [],
    notice = nothing,
    cards = nothing,
    wideCards = nothing,
    ...heading
  } = parts ?? {}
  const editOperations = canEdit(row, context)
    ? edits
        .map((verb) => findOperation(resource, verb))
        .filter((operation) => context.canPerform(operation.id))
    : []
  const body = html`${errorNotice(toErrorMessage(error))}${formResult}${notice}
    <div class="columns">
      <section class="card"><h2>Details</h2>${definitionList([...listDetails(context, resource, row, names), ...facts])}</section>
      ${cards}
    </div>${wideCards}
    <div class="columns">
      ${editOperations.map((operation) => editCard(context, resource, operation, row, error))}
      ${actionCards(context, resource, actions, row)}
    </div>`
  return renderPage(
    context,
    { heading: resource.getName(row), crumbs: toListCrumbs(resource), ...heading },
    body,
    toErrorStatus(error),
  )
}

/** True for the time of an event that has not happened, such as a deactivation. */
const isPending = <Row extends ResourceRow>(
  { name, schema }: ReturnType<typeof listResultMembers>[number],
  row: Row,
): boolean => schema.format === 'date-time' && row[name as keyof Row] === null

/** Lists the members of the operation's result. The name is the heading of the page. */
function listDetails<Row extends ResourceRow>(
  context: PageContext,
  resource: Resource<Row>,
  row: Row,
  accountNames: ReadonlyMap<string, string> | null,
): (readonly [string, Html | string])[] {
  const { noun } = resource
  return listResultMembers(findOperation(resource, 'show')).flatMap((member) => {
    switch (member.name) {
      case 'name':
        return []
      case 'id':
        return [
          [
            `${noun.charAt(0).toUpperCase()}${noun.slice(1)} id`,
            copyableText(row.id, `the ${noun} id`),
          ],
        ]
      case 'accountId':
        return accountNames === null
          ? []
          : [['Account', accountNames.get(row.accountId ?? '') ?? '']]
      default:
        return isPending(member, row) && resource.cells?.[member.name as keyof Row] === undefined
          ? []
          : [[formatMemberLabel(member), memberCell(context, resource, member, row, null)]]
    }
  })
}
