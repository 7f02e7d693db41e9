import { html } from 'hono/html'
import type { MessageSummary, Source } from '../../../service/ports.ts'
import { type Html, nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import { badge } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import { deliveryState } from './delivery-state.ts'
import { MESSAGES } from './paths.ts'

/** Of a message to many destinations, so many are shown in a list. */
const MOST_HOPS = 4

export const messageTable = (
  visit: Visit,
  messages: readonly MessageSummary[],
  caption: string,
  sources: readonly Pick<Source, 'id' | 'name'>[] = [],
): Html =>
  table({
    caption,
    columns: [{ name: 'Message' }, { name: 'Received' }, { name: 'To' }],
    rows: messages.map((message) => [
      html`<a href="${MESSAGES}/${message.id}">${message.dataModel}: ${message.eventType}</a> ${message.test ? badge('Test') : nothing}<span class="sub">${from(message, sources)}<span class="number">${message.serial}</span></span>`,
      moment(message.receivedAt, visit.now),
      html`${message.deliveries.slice(0, MOST_HOPS).map((to) => html`<div class="row">${to.destinationName} ${deliveryState(to)}</div>`)}${more(message)}`,
    ]),
  })

const from = (
  { sourceId }: MessageSummary,
  sources: readonly Pick<Source, 'id' | 'name'>[],
): Html => {
  const source = sources.find(({ id }) => id === sourceId)
  return source === undefined ? nothing : html`from ${source.name}, `
}

const more = ({ deliveries }: MessageSummary): Html =>
  deliveries.length > MOST_HOPS
    ? html`<span class="sub">and ${deliveries.length - MOST_HOPS} more</span>`
    : nothing
