import { html } from 'hono/html'
import { type Html, nothing } from './html.ts'

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
