import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { Site } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { confirm } from '../confirm.ts'
import { accountNames } from '../one-account.ts'
import { link } from '../parts/form.ts'
import { nothing } from '../parts/html.ts'
import { instant } from '../parts/time.ts'
import { copyable, facts, plural, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { changeSeen, messageOf, statusOf } from '../refusal.ts'
import { part, text, type Visit } from '../visit.ts'
import { nameForm } from './name-form.ts'
import { ABOVE_SITES, SITES } from './paths.ts'

/** One site: its name, its keys, its end. */
export function mountSite(area: Area): void {
  area.show(`${SITES}/:id`, 'places.read', (visit) => show(visit, null))

  area.act(`${SITES}/:id/rename`, 'places.write', async (visit) => {
    const { places } = visit.desk
    const [id, name] = [part(visit, 'id'), text(visit, 'name')]
    const renamed = await changeSeen(visit, await places.findSite(id), {
      textOf: (row) => row.name,
      wished: name,
      change: () => places.renameSite(id, name),
    })
    return renamed.ok
      ? seeOther(visit.c, `${SITES}/${id}`, 'renamed')
      : show(visit, renamed.failure)
  })

  area.show(`${SITES}/:id/remove`, 'places.write', (visit) => ask(visit, null))
  area.act(`${SITES}/:id/remove`, 'places.write', async (visit) => {
    const removed = await visit.desk.places.removeSite(part(visit, 'id'))
    return removed.ok ? seeOther(visit.c, SITES, 'site-removed') : ask(visit, removed.failure)
  })
}

async function show(visit: Visit, refusal: Refusal | null): Promise<Response> {
  const { places } = visit.desk
  const found = await places.findSite(part(visit, 'id'))
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const site = found.value
  const [counted, names] = await Promise.all([
    places.countKeys('site', [site.id]),
    accountNames(visit, [site]),
  ])
  const keys = counted[0]?.keys ?? 0
  const body = html`${refused(messageOf(refusal))}
    <div class="columns">
      <section class="card"><h2>Facts</h2>${facts([
        ['Site id', copyable(site.id, 'the site id')],
        ...(names === null ? [] : ([['Account', names.get(site.accountId) ?? '']] as const)),
        [
          'Keys',
          keys === 0
            ? 'None yet'
            : html`<a href="/console/keys?site=${site.id}">${plural(keys, 'key')}</a>`,
        ],
        ['Added', instant(site.createdAt)],
      ])}</section>
      ${visit.may('places.write') ? html`<section class="card"><h2>Rename</h2>${changes(visit, site, keys, refusal)}</section>` : nothing}
    </div>`
  return page(visit, { title: site.name, crumbs: ABOVE_SITES }, body, statusOf(refusal))
}

const changes = (visit: Visit, site: Site, keys: number, refusal: Refusal | null) => html`
  ${nameForm(visit, `${SITES}/${site.id}/rename`, site.name, refusal)}
  <details class="more"><summary>Remove the site</summary>
    <p>Only a site that no key ever belonged to can be removed. ${
      keys === 0
        ? link(`${SITES}/${site.id}/remove`, 'Remove it', 'danger compact')
        : 'This one has keys: it stays.'
    }</p>
  </details>`

async function ask(visit: Visit, refusal: Refusal | null): Promise<Response> {
  const found = await visit.desk.places.findSite(part(visit, 'id'))
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const { id, name } = found.value
  const back = `${SITES}/${id}`
  return confirm(visit, {
    title: `Remove ${name}?`,
    crumbs: [...ABOVE_SITES, { href: back, text: name }],
    text: 'Only a site that no key ever belonged to can be removed. It leaves every list; the audit keeps what it was. This cannot be undone, but a site of the same name can be added.',
    button: 'Remove the site',
    look: 'danger primary',
    back,
    refusal,
  })
}
