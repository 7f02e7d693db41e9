import { html } from 'hono/html'
import { LONGEST_WAIT_MS } from '../../../domain/delivery.ts'
import { isPending } from '../../../domain/instant.ts'
import type { ListedFeed } from '../../../service/ports/lists.ts'
import { type Html, nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import { badge } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import { feedState, modelsOf, outcomeText } from './feed-state.ts'
import { FEEDS } from './paths.ts'

export const feedTable = (visit: Visit, feeds: readonly ListedFeed[], caption: string): Html =>
  table({
    caption,
    columns: [
      { name: 'Feed' },
      { name: 'State' },
      { name: 'Queued', end: true },
      { name: 'Last attempt' },
      { name: 'Next try' },
    ],
    rows: feeds.map((feed) => [
      html`<a href="${FEEDS}/${feed.id}">${feed.source.name} <span aria-hidden="true">→</span><span class="hidden">to</span> ${feed.destination.name}</a><span class="sub">${modelsOf(feed)}</span>`,
      html`${feedState(feed)} ${feed.destination.verifiedAt === null ? badge('Destination not verified', 'warn') : nothing}`,
      html`<span class="number">${feed.queued.toLocaleString('en')}</span> ${oldest(visit, feed)}`,
      feed.lastAttempt === null
        ? ''
        : html`${outcomeText(feed.lastAttempt)} <span class="sub">${moment(feed.lastAttempt.at, visit.now)}</span>`,
      nextTry(visit, feed),
    ]),
  })

const oldest = (visit: Visit, { oldestAt }: ListedFeed): Html =>
  oldestAt === null
    ? nothing
    : html`<span class="sub">the oldest ${moment(oldestAt, visit.now)}</span>`

/** A feed that has nothing to send, or is paused, tries nothing. */
export function nextTry(visit: Visit, feed: ListedFeed): Html | string {
  if (feed.queued === 0) return ''
  if (feed.status === 'paused') return 'when it is resumed'
  return isPending(feed.dueAt, LONGEST_WAIT_MS, visit.now) ? moment(feed.dueAt, visit.now) : 'now'
}
