import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { KeySummary, Source } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { link } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { instant } from '../parts/time.ts'
import { badge, copyable, empty, facts, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { changeSeen, messageOf, statusOf } from '../refusal.ts'
import { part, text, type Visit } from '../visit.ts'
import { itsFeeds } from './its-feeds.ts'
import { nameForm } from './name-form.ts'
import { ABOVE_SOURCE, FEEDS, SOURCES } from './paths.ts'

const HERE = `${SOURCES}/:id`

/** One source: its key, and where its messages go. */
export function mountSource(area: Area): void {
  area.show(HERE, 'routes.read', (visit) => show(visit, null))
  area.act(`${HERE}/rename`, 'routes.write', async (visit) => {
    const id = part(visit, 'id')
    const name = text(visit, 'name')
    const renamed = await changeSeen(visit, await visit.desk.routes.findSource(id), {
      textOf: (row) => row.name,
      wished: name,
      change: () => visit.desk.routes.renameSource(id, name),
    })
    return renamed.ok
      ? seeOther(visit.c, `${SOURCES}/${id}`, 'source-renamed')
      : show(visit, renamed.failure)
  })
}

async function show(visit: Visit, refusal: Refusal | null): Promise<Response> {
  const { routes } = visit.desk
  const id = part(visit, 'id')
  const [found, key] = await Promise.all([routes.findSource(id), routes.findKeyOf(id)])
  if (!found.ok || !key.ok) return problem(visit.c, visit.caller, 'not_found')
  const source = found.value
  const mayWrite = visit.may('routes.write')
  const subscribe = mayWrite
    ? link(`${FEEDS}/new?source=${id}`, 'Subscribe to a destination', 'primary')
    : nothing
  const body = html`${refused(messageOf(refusal))}
    <div class="columns">
      <section class="card"><h2>Facts</h2>${facts([
        ['Source id', copyable(id, 'the source id')],
        ['Key', keyOf(visit, source, key.value)],
        ['Added', instant(source.createdAt)],
        ['Messages', html`<a href="/console/messages?source=${id}">What it has sent</a>`],
      ])}</section>
      ${mayWrite ? html`<section class="card"><h2>Rename</h2>${nameForm(visit, `${SOURCES}/${id}/rename`, source.name, refusal)}</section>` : nothing}
    </div>
    ${await itsFeeds(visit, { sourceId: id }, 'Where its messages go', () =>
      empty(
        'It is not subscribed to anything',
        'What it sends is refused until it is subscribed to a destination.',
        subscribe,
      ),
    )}`
  const test = visit.may('messages.send')
    ? link(`/console/messages/test?source=${id}`, 'Send a test message')
    : nothing
  const head = { title: source.name, crumbs: ABOVE_SOURCE, actions: html`${test}${subscribe}` }
  return page(visit, head, body, statusOf(refusal))
}

function keyOf(visit: Visit, { id, accountId }: Source, key: KeySummary | null): Html {
  if (key !== null)
    return html`<a href="/console/keys/${key.id}">${key.name}</a> ${key.status === 'enabled' ? badge('Enabled', 'good') : badge(key.status === 'disabled' ? 'Disabled' : 'Revoked', 'bad')}`
  const wish = new URLSearchParams({ dialect: 'redox', account: accountId, source: id })
  return html`${badge('None', 'warn')} Nobody can send as it.${
    visit.may('keys.write')
      ? html` <a href="/console/keys/new?${wish.toString()}">Make a key for it</a>`
      : nothing
  }`
}
