import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { KeySummary } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { form, link, submit } from '../parts/form.ts'
import { empty, refused } from '../parts/words.ts'
import { statusOf } from '../refusal.ts'
import { text, type Visit } from '../visit.ts'
import type { KeyScreenDeps } from './deps.ts'
import { crumbsOf, KEYS, pathOf } from './paths.ts'
import { choiceOrId, listSites } from './places.ts'
import { showKey } from './show.ts'
import { withKey } from './with-key.ts'

/** An office takes an Open Dental key into use, and gives it back. */
export function mountAssign(area: Area, deps: KeyScreenDeps): void {
  area.show(
    `${KEYS}/:id/assign`,
    'keys.write',
    withKey((visit, key) => ask(visit, key, null)),
  )

  area.act(
    `${KEYS}/:id/assign`,
    'keys.write',
    withKey(async (visit, key) => {
      const assigned = await visit.desk.keys.assign(key.id, text(visit, 'site'))
      return assigned.ok
        ? seeOther(visit.c, pathOf(key), 'key-assigned')
        : ask(visit, key, assigned.failure)
    }),
  )

  area.act(
    `${KEYS}/:id/unassign`,
    'keys.write',
    withKey(async (visit, key) => {
      const taken = await visit.desk.keys.assign(key.id, null)
      return taken.ok
        ? seeOther(visit.c, pathOf(key), 'key-unassigned')
        : showKey(deps, visit, key, taken.failure)
    }),
  )
}

async function ask(visit: Visit, key: KeySummary, refusal: Refusal | null): Promise<Response> {
  const found = await listSites(visit)
  const value = text(visit, 'site') || (key.siteId ?? '')
  const body = html`${refused(refusal?.message ?? null)}
    <section class="card">${
      found?.length === 0
        ? empty(
            'No site yet',
            'A key is assigned to a site: make the office’s first.',
            link('/console/sites', 'To the sites', 'primary'),
          )
        : form(
            visit.formToken,
            `${pathOf(key)}/assign`,
            html`
            ${choiceOrId({ name: 'site', label: 'Site', value, found, hint: 'The office that takes it into use. From the next request on it opens its data.' })}
            <div class="row">${submit('Assign the key')}${link(pathOf(key), 'Cancel', 'quiet')}</div>`,
          )
    }</section>`
  const head = { title: 'Assign to an office', crumbs: crumbsOf(key) }
  return page(visit, head, body, statusOf(refusal))
}
