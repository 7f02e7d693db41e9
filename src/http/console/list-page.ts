import { type Html, nothing } from './parts/html.ts'
import { pager } from './parts/list.ts'
import { plural } from './parts/words.ts'
import { cursor, type Visit } from './visit.ts'

const ROWS = 50

/** A page of a list, after the row that the query names; its questions stay in the links. */
export async function listPage<Row extends { readonly id: string }>(
  visit: Visit,
  read: (page: { after?: string | undefined; limit: number }) => Promise<readonly Row[]>,
): Promise<{ readonly rows: readonly Row[]; readonly pages: Html }> {
  const after = cursor(visit)
  const found = await read({ after, limit: ROWS + 1 })
  const rows = found.slice(0, ROWS)
  const hasMore = found.length > ROWS
  if (after === undefined && !hasMore) return { rows, pages: nothing }
  const pages = pager({
    shown: `${plural(rows.length, 'row')} on this page`,
    first: after === undefined ? undefined : at(visit, null),
    next: hasMore ? at(visit, rows.at(-1)?.id ?? null) : undefined,
  })
  return { rows, pages }
}

function at(visit: Visit, after: string | null): string {
  const query = new URLSearchParams(visit.given)
  for (const name of ['after', 'said']) query.delete(name)
  if (after !== null) query.set('after', after)
  const text = query.toString()
  return text === '' ? visit.path : `${visit.path}?${text}`
}
