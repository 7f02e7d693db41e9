import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { ListedFeed } from '../../../service/ports/lists.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { attemptTable } from '../messages/attempt-table.ts'
import { messageTable } from '../messages/message-table.ts'
import { MESSAGES } from '../messages/paths.ts'
import { link, press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { moment } from '../parts/time.ts'
import { copyable, empty, facts, notice, plural, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { part, type Visit } from '../visit.ts'
import { feedState, modelsOf, outcomeText } from './feed-state.ts'
import { nextTry } from './feed-table.ts'
import { mountFeedVerbs } from './feed-verbs.ts'
import { ABOVE_FEED, DESTINATIONS, FEEDS, SOURCES } from './paths.ts'

const HERE = `${FEEDS}/:id`
const SHOWN = 10

/** One feed: how it gets on, what is queued, and the ways to help it. */
export function mountFeed(area: Area): void {
  area.show(HERE, 'routes.read', (visit) => show(visit, null))
  area.act(`${HERE}/resume`, 'routes.write', async (visit) => {
    const id = part(visit, 'id')
    const done = await visit.desk.routes.setSubscriptionStatus(id, 'active')
    return done.ok ? seeOther(visit.c, `${FEEDS}/${id}`, 'feed-resumed') : show(visit, done.failure)
  })
  mountFeedVerbs(area)
}

async function show(visit: Visit, refusal: Refusal | null): Promise<Response> {
  const { routes, messages } = visit.desk
  const id = part(visit, 'id')
  const found = await routes.findListedFeed(id)
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const feed = found.value
  const [destination, queued, tried] = await Promise.all([
    routes.findDestination(feed.destination.id),
    messages.list({ subscriptionId: id, status: 'queued', limit: SHOWN }),
    feed.headId === null ? null : messages.attempts(feed.headId),
  ])
  const attempts = tried?.ok
    ? tried.value.filter(({ destinationId }) => destinationId === feed.destination.id)
    : []
  const body = html`${refused(messageOf(refusal))}${trouble(visit, feed)}
    <section class="card"><h2>Facts</h2>${facts([
      ['State', feedState(feed)],
      ['Source', html`<a href="${SOURCES}/${feed.source.id}">${feed.source.name}</a>`],
      [
        'Destination',
        destination.ok
          ? html`<a href="${DESTINATIONS}/${feed.destination.id}">${feed.destination.name}</a>`
          : html`${feed.destination.name} <span class="soft">(of another account)</span>`,
      ],
      ['Data model', modelsOf(feed)],
      ['Queued', plural(feed.queued, 'message')],
      ['Next try', nextTry(visit, feed) || 'nothing to send'],
      ['Feed id', copyable(id, 'the feed id')],
    ])}</section>
    ${
      attempts.length === 0
        ? nothing
        : html`<section class="card flush" aria-label="Attempts">${attemptTable(attempts.slice(0, SHOWN), 'The last attempts to send its first message')}</section>`
    }
    <section class="card flush" aria-label="Queued">${
      queued.length === 0
        ? empty(
            'Nothing is queued',
            html`What was sent is under <a href="${MESSAGES}?feed=${id}">its messages</a>.`,
          )
        : html`${messageTable(visit, queued, feed.queued > queued.length ? `The newest ${queued.length} of ${feed.queued} that are queued` : 'Queued')}
          <div class="pager"><a href="${MESSAGES}?feed=${id}&status=queued">All that are queued</a></div>`
    }</section>`
  const head = {
    title: `${feed.source.name} to ${feed.destination.name}`,
    crumbs: ABOVE_FEED,
    actions: actionsOf(visit, feed),
  }
  return page(visit, head, body, statusOf(refusal))
}

function actionsOf(visit: Visit, { id, status, queued }: ListedFeed): Html {
  if (!visit.may('routes.write')) return nothing
  const here = `${FEEDS}/${id}`
  return html`${
    status === 'active'
      ? link(`${here}/pause`, 'Pause')
      : press(visit.formToken, `${here}/resume`, 'Resume', {
          look: 'primary',
        })
  }${queued > 0 ? link(`${here}/purge`, 'Empty the queue', 'danger') : link(`${here}/remove`, 'Unsubscribe', 'danger')}`
}

/** What is wrong, and what helps. */
function trouble(visit: Visit, feed: ListedFeed): Html {
  const { destination, lastAttempt } = feed
  if (feed.status === 'paused') {
    return notice(
      'warn',
      'It is paused',
      'What its source sends to this destination is refused. What is queued waits until it is resumed.',
    )
  }
  if (destination.verifiedAt === null) {
    return notice(
      'warn',
      'The destination is not verified',
      html`What its source sends there is refused. <a href="${DESTINATIONS}/${destination.id}">Verify it</a>.`,
    )
  }
  if (feed.attempts === 0 || lastAttempt === null) return nothing
  return notice(
    'bad',
    `The first message was tried ${plural(feed.attempts, 'time')} in vain`,
    html`<p>${outcomeText(lastAttempt)} ${moment(lastAttempt.at, visit.now)}${lastAttempt.detail === '' ? '.' : html`: <code>${lastAttempt.detail}</code>`}</p>
      <p>It is tried again by itself, at least every two minutes; what comes after it waits. If <a href="${MESSAGES}/${feed.headId}">this message</a> is the trouble, skip it. If the destination is, nothing is lost: all waits until it is back.</p>`,
  )
}
