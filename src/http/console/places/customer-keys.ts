import { html } from 'hono/html'
import type { Done, Refusal } from '../../../service/operator.ts'
import type { KeySummary } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import type { Said } from '../look/said.ts'
import { accountNames } from '../one-account.ts'
import { form, hidden, link, select, submit } from '../parts/form.ts'
import { nothing } from '../parts/html.ts'
import { empty, notice, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { part, text, type Visit } from '../visit.ts'
import { showDeveloper } from './developer.ts'
import { ABOVE_DEVELOPERS, DEVELOPERS } from './paths.ts'

const HERE = `${DEVELOPERS}/:id/keys/:key`
/** So many a list to choose from still serves. */
const OFFICES = 500

const PRESSED: readonly {
  readonly verb: string
  readonly work: (visit: Visit, id: string) => Promise<Done<KeySummary>>
  readonly said: Said
}[] = [
  { verb: 'take-back', work: ({ desk }, id) => desk.keys.assign(id, null), said: 'key-unassigned' },
  { verb: 'disable', work: ({ desk }, id) => desk.keys.disable(id), said: 'key-disabled' },
  { verb: 'enable', work: ({ desk }, id) => desk.keys.enable(id), said: 'key-enabled' },
]

/** What becomes of the keys of a developer's customers. */
export function mountCustomerKeys(area: Area): void {
  for (const { verb, work, said } of PRESSED) {
    area.act(`${HERE}/${verb}`, 'keys.write', async (visit) => {
      const key = await customerKey(visit)
      if (key === null) return problem(visit.c, visit.caller, 'not_found')
      const done = await work(visit, key.id)
      return done.ok
        ? seeOther(visit.c, `${DEVELOPERS}/${part(visit, 'id')}`, said)
        : showDeveloper(visit, done.failure)
    })
  }

  area.show(`${HERE}/assign`, 'keys.write', (visit) => ask(visit, null))
  area.act(`${HERE}/assign`, 'keys.write', async (visit) => {
    const key = await customerKey(visit)
    if (key === null) return problem(visit.c, visit.caller, 'not_found')
    if (key.siteId !== text(visit, 'seen') && key.siteId !== null) return ask(visit, TAKEN)
    const assigned = await visit.desk.keys.assign(key.id, text(visit, 'site'))
    return assigned.ok
      ? seeOther(visit.c, `${DEVELOPERS}/${part(visit, 'id')}`, 'key-assigned')
      : ask(visit, assigned.failure)
  })
}

const TAKEN: Refusal = {
  problem: 'conflict',
  message:
    'somebody has assigned it to another office meanwhile, as you see here. Send the form again to move it to yours',
}

/** Of this developer, and of no other. */
async function customerKey(visit: Visit): Promise<KeySummary | null> {
  const found = await visit.desk.keys.find(part(visit, 'key'))
  const isHis =
    found.ok &&
    found.value.developerId === part(visit, 'id') &&
    found.value.dialect === 'opendental'
  return isHis ? found.value : null
}

async function ask(visit: Visit, refusal: Refusal | null): Promise<Response> {
  const { places } = visit.desk
  const [key, developer, sites] = await Promise.all([
    customerKey(visit),
    places.findDeveloper(part(visit, 'id')),
    places.listSites({ limit: OFFICES }),
  ])
  if (key === null || !developer.ok) return problem(visit.c, visit.caller, 'not_found')
  const names = await accountNames(visit, sites)
  const here = `${DEVELOPERS}/${developer.value.id}`
  const now = sites.find(({ id }) => id === key.siteId)
  const body = html`${refused(messageOf(refusal))}
    ${now === undefined ? nothing : notice('warn', `It is assigned to ${now.name}`, 'Assigning it to another office takes it from there.')}
    ${
      sites.length === 0
        ? empty(
            'There is no office yet',
            'An office is a site: add it first.',
            link('/console/sites/new', 'Add a site', 'primary'),
          )
        : html`<section class="card">${form(
            visit.formToken,
            `${here}/keys/${key.id}/assign`,
            html`${hidden('seen', key.siteId ?? '')}
              ${select({
                name: 'site',
                label: 'Office',
                value: text(visit, 'site'),
                hint: 'From now on the key opens the data of this office.',
                choices: sites.map(({ id, name, accountId }) => ({
                  value: id,
                  text: names === null ? name : `${name}, ${names.get(accountId) ?? ''}`,
                })),
              })}
              <div class="row">${submit('Assign it')}${link(here, 'Cancel', 'quiet')}</div>`,
          )}</section>`
    }`
  const crumbs = [...ABOVE_DEVELOPERS, { href: here, text: developer.value.name }]
  return page(visit, { title: `Assign ${key.name}`, crumbs }, body, statusOf(refusal))
}
