import { html } from 'hono/html'
import { type Attention, EXPIRES_DAYS, type Some, UNUSED_DAYS } from '../../../service/overview.ts'
import type { ListedFeed, ListedKey } from '../../../service/ports/lists.ts'
import { type Html, nothing } from '../parts/html.ts'
import { moment } from '../parts/time.ts'
import { badge, plural } from '../parts/words.ts'
import type { Visit } from '../visit.ts'

/** What somebody should look after, each with the first few and a link to all of them. */
export async function attention(visit: Visit): Promise<Html> {
  const found = await visit.desk.overview.attention()
  const tiles = tilesOf(visit, found)
  return html`
  <section class="stack" aria-labelledby="attention"><h2 id="attention">What needs attention</h2>
    ${
      tiles.length === 0
        ? html`<p class="card">${badge('nothing', 'good')} No feed is stuck; no key is about to expire, unused, or owned by somebody who has left.</p>`
        : html`<ul class="tiles filling">${tiles}</ul>`
    }
  </section>`
}

function tilesOf(visit: Visit, { stuck, expiring, ownerLeft, unused }: Attention): Html[] {
  const keys = (
    title: string,
    some: Some<ListedKey>,
    care: string,
    tell: (key: ListedKey) => Html,
  ) =>
    tile({
      title,
      some,
      href: `/console/keys?care=${care}&status=enabled`,
      rowOf: (key) =>
        html`<a href="/console/keys/${key.id}">${key.name}</a> <span class="soft small">${tell(key)}</span>`,
    })
  return [
    tile({
      title: 'Feeds that are stuck',
      some: stuck,
      href: '/console/feeds?state=stuck',
      rowOf: (feed) =>
        html`<a href="/console/feeds/${feed.id}">${feed.source.name} → ${feed.destination.name}</a> <span class="soft small">${waiting(visit, feed)}</span>`,
    }),
    keys(`Keys that expire within ${EXPIRES_DAYS} days`, expiring, 'expiring', ({ expiresAt }) =>
      moment(expiresAt ?? visit.now, visit.now),
    ),
    keys('Keys whose owner has left', ownerLeft, 'owner-left', ({ owner }) => html`${owner.email}`),
    keys(`Keys not used for ${UNUSED_DAYS} days`, unused, 'unused', ({ lastUsedAt }) =>
      lastUsedAt === null ? html`never used` : moment(lastUsedAt, visit.now),
    ),
  ].flatMap((one) => (one === null ? [] : [one]))
}

const waiting = ({ now }: Visit, { queued, oldestAt }: ListedFeed): Html =>
  html`${plural(
    queued,
    'message',
  )} waiting${oldestAt === null ? nothing : html`, the oldest came ${moment(oldestAt, now)}`}`

function tile<T>(of: {
  readonly title: string
  readonly some: Some<T>
  readonly href: string
  readonly rowOf: (row: T) => Html
}): Html | null {
  const { count, more, told } = of.some
  if (count === 0) return null
  const all = `${count.toLocaleString('en')}${more ? ' and more' : ''}`
  const see = count > told.length ? `See all ${all}` : 'See them in the list'
  return html`
  <li class="card"><header><h3>${of.title}</h3>${badge(all, 'warn')}</header>
    <ul class="bare told">${told.map((row) => html`<li>${of.rowOf(row)}</li>`)}</ul>
    <p><a href="${of.href}" aria-label="${see}: ${of.title}">${see}</a></p></li>`
}
