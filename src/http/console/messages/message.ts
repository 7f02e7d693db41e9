import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { DeliverySummary, MessageSummary, RecordedEvent } from '../../../service/ports.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { link, press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { instant } from '../parts/time.ts'
import { badge, copyable, empty, facts, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { SOURCES } from '../routes/paths.ts'
import { part, type Visit } from '../visit.ts'
import { attemptTable } from './attempt-table.ts'
import { deliveryState } from './delivery-state.ts'
import { ABOVE_MESSAGE, MESSAGES } from './paths.ts'
import { routeDrawn } from './route-drawn.ts'

/** One message: its way, its attempts, and the ways to help it. Never what is in it. */
export function mountMessage(area: Area): void {
  area.show(`${MESSAGES}/:id`, 'messages.read', (visit) => showMessage(visit, null))
}

export async function showMessage(visit: Visit, refusal: Refusal | null): Promise<Response> {
  const { messages, routes } = visit.desk
  const id = part(visit, 'id')
  const [found, tried] = await Promise.all([messages.find(id), messages.attempts(id)])
  if (!found.ok || !tried.ok) return problem(visit.c, visit.caller, 'not_found')
  const message = found.value
  const [source, sent] = await Promise.all([
    routes.findSource(message.sourceId),
    whoSentTest(visit, message),
  ])
  const sourceName = source.ok ? source.value.name : message.sourceId
  const nameOf = (destinationId: string) =>
    message.deliveries.find((to) => to.destinationId === destinationId)?.destinationName ?? ''
  const body = html`${refused(messageOf(refusal))}
    <section class="card" aria-label="Its way"><h2>Its way</h2>${routeDrawn(visit, message, sourceName, tried.value)}</section>
    <div class="columns">
      <section class="card"><h2>Facts</h2>${facts([
        [
          'Event',
          html`${message.dataModel}: ${message.eventType} ${message.test ? badge('Test') : nothing}`,
        ],
        ['Source', html`<a href="${SOURCES}/${message.sourceId}">${sourceName}</a>`],
        ['Received', instant(message.receivedAt)],
        ...(message.test ? ([['Sent by', sent]] as const) : []),
        [
          'Number',
          html`<span class="number">${message.serial}</span> <span class="small soft">Meta.Message.ID in the answer</span>`,
        ],
        ['Message id', copyable(id, 'the message id')],
      ])}</section>
      ${payloadCard(visit, id)}
    </div>
    ${visit.may('messages.send') ? help(message) : nothing}
    <section class="card flush" aria-label="Attempts">${
      tried.value.length === 0
        ? empty('It was not tried yet', 'Attempts are listed here as they are made.')
        : attemptTable(tried.value, 'Its last attempts, the newest first', nameOf)
    }</section>`
  const title = `${message.dataModel}: ${message.eventType}`
  return page(visit, { title, crumbs: ABOVE_MESSAGE }, body, statusOf(refusal))
}

/** A person's test has an event; a message of the vendor's own program that says it is a test has none. */
async function whoSentTest(visit: Visit, message: MessageSummary): Promise<Html | string> {
  if (!message.test) return ''
  const [event] = await visit.desk.audit.list({
    subject: message.id,
    action: 'message.test_sent',
    limit: 1,
  })
  return event === undefined ? 'the program that has the source’s key' : nameOf(visit, event)
}

async function nameOf(visit: Visit, { actor }: RecordedEvent): Promise<string> {
  const user = await visit.desk.accounts.findUser(actor)
  return user.ok ? (user.value.username ?? user.value.email) : actor
}

const payloadCard = (visit: Visit, id: string): Html =>
  visit.may('messages.open')
    ? html`<section class="card"><h2>What is in it</h2>
        <p>It may be health data. Who opens it, and when, is written into the audit.</p>
        ${press(visit.formToken, `${MESSAGES}/${id}/open`, 'Open the payload')}</section>`
    : nothing

const help = ({ id, deliveries }: MessageSummary): Html => html`
  <section class="card"><h2>What can be done</h2><ul class="stack">${deliveries.map((to) => helpOne(id, to))}</ul></section>`

function helpOne(id: string, to: DeliverySummary): Html {
  const [verb, text, look] =
    to.status === 'queued'
      ? ['skip', `Skip for ${to.destinationName}`, 'compact danger']
      : ['replay', `Replay to ${to.destinationName}`, 'compact']
  const href = `${MESSAGES}/${id}/${verb}?destination=${to.destinationId}`
  return html`<li class="row spread"><span>${to.destinationName} ${deliveryState(to)}</span>${link(href, text, look)}</li>`
}
