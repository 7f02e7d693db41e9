import { formatCount, type Html, nothing } from './components/html.ts'
import { pager } from './components/table.ts'
import { getCursor, type PageContext } from './context.ts'

const LIST_PAGE_SIZE = 50

/** A page of a list, after the row that the query names; its questions stay in the links. */
export async function loadListPage<Row extends { readonly id: string }>(
  context: PageContext,
  loadRows: (page: { after?: string | undefined; limit: number }) => Promise<readonly Row[]>,
): Promise<{ readonly rows: readonly Row[]; readonly pagination: Html }> {
  const after = getCursor(context)
  const loaded = await loadRows({ after, limit: LIST_PAGE_SIZE + 1 })
  const rows = loaded.slice(0, LIST_PAGE_SIZE)
  const hasMore = loaded.length > LIST_PAGE_SIZE
  if (after === undefined && !hasMore) return { rows, pagination: nothing }
  const pagination = pager({
    summary: `${formatCount(rows.length, 'row')} on this page`,
    first: after === undefined ? undefined : formatPageUrl(context, null),
    next: hasMore ? formatPageUrl(context, rows.at(-1)?.id ?? null) : undefined,
  })
  return { rows, pagination }
}

function formatPageUrl(context: PageContext, after: string | null): string {
  const query = new URLSearchParams(context.input)
  for (const name of ['after', 'said']) query.delete(name)
  if (after !== null) query.set('after', after)
  const text = query.toString()
  return text === '' ? context.path : `${context.path}?${text}`
}
