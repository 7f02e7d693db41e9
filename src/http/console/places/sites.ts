import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { Site } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { listPage } from '../list-page.ts'
import { accountNames, inOneAccount } from '../one-account.ts'
import { field, form, hidden, link, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import { empty, plural, refused } from '../parts/words.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { text, type Visit } from '../visit.ts'
import { ABOVE_SITES, SITES } from './paths.ts'
import { mountSite } from './site.ts'

/** The places of an organization: clinics, offices, hospitals. */
export function mountSites(area: Area): void {
  area.show(SITES, 'places.read', list)
  area.show(
    `${SITES}/new`,
    'places.write',
    inOneAccount((visit, id) => ask(visit, id, null)),
  )
  area.act(`${SITES}/new`, 'places.write', async (visit) => {
    const accountId = text(visit, 'account')
    const made = await visit.desk.places.addSite({ accountId, name: text(visit, 'name') })
    return made.ok
      ? seeOther(visit.c, `${SITES}/${made.value.id}`, 'site-added')
      : ask(visit, accountId, made.failure)
  })
  mountSite(area)
}

async function list(visit: Visit): Promise<Response> {
  const { places } = visit.desk
  const { rows, pages } = await listPage(visit, places.listSites)
  const [counted, names] = await Promise.all([
    places.countKeys(
      'site',
      rows.map(({ id }) => id),
    ),
    accountNames(visit, rows),
  ])
  const keysOf = new Map(counted.map(({ id, keys }) => [id, keys]))
  const add = visit.may('places.write') ? link(`${SITES}/new`, 'Add a site', 'primary') : nothing
  const body =
    rows.length === 0
      ? empty(
          'No sites yet',
          'A site is a clinic, an office or a hospital. Keys of some dialects belong to one.',
          add,
        )
      : html`<section class="card flush">${table({
          caption: 'Sites, the oldest first',
          columns: [
            { name: 'Site' },
            ...(names === null ? [] : [{ name: 'Account' }]),
            { name: 'Keys', end: true },
            { name: 'Added', end: true },
          ],
          rows: rows.map((site) => [
            html`<a href="${SITES}/${site.id}">${site.name}</a>`,
            ...(names === null ? [] : [names.get(site.accountId) ?? '']),
            keysLink(site, keysOf.get(site.id) ?? 0),
            moment(site.createdAt, visit.now),
          ]),
        })}${pages}</section>`
  const about = 'Clinics, offices and hospitals. Keys of some dialects belong to one.'
  return page(visit, { title: 'Sites', about, actions: rows.length === 0 ? nothing : add }, body)
}

const keysLink = ({ id, name }: Site, keys: number): Html | string =>
  keys === 0
    ? '0'
    : html`<a href="/console/keys?site=${id}" aria-label="${plural(keys, 'key')} of ${name}">${keys}</a>`

function ask(visit: Visit, accountId: string, refusal: Refusal | null): Promise<Response> {
  const body = html`${refused(messageOf(refusal))}<section class="card">${form(
    visit.formToken,
    `${SITES}/new`,
    html`${hidden('account', accountId)}
      ${field({ name: 'name', label: 'Name', value: text(visit, 'name'), hint: 'As people there call it: North Clinic, Maple Street.', required: true, autofocus: true })}
      <div class="row">${submit('Add the site')}${link(SITES, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  return page(visit, { title: 'Add a site', crumbs: ABOVE_SITES }, body, statusOf(refusal))
}
