import { html } from 'hono/html'
import { namesOf } from '../audit/names.ts'
import { sentenceOf, titleOf, toneOf } from '../audit/sentence.ts'
import { link } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { timeline } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import type { Visit } from '../visit.ts'

const SHOWN = 20

/** What happened to a key, in words, the newest first. */
export async function history(visit: Visit, keyId: string): Promise<Html> {
  const events = await visit.desk.audit.list({
    subject: keyId,
    actionPrefix: 'key.',
    limit: SHOWN,
  })
  if (events.length === 0) return html`<p class="soft">Nothing is recorded of it.</p>`
  const { nameOf, linkOf } = await namesOf(visit, events)
  const happenings = events.map((event) => ({
    title: titleOf(event.action),
    tone: toneOf(event),
    when: moment(event.at, visit.now),
    // What a request met with is nobody's doing.
    text: html`${sentenceOf(event, nameOf)}${
      event.action === 'key.refused' ? nothing : html` By ${linkOf(event.actor)}.`
    }`,
  }))
  return html`${timeline(happenings)}${
    events.length < SHOWN
      ? nothing
      : html`<p>${link(`/console/audit?subject=${encodeURIComponent(keyId)}`, 'All of it in the audit', 'compact')}</p>`
  }`
}

/** The change that made a key what it is now, and by whom; null where it is long ago. */
export async function lastChange(
  visit: Visit,
  { id, eventId }: { readonly id: string; readonly eventId: string },
): Promise<Html | null> {
  // Whoever looked at the secret since has changed nothing.
  const recent = await visit.desk.audit.list({ subject: id, actionPrefix: 'key.', limit: SHOWN })
  const event = recent.find((each) => each.id === eventId)
  if (event === undefined) return null
  const { nameOf, linkOf } = await namesOf(visit, [event])
  const when = moment(event.at, visit.now)
  return html`${sentenceOf(event, nameOf)} By ${linkOf(event.actor)}, ${when}.`
}
