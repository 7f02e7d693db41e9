import { formatCount, type Html, nothing } from './components/html.ts'
import { pager } from './components/table.ts'
import { getCursor, type PageContext } from './context.ts'
import { FLASH_PARAMETER } from './flash.ts'

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
