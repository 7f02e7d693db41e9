import { html } from 'hono/html'
import type { AttemptSummary, DeliverySummary, MessageSummary } from '../../../service/ports.ts'
import { type Html, nothing } from '../parts/html.ts'
import { moment } from '../parts/time.ts'
import { badge } from '../parts/words.ts'
import { outcomeText } from '../routes/feed-state.ts'
import { FEEDS, SOURCES } from '../routes/paths.ts'
import type { Visit } from '../visit.ts'

/** From its source by a feed to each destination, with what happened at each stop. */
export const routeDrawn = (
  visit: Visit,
  message: MessageSummary,
  sourceName: string,
  attempts: readonly AttemptSummary[],
): Html =>
  html`${message.deliveries.map(
    (delivery) => html`
  <ol class="route" aria-label="The way to ${delivery.destinationName}">
    ${stop(html`<a href="${SOURCES}/${message.sourceId}">${sourceName}</a>`, 'Source', html`${badge('Accepted', 'good')} ${moment(message.receivedAt, visit.now)}`, false)}
    ${stop(html`<a href="${FEEDS}/${delivery.subscriptionId}">Feed</a>`, 'Feed', queueOf(visit, delivery), true)}
    ${stop(delivery.destinationName, 'Destination', atEnd(visit, delivery, attempts), true)}
  </ol>`,
  )}`

const stop = (name: Html | string, kind: string, what: Html, isAfter: boolean): Html => html`
  <li>${isAfter ? html`<span aria-hidden="true">→</span>` : nothing}<div class="stop stack tight"><span class="small soft">${kind}</span><strong>${name}</strong><span class="small">${what}</span></div></li>`

function queueOf(visit: Visit, { status, settledAt }: DeliverySummary): Html {
  if (status === 'queued') return html`${badge('Waiting', 'warn')}`
  const when = settledAt === null ? nothing : moment(settledAt, visit.now)
  return status === 'skipped'
    ? html`${badge('Skipped', 'warn')} ${when}`
    : html`${badge('Sent on', 'good')} ${when}`
}

function atEnd(visit: Visit, delivery: DeliverySummary, attempts: readonly AttemptSummary[]): Html {
  const last = attempts.find(({ destinationId }) => destinationId === delivery.destinationId)
  if (last === undefined) return badge('Not tried yet')
  const tone = last.outcome === 'delivered' ? 'good' : 'bad'
  return html`${badge(outcomeText(last), tone)} ${moment(last.at, visit.now)}`
}
