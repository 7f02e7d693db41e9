import { html } from 'hono/html'
import { getCursor, type PageContext } from '../context.ts'
import { FLASH_PARAMETER } from '../flash.ts'
import { formatCount, type Html, nothing } from './html.ts'

export interface Column {
  readonly name: string
  /** The link that sorts by this column. */
  readonly href?: string | undefined
  readonly sorted?: 'ascending' | 'descending' | undefined
  readonly end?: boolean | undefined
}

/** A table. The first cell of a row is its heading. On a phone each row is a card with labelled cells. */
export const table = (props: {
  readonly caption: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly (Html | string)[])[]
}): Html => html`
  <div class="scroll"><table class="fold"><caption>${props.caption}</caption>
    <thead><tr>${props.columns.map(columnHeading)}</tr></thead>
    <tbody>${props.rows.map((cells) => html`<tr>${cells.map((cell, n) => tableCell(cell, props.columns[n], n))}</tr>`)}</tbody>
  </table></div>`

const columnHeading = ({ name, href, sorted, end }: Column): Html => html`
  <th scope="col"${end ? html` class="end"` : nothing}${sorted ? html` aria-sort="${sorted}"` : nothing}>${
    href === undefined
      ? name
      : html`<a href="${href}">${name}${sorted ? html` <span aria-hidden="true">${sorted === 'ascending' ? '↑' : '↓'}</span>` : nothing}</a>`
  }</th>`

const tableCell = (cell: Html | string, column: Column | undefined, n: number): Html =>
  n === 0
    ? html`<th scope="row">${cell}</th>`
    : html`<td data-label="${column?.name ?? ''}"${column?.end ? html` class="end"` : nothing}>${cell}</td>`

/** Pagination without page numbers, because lists change while users read them. */
export const pager = (props: {
  readonly summary: string
  readonly first?: string | undefined
  readonly next?: string | undefined
}): Html => html`
  <div class="pager"><span class="soft small">${props.summary}</span><nav class="row" aria-label="Pages">${
    props.first === undefined
      ? nothing
      : html`<a class="button compact" href="${props.first}">First page</a>`
  }${props.next === undefined ? nothing : html`<a class="button compact" href="${props.next}" rel="next">Next page</a>`}</nav></div>`

interface TimelineEntry {
  readonly title: Html | string
  readonly when: Html
  readonly text?: Html | string | undefined
  readonly tone?: 'plain' | 'good' | 'warn' | 'bad' | undefined
}

export const timeline = (entries: readonly TimelineEntry[]): Html => html`
  <ol class="timeline">${entries.map(
    ({ title, when, text, tone }) => html`
    <li class="${tone ?? 'plain'}"><strong>${title}</strong> ${when}${
      text === undefined ? nothing : html`<div class="small soft">${text}</div>`
    }</li>`,
  )}</ol>`

const LIST_PAGE_SIZE = 50

/** Loads the page of a list that begins after the row in the query. Its links keep the filters. */
export async function loadListPage<Row extends { readonly id: string }>(
  context: PageContext,
  loadRows: (page: { after?: string | undefined; limit: number }) => Promise<readonly Row[]>,
  noun = 'row',
): Promise<{ readonly rows: readonly Row[]; readonly pagination: Html }> {
  const after = getCursor(context)
  const loaded = await loadRows({ after, limit: LIST_PAGE_SIZE + 1 })
  const rows = loaded.slice(0, LIST_PAGE_SIZE)
  const hasMore = loaded.length > LIST_PAGE_SIZE
  if (after === undefined && !hasMore) return { rows, pagination: nothing }
  const pagination = pager({
    summary: `${formatCount(rows.length, noun)} on this page`,
    first: after === undefined ? undefined : formatListUrl(context),
    next: hasMore ? formatListUrl(context, { after: rows.at(-1)?.id ?? '' }) : undefined,
  })
  return { rows, pagination }
}

/** The URL of this list with the same filters, from its first page on unless `changes` says otherwise. */
export function formatListUrl(
  { input, path }: PageContext,
  changes: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams()
  for (const [name, value] of input) {
    if (value !== '' && name !== 'after' && name !== FLASH_PARAMETER) query.set(name, value)
  }
  for (const [name, value] of Object.entries(changes)) query.set(name, value)
  return query.size === 0 ? path : `${path}?${query}`
}
