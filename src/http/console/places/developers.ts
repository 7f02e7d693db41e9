import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { listPage } from '../list-page.ts'
import { accountNames, inOneAccount } from '../one-account.ts'
import { field, form, hidden, link, submit } from '../parts/form.ts'
import { nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import { copyable, empty, refused } from '../parts/words.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { optional, text, type Visit } from '../visit.ts'
import { mountCustomerKeys } from './customer-keys.ts'
import { mountDeveloper } from './developer.ts'
import { ABOVE_DEVELOPERS, DEVELOPERS } from './paths.ts'
import { mountPortalKey, type PortalKeyDeps } from './portal-key.ts'

/** Who writes programs that offices take into use. */
export function mountDevelopers(area: Area, deps: PortalKeyDeps): void {
  area.show(DEVELOPERS, 'places.read', list)
  area.show(
    `${DEVELOPERS}/new`,
    'places.write',
    inOneAccount((visit, id) => ask(visit, id, null)),
  )
  area.act(`${DEVELOPERS}/new`, 'places.write', async (visit) => {
    const accountId = text(visit, 'account')
    const wish = { name: text(visit, 'name'), developerKey: optional(visit, 'developer-key') }
    const made = await visit.desk.places.addDeveloper({ accountId, ...wish })
    return made.ok
      ? seeOther(visit.c, `${DEVELOPERS}/${made.value.id}`, 'developer-added')
      : ask(visit, accountId, made.failure)
  })
  mountDeveloper(area)
  mountPortalKey(area, deps)
  mountCustomerKeys(area)
}

async function list(visit: Visit): Promise<Response> {
  const { places } = visit.desk
  const { rows, pages } = await listPage(visit, places.listDevelopers)
  const ids = rows.map(({ id }) => id)
  const [counted, names] = await Promise.all([
    places.countKeys('developer', ids),
    accountNames(visit, rows),
  ])
  const keysOf = new Map(counted.map(({ id, keys }) => [id, keys]))
  const add = visit.may('places.write')
    ? link(`${DEVELOPERS}/new`, 'Add a developer', 'primary')
    : nothing
  const body =
    rows.length === 0
      ? empty(
          'No developers yet',
          'An Open Dental developer has a developer key for the program, and a customer key for each office that uses it.',
          add,
        )
      : html`<section class="card flush">${table({
          caption: 'Developers, the oldest first',
          columns: [
            { name: 'Developer' },
            ...(names === null ? [] : [{ name: 'Account' }]),
            { name: 'Developer key' },
            { name: 'Keys', end: true },
            { name: 'Added', end: true },
          ],
          rows: rows.map((developer) => [
            html`<a href="${DEVELOPERS}/${developer.id}">${developer.name}</a>`,
            ...(names === null ? [] : [names.get(developer.accountId) ?? '']),
            copyable(developer.developerKey, `the developer key of ${developer.name}`),
            String(keysOf.get(developer.id) ?? 0),
            moment(developer.createdAt, visit.now),
          ]),
        })}${pages}</section>`
  const about = 'Open Dental: a developer key for the program, a customer key for each office.'
  const actions = rows.length === 0 ? nothing : add
  return page(visit, { title: 'Developers', about, actions }, body)
}

function ask(visit: Visit, accountId: string, refusal: Refusal | null): Promise<Response> {
  const body = html`${refused(messageOf(refusal))}<section class="card">${form(
    visit.formToken,
    `${DEVELOPERS}/new`,
    html`${hidden('account', accountId)}
      ${field({ name: 'name', label: 'Name', value: text(visit, 'name'), required: true, autofocus: true })}
      ${field({
        name: 'developer-key',
        label: 'Developer key',
        value: text(visit, 'developer-key'),
        hint: 'Only if another system issued it already: 8 to 64 letters and digits. Left empty, one is made.',
        spellcheck: false,
      })}
      <div class="row">${submit('Add the developer')}${link(DEVELOPERS, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  return page(
    visit,
    { title: 'Add a developer', crumbs: ABOVE_DEVELOPERS },
    body,
    statusOf(refusal),
  )
}
