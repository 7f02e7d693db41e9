import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { KeySummary } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { link } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { moment } from '../parts/time.ts'
import { badge, copyable, empty, facts, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { changeSeen, messageOf, statusOf } from '../refusal.ts'
import { part, text, type Visit } from '../visit.ts'
import { feedTable } from './feed-table.ts'
import { nameForm } from './name-form.ts'
import { ABOVE_SOURCE, FEEDS, SOURCES } from './paths.ts'

const HERE = `${SOURCES}/:id`
const MOST_FEEDS = 50

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
  const [found, key, feeds] = await Promise.all([
    routes.findSource(id),
    routes.findKeyOf(id),
    routes.listFeeds({ sourceId: id, limit: MOST_FEEDS + 1 }),
  ])
  if (!found.ok || !key.ok) return problem(visit.c, visit.caller, 'not_found')
  const source = found.value
  const mayWrite = visit.may('routes.write')
  const subscribe = mayWrite
    ? link(`${FEEDS}/new?source=${id}`, 'Subscribe it', 'primary')
    : nothing
  const body = html`${refused(messageOf(refusal))}
    <div class="columns">
      <section class="card"><h2>Facts</h2>${facts([
        ['Source id', copyable(id, 'the source id')],
        ['Key', keyOf(key.value)],
        ['Added', moment(source.createdAt, visit.now)],
        ['Messages', html`<a href="/console/messages?source=${id}">What it has sent</a>`],
      ])}</section>
      ${mayWrite ? html`<section class="card"><h2>Rename</h2>${nameForm(visit, `${SOURCES}/${id}/rename`, source.name, refusal)}</section>` : nothing}
    </div>
    <section class="card flush" aria-label="Feeds">${
      feeds.length === 0
        ? empty(
            'It is not subscribed to anything',
            'What it sends is refused until it is subscribed to a destination.',
            subscribe,
          )
        : html`${feedTable(visit, feeds.slice(0, MOST_FEEDS), 'Where its messages go')}${
            feeds.length > MOST_FEEDS
              ? html`<div class="pager"><a href="${FEEDS}?source=${id}">All of its feeds</a></div>`
              : nothing
          }`
    }</section>`
  const test = visit.may('messages.send')
    ? link(`/console/messages/test?source=${id}`, 'Send a test message')
    : nothing
  const head = { title: source.name, crumbs: ABOVE_SOURCE, actions: html`${test}${subscribe}` }
  return page(visit, head, body, statusOf(refusal))
}

const keyOf = (key: KeySummary | null): Html =>
  key === null
    ? html`${badge('none', 'warn')} Nobody can send as it. <a href="/console/keys/new">Make a key for it</a>`
    : html`<a href="/console/keys/${key.id}">${key.name}</a> ${key.status === 'enabled' ? badge('enabled', 'good') : badge(key.status, 'bad')}`
