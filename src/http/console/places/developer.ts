import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { Developer } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { confirm } from '../confirm.ts'
import { accountNames } from '../one-account.ts'
import { link } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { pager } from '../parts/list.ts'
import { instant } from '../parts/time.ts'
import { copyable, empty, facts, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { changeSeen, messageOf, statusOf } from '../refusal.ts'
import { optional, part, text, type Visit } from '../visit.ts'
import { customerKeys, portalKeys } from './developer-keys.ts'
import { nameForm } from './name-form.ts'
import { ABOVE_DEVELOPERS, DEVELOPERS } from './paths.ts'

const ROWS = 50
/** A developer has one, and another while he changes over. */
const PORTAL_KEYS = 10

export function mountDeveloper(area: Area): void {
  area.show(`${DEVELOPERS}/:id`, 'places.read', (visit) => showDeveloper(visit, null))

  area.act(`${DEVELOPERS}/:id/rename`, 'places.write', async (visit) => {
    const { places } = visit.desk
    const [id, name] = [part(visit, 'id'), text(visit, 'name')]
    const renamed = await changeSeen(visit, await places.findDeveloper(id), {
      textOf: (row) => row.name,
      wished: name,
      change: () => places.renameDeveloper(id, name),
    })
    return renamed.ok
      ? seeOther(visit.c, `${DEVELOPERS}/${id}`, 'renamed')
      : showDeveloper(visit, renamed.failure)
  })

  area.show(`${DEVELOPERS}/:id/remove`, 'places.write', (visit) => ask(visit, null))
  area.act(`${DEVELOPERS}/:id/remove`, 'places.write', async (visit) => {
    const removed = await visit.desk.places.removeDeveloper(part(visit, 'id'))
    return removed.ok
      ? seeOther(visit.c, DEVELOPERS, 'developer-removed')
      : ask(visit, removed.failure)
  })
}

/** A developer: his developer key, his key for the portal, and the keys of his customers. */
export async function showDeveloper(visit: Visit, refusal: Refusal | null): Promise<Response> {
  const { places, keys } = visit.desk
  const found = await places.findDeveloper(part(visit, 'id'))
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const developer = found.value
  const of = { developerId: developer.id, order: 'newest' } as const
  const [portal, customers, names] = await Promise.all([
    keys.search({ ...of, dialect: 'opendental-portal', limit: PORTAL_KEYS }),
    keys.search({
      ...of,
      dialect: 'opendental',
      after: optional(visit, 'after'),
      limit: ROWS,
    }),
    accountNames(visit, [developer]),
  ])
  const here = `${DEVELOPERS}/${developer.id}`
  const body = html`${refused(messageOf(refusal))}
    <div class="columns">
      <section class="card"><h2>Facts</h2>${facts([
        ['Developer key', copyable(developer.developerKey, 'the developer key')],
        ...(names === null ? [] : ([['Account', names.get(developer.accountId) ?? '']] as const)),
        ['Developer id', copyable(developer.id, 'the developer id')],
        ['Added', instant(developer.createdAt)],
      ])}
        <p class="small soft">The developer key is no secret: each request carries it, followed by a customer key.</p></section>
      <section class="card"><h2>Key for the portal</h2>${portalKeys(visit, developer, portal.keys)}</section>
    </div>
    <section class="card flush">${customers.keys.length === 0 ? noCustomers : customerKeys(visit, here, customers.keys)}
      ${pagesOf(visit, here, customers.next)}</section>
    ${visit.may('places.write') ? html`<section class="card prose"><h2>Rename</h2>${changes(visit, developer, visit.given.has('name') ? refusal : null)}</section>` : nothing}`
  const actions = visit.may('keys.write')
    ? link(newCustomerKey(developer), 'Create a customer key', 'primary')
    : nothing
  const head = { title: developer.name, crumbs: ABOVE_DEVELOPERS, actions }
  return page(visit, head, body, statusOf(refusal))
}

const changes = (visit: Visit, { id, name }: Developer, refusal: Refusal | null): Html => html`
  ${nameForm(visit, `${DEVELOPERS}/${id}/rename`, name, refusal)}
  <details class="more"><summary>Remove the developer</summary>
    <p>Only a developer that no key ever belonged to can be removed. ${link(`${DEVELOPERS}/${id}/remove`, 'Remove it', 'danger compact')}</p>
  </details>`

async function ask(visit: Visit, refusal: Refusal | null): Promise<Response> {
  const found = await visit.desk.places.findDeveloper(part(visit, 'id'))
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const { id, name } = found.value
  const back = `${DEVELOPERS}/${id}`
  return confirm(visit, {
    title: `Remove ${name}?`,
    crumbs: [...ABOVE_DEVELOPERS, { href: back, text: name }],
    text: 'The developer leaves every list, and the developer key with it. The audit keeps what they were. This cannot be undone.',
    button: 'Remove the developer',
    look: 'danger primary',
    back,
    refusal,
  })
}

const newCustomerKey = ({ id, accountId }: Developer) =>
  `/console/keys/new?${new URLSearchParams({ dialect: 'opendental', account: accountId, developer: id })}`

function pagesOf(visit: Visit, here: string, next: string | null): Html {
  const isFirst = optional(visit, 'after') === undefined
  if (isFirst && next === null) return nothing
  return pager({
    shown: 'Customer keys',
    first: isFirst ? undefined : here,
    next: next === null ? undefined : `${here}?after=${encodeURIComponent(next)}`,
  })
}

const noCustomers = empty(
  'No customer keys yet',
  'Each office that uses the program has one. The program makes them by the portal, or you make one here.',
)
