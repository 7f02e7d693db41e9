import { html } from 'hono/html'
import { listResultMembers } from '../../../operations/define.ts'
import { OPERATION_GROUPS } from '../../../operations/groups.ts'
import type { Page } from '../../../service/ports/lists.ts'
import { findAccountNames } from '../account-selection.ts'
import { buttonLink } from '../components/form.ts'
import { emptyState, type Html, nothing } from '../components/html.ts'
import { formatMember, formatMemberLabel } from '../components/members.ts'
import { type Column, loadListPage, table } from '../components/table.ts'
import type { PageContext } from '../context.ts'
import { renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'
import { findOperation, formatActionLabel, type Resource, type ResourceRow } from './resource.ts'

/** A column beside those of the operation. */
export interface ExtraColumn<Row> extends Column {
  readonly cell: (row: Row) => Html | string
}

interface ResourceList<Row extends ResourceRow> {
  readonly loadColumns?: (context: PageContext, rows: readonly Row[]) => Promise<ExtraColumn<Row>[]>
  /** Columns of the operation that other cells show already. */
  readonly omittedColumns?: readonly (keyof Row)[]
  readonly nameCell?: (row: Row) => Html | string
}

/** Mounts the list of a resource, with the columns of the operation. */
export function mountList<Row extends ResourceRow>(
  router: ConsoleRouter,
  resource: Resource<Row>,
  {
    load,
    ...list
  }: ResourceList<Row> & {
    readonly load: (context: PageContext, page: Page) => Promise<readonly Row[]>
  },
): void {
  router.page(resource.path, findOperation(resource, 'list').id, async (context) => {
    const { rows, pagination } = await loadListPage(context, (page) => load(context, page))
    const body =
      rows.length === 0
        ? emptyList(context, resource)
        : html`<section class="card flush">${await resourceTable(context, resource, rows, list)}${pagination}</section>`
    return renderList(context, resource, body)
  })
}

export function renderList<Row extends ResourceRow>(
  context: PageContext,
  resource: Resource<Row>,
  body: Html,
  actions: Html = nothing,
): Promise<Response> {
  const { title, about } = OPERATION_GROUPS[resource.group]
  return renderPage(
    context,
    { heading: title, about, actions: html`${actions}${createLink(context, resource)}` },
    body,
  )
}

const createLink = <Row extends ResourceRow>(
  context: PageContext,
  resource: Resource<Row>,
): Html => {
  const create = findOperation(resource, 'create')
  return context.canPerform(create.id)
    ? buttonLink(`${resource.path}/new`, formatActionLabel(create, resource), 'primary')
    : nothing
}

export const emptyList = <Row extends ResourceRow>(
  context: PageContext,
  resource: Resource<Row>,
): Html =>
  html`<section class="card flush">${emptyState(
    `No ${OPERATION_GROUPS[resource.group].title.toLowerCase()} yet`,
    findOperation(resource, 'create').text ?? '',
    createLink(context, resource),
  )}</section>`

/** Members that the first column and the column of accounts show. */
const PLACED_MEMBERS = ['id', 'accountId', 'name']

export async function resourceTable<Row extends ResourceRow>(
  context: PageContext,
  resource: Resource<Row>,
  rows: readonly Row[],
  { loadColumns, omittedColumns = [], nameCell = resource.getName }: ResourceList<Row>,
  caption = findOperation(resource, 'list').summary.replace(/^List (\w)/, (_, letter: string) =>
    letter.toUpperCase(),
  ),
): Promise<Html> {
  const [names, extraColumns] = await Promise.all([
    findAccountNames(context, rows),
    loadColumns?.(context, rows) ?? [],
  ])
  const noun = resource.noun.charAt(0).toUpperCase() + resource.noun.slice(1)
  const columns: ExtraColumn<Row>[] = [
    {
      name: noun,
      cell: (row) => html`<a href="${resource.path}/${row.id}">${nameCell(row)}</a>`,
    },
    ...(names === null
      ? []
      : [{ name: 'Account', cell: (row: Row) => names.get(row.accountId ?? '') ?? '' }]),
    ...listColumnMembers(resource)
      .filter(({ name }) => !omittedColumns.includes(name as keyof Row))
      .map((member) => ({
        name: formatMemberLabel(member),
        cell: (row: Row) => memberCell(context, resource, member, row, context.now),
      })),
    ...extraColumns,
  ]
  return table({
    caption,
    columns,
    rows: rows.map((row) => columns.map(({ cell }) => cell(row))),
  })
}

/** Lists the members that the operation names as columns, as the command line does. */
function listColumnMembers(resource: Pick<Resource<ResourceRow>, 'group'>) {
  const members = listResultMembers(findOperation(resource, 'show'))
  const { columns = members.map(({ name }) => name) } = findOperation(resource, 'list')
  return columns.flatMap((column) =>
    PLACED_MEMBERS.includes(column) ? [] : members.filter(({ name }) => name === column),
  )
}

/** Renders a member of a row. Times are relative to `now`, or exact if it is null. */
export function memberCell<Row extends ResourceRow>(
  context: PageContext,
  { cells = {} }: Resource<Row>,
  member: ReturnType<typeof listResultMembers>[number],
  row: Row,
  now: number | null,
): Html | string {
  const name = member.name as keyof Row
  return cells[name]?.(row, context) ?? formatMember(member, row[name], now)
}
/** Loads the number of keys of each row. */
export async function loadKeyCounts(
  service: { countKeys(ids: readonly string[]): Promise<readonly { id: string; keys: number }[]> },
  rows: readonly { readonly id: string }[],
): Promise<(row: { readonly id: string }) => number> {
  const counts = await service.countKeys(rows.map(({ id }) => id))
  const countById = new Map(counts.map(({ id, keys }) => [id, keys]))
  return ({ id }) => countById.get(id) ?? 0
}
