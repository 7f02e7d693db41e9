import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { ListedFeed } from '../../../service/ports/lists.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { attemptTable } from '../messages/attempt-table.ts'
import { MESSAGES } from '../messages/paths.ts'
import { link, press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { copyable, empty, facts, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { part, type Visit } from '../visit.ts'
import { feedDrawn, queueShown } from './feed-drawn.ts'
import { nextTry } from './feed-table.ts'
import { trouble } from './feed-trouble.ts'
import { mountFeedVerbs } from './feed-verbs.ts'
import { ABOVE_FEED, FEEDS } from './paths.ts'

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
    <section class="card" aria-label="Its way"><h2>Its way</h2>${feedDrawn(feed, destination.ok)}</section>
    <section class="card"><h2>Facts</h2>${facts([
      ['Next try', nextTry(visit, feed) || 'nothing to send'],
      ['Messages', html`<a href="${MESSAGES}?feed=${id}">What went through it</a>`],
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
            visit.may('messages.send')
              ? link(`${MESSAGES}/test?source=${feed.source.id}&feed=${id}`, 'Send a test message')
              : nothing,
          )
        : queueShown(visit, feed, queued)
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
