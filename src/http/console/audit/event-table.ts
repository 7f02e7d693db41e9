import { html } from 'hono/html'
import type { RecordedEvent } from '../../../service/ports.ts'
import { explainPath } from '../explain/path.ts'
import { type Html, nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { instant, relative } from '../parts/time.ts'
import { badge } from '../parts/words.ts'
import { ADDRESSES } from '../places/paths.ts'
import type { Visit } from '../visit.ts'
import type { Names } from './names.ts'
import { detailOf, titleOf, toneOf } from './sentence.ts'

/** Events as a log is read: what, by whom, to what, and the exact moment. */
export const eventTable = (
  visit: Visit,
  events: readonly RecordedEvent[],
  names: Names,
  caption: string,
): Html =>
  table({
    caption,
    columns: [
      { name: 'What happened' },
      { name: 'Who did it' },
      { name: 'To whom or what' },
      { name: 'When' },
      { name: 'Request' },
    ],
    rows: events.map((event) => rowOf(visit, event, names)),
  })

function rowOf(visit: Visit, event: RecordedEvent, { nameOf, linkOf }: Names): (Html | string)[] {
  const { action, actor, subject, facts, requestId, at } = event
  const detail = detailOf(event, nameOf)
  const from = typeof facts.address === 'string' ? facts.address : null
  return [
    html`${badge(titleOf(action), toneOf(event))}${detail === '' ? nothing : html`<span class="sub">${detail}</span>`}`,
    html`${linkOf(actor)}${from === null ? nothing : html` <span class="sub">from ${from}</span>`}`,
    subject === actor ? '' : subjectOf(event, linkOf),
    html`<span class="nowrap">${instant(at)}</span><span class="sub">${relative(at, visit.now)}</span>`,
    requestId === null || !visit.may('requests.explain')
      ? ''
      : html`<a href="${explainPath(requestId)}" aria-label="Explain the request ${requestId}">Explain</a>`,
  ]
}

function subjectOf({ action, subject }: RecordedEvent, linkOf: Names['linkOf']): Html {
  if (action.startsWith('message.'))
    return html`<a href="/console/messages/${subject}">the message</a>`
  return action.startsWith('address.')
    ? html`<a href="${ADDRESSES}">the address list</a>`
    : linkOf(subject)
}
