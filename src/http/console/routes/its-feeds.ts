import { html } from 'hono/html'
import { type Html, nothing } from '../parts/html.ts'
import type { Visit } from '../visit.ts'
import { feedTable } from './feed-table.ts'
import { FEEDS } from './paths.ts'

const MOST = 50

/** The feeds of one source, or to one destination, on its page. */
export async function itsFeeds(
  visit: Visit,
  end: { readonly sourceId: string } | { readonly destinationId: string },
  caption: string,
  none: () => Html,
): Promise<Html> {
  const feeds = await visit.desk.routes.listFeeds({ ...end, limit: MOST + 1 })
  const question = 'sourceId' in end ? `source=${end.sourceId}` : `destination=${end.destinationId}`
  return html`<section class="card flush" aria-label="Feeds">${
    feeds.length === 0
      ? none()
      : html`${feedTable(visit, feeds.slice(0, MOST), caption)}${
          feeds.length > MOST
            ? html`<div class="pager"><a href="${FEEDS}?${question}">All of its feeds</a></div>`
            : nothing
        }`
  }</section>`
}
