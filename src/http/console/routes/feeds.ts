import { html } from 'hono/html'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { listPage } from '../list-page.ts'
import { accountIdOf } from '../one-account.ts'
import { hidden, link, select, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { empty } from '../parts/words.ts'
import { optional, optionalId, type Visit } from '../visit.ts'
import { feedTable } from './feed-table.ts'
import { FEEDS, SOURCES } from './paths.ts'

/** Subscriptions as they work: what is queued in each, and whether it gets on. */
export function mountFeeds(area: Area): void {
  area.show(FEEDS, 'routes.read', list)
}

async function list(visit: Visit): Promise<Response> {
  const stuck = optional(visit, 'state') === 'stuck'
  const [sourceId, destinationId] = [optionalId(visit, 'source'), optionalId(visit, 'destination')]
  const { rows, pages } = await listPage(visit, (page) =>
    visit.desk.routes.listFeeds({
      ...page,
      sourceId,
      destinationId,
      accountId: accountIdOf(visit) ?? undefined,
      stuck: stuck || undefined,
    }),
  )
  const isNarrowed = stuck || sourceId !== undefined || destinationId !== undefined
  const create = visit.may('routes.write')
    ? link(`${FEEDS}/new`, 'Subscribe a source', 'primary')
    : nothing
  const body = html`${filters(stuck, sourceId, destinationId)}
    <section class="card flush" aria-label="Feeds">${
      rows.length > 0
        ? html`${feedTable(visit, rows, 'Each carries its messages in order, one at a time')}${pages}`
        : isNarrowed
          ? empty(
              'No such feed',
              sourceId !== undefined || destinationId !== undefined
                ? 'No feed between these is like that.'
                : 'None is stuck: every destination takes what it is sent.',
              link(FEEDS, 'Show all feeds'),
            )
          : empty(
              'No feeds yet',
              html`A feed carries the messages of a <a href="${SOURCES}">source</a> to a destination. It begins when the source is subscribed.`,
              create,
            )
    }</section>`
  const about = 'What is on its way from each source to each destination.'
  return page(visit, { title: 'Feeds', about, actions: create }, body)
}

const filters = (stuck: boolean, sourceId?: string, destinationId?: string): Html => html`
  <form class="filters" method="get" action="${FEEDS}" role="search" aria-label="Feeds" data-filter>
    ${sourceId === undefined ? nothing : hidden('source', sourceId)}${destinationId === undefined ? nothing : hidden('destination', destinationId)}
    ${select({
      name: 'state',
      label: 'State',
      value: stuck ? 'stuck' : '',
      choices: [
        { value: '', text: 'Any' },
        { value: 'stuck', text: 'Stuck' },
      ],
    })}${submit('Filter', '')}
    ${sourceId === undefined && destinationId === undefined ? nothing : link(FEEDS, 'Show all feeds', 'quiet')}
  </form>`
