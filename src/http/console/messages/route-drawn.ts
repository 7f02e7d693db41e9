import { html } from 'hono/html'
import type { AttemptSummary, DeliverySummary, MessageSummary } from '../../../service/ports.ts'
import { type Html, nothing } from '../parts/html.ts'
import { moment } from '../parts/time.ts'
import { badge } from '../parts/words.ts'
import { outcomeText } from '../routes/feed-state.ts'
import { FEEDS, SOURCES } from '../routes/paths.ts'
import { stop } from '../routes/stop.ts'
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
    ${stop('Source', html`<a href="${SOURCES}/${message.sourceId}">${sourceName}</a>`, html`${badge('Accepted', 'good')} ${moment(message.receivedAt, visit.now)}`, false)}
    ${stop('Feed', html`<a href="${FEEDS}/${delivery.subscriptionId}">Its queue</a>`, queueOf(visit, delivery))}
    ${stop('Destination', delivery.destinationName, atEnd(visit, delivery, attempts))}
  </ol>`,
  )}`

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
