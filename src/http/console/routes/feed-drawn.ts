import { html } from 'hono/html'
import type { ListedFeed } from '../../../service/ports/lists.ts'
import type { MessageSummary } from '../../../service/ports.ts'
import { messageTable } from '../messages/message-table.ts'
import { MESSAGES } from '../messages/paths.ts'
import type { Html } from '../parts/html.ts'
import { plural } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import { verifiedBadge } from './destinations.ts'
import { feedState, modelsOf } from './feed-state.ts'
import { DESTINATIONS, SOURCES } from './paths.ts'
import { stop } from './stop.ts'

/** From its source through its queue to its destination. */
export const feedDrawn = (feed: ListedFeed, mayOpen: boolean): Html => {
  const { source, destination } = feed
  const end = mayOpen
    ? html`<a href="${DESTINATIONS}/${destination.id}">${destination.name}</a>`
    : destination.name
  return html`<ol class="route">
    ${stop('Source', html`<a href="${SOURCES}/${source.id}">${source.name}</a>`, modelsOf(feed), false)}
    ${stop('Queue', plural(feed.queued, 'message'), feedState(feed))}
    ${stop('Destination', end, mayOpen ? verifiedBadge(destination.verifiedAt) : 'of another account')}
  </ol>`
}

/** The oldest first, as they go but for what was replayed, where all of them are shown. */
export function queueShown(
  visit: Visit,
  { id, queued }: ListedFeed,
  newest: readonly MessageSummary[],
): Html {
  if (queued <= newest.length)
    return messageTable(visit, newest.toReversed(), 'What is queued, the oldest first')
  const caption = `The newest ${newest.length} of ${queued.toLocaleString('en')} that are queued`
  return html`${messageTable(visit, newest, caption)}
    <div class="pager"><a href="${MESSAGES}?feed=${id}&status=queued">All that are queued</a></div>`
}
