import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { ListedKey } from '../../../service/ports/lists.ts'
import type { Developer } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { accountNames } from '../one-account.ts'
import { link, press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { pager, table } from '../parts/list.ts'
import { instant, moment } from '../parts/time.ts'
import { badge, copyable, empty, facts, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { messageOf, statusOf, unlessChanged } from '../refusal.ts'
import { optional, part, text, type Visit } from '../visit.ts'
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
    const now = await places.findDeveloper(id)
    const seen = unlessChanged(visit, now, now.ok ? now.value.name : '', name)
    const renamed = seen.ok ? await places.renameDeveloper(id, name) : seen
    return renamed.ok
      ? seeOther(visit.c, `${DEVELOPERS}/${id}`, 'renamed')
      : showDeveloper(visit, renamed.failure)
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
      ...{ ...of, dialect: 'opendental' },
      ...{ after: optional(visit, 'after'), limit: ROWS },
    }),
    accountNames(visit, [developer]),
  ])
  const here = `${DEVELOPERS}/${developer.id}`
  const body = html`${refused(messageOf(refusal))}
    <div class="columns">
      <section class="card"><h2>Who it is</h2>${facts([
        ['Developer key', copyable(developer.developerKey, 'the developer key')],
        ...(names === null ? [] : ([['Account', names.get(developer.accountId) ?? '']] as const)),
        ['Developer id', copyable(developer.id, 'the developer id')],
        ['Added', instant(developer.createdAt)],
      ])}
        <p class="small soft">The developer key is no secret by itself: requests carry it before a customer key.</p></section>
      <section class="card"><h2>Key for the portal</h2>${portalKeys(visit, developer, portal.keys)}</section>
      ${visit.may('places.write') ? html`<section class="card"><h2>Name</h2>${nameForm(visit, `${here}/rename`, developer.name, visit.given.has('name') ? refusal : null)}</section>` : nothing}
    </div>
    <section class="card flush">${customers.keys.length === 0 ? noCustomers : customerKeys(visit, here, customers.keys)}
      ${pagesOf(visit, here, customers.next)}</section>`
  const actions = visit.may('keys.write')
    ? link(newCustomerKey(developer), 'Create a customer key', 'primary')
    : nothing
  const head = { title: developer.name, crumbs: ABOVE_DEVELOPERS, actions }
  return page(visit, head, body, statusOf(refusal))
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

function portalKeys(visit: Visit, { id }: Developer, keys: readonly ListedKey[]): Html {
  const mayWrite = visit.may('keys.write')
  const living = keys.filter(({ status }) => status !== 'revoked')
  const create = link(`${DEVELOPERS}/${id}/portal-key/new`, 'Make a key for the portal', 'primary')
  if (living.length === 0) {
    return html`<p>There is none. With it the developer’s program makes and lists customer keys by itself.</p>${mayWrite ? html`<p>${create}</p>` : nothing}`
  }
  return html`<p>With it the developer’s program makes and lists customer keys by itself.</p>${living.map(
    (
      key,
    ) => html`<div class="row spread"><span><a href="/console/keys/${key.id}">${key.name}</a> ${statusOfKey(key)}
        <span class="small soft">${lastUsed(visit, key)}</span></span>${
          mayWrite
            ? link(`${DEVELOPERS}/${id}/portal-key/${key.id}/rotate`, 'Rotate it', 'compact')
            : nothing
        }</div>`,
  )}`
}

const lastUsed = (visit: Visit, { lastUsedAt }: ListedKey): Html =>
  lastUsedAt === null ? html`never used` : html`used ${moment(lastUsedAt, visit.now)}`

function statusOfKey({ status, disabledBy }: ListedKey): Html {
  switch (status) {
    case 'enabled':
      return badge('Enabled', 'good')
    case 'disabled':
      return badge(disabledBy === 'operator' ? 'Disabled' : `Disabled by its ${disabledBy}`, 'warn')
    case 'revoked':
      return badge('Revoked', 'bad')
  }
}

const customerKeys = (visit: Visit, here: string, keys: readonly ListedKey[]): Html =>
  table({
    caption: 'Customer keys, the newest first',
    columns: [
      { name: 'Key' },
      { name: 'Office' },
      { name: 'Status' },
      { name: 'Last used' },
      ...(visit.may('keys.write') ? [{ name: 'Action' }] : []),
    ],
    rows: keys.map((key) => [
      html`<a href="/console/keys/${key.id}">${key.name}</a>${key.reference === '' ? nothing : html`<span class="sub">${key.reference}</span>`}`,
      officeOf(key),
      statusOfKey(key),
      key.lastUsedAt === null ? 'Never' : moment(key.lastUsedAt, visit.now),
      ...(visit.may('keys.write') ? [actions(visit, here, key)] : []),
    ]),
  })

const officeOf = ({ siteName, assignedAt, siteId }: ListedKey): Html | string =>
  siteId === null
    ? html`<span class="soft">None: it opens no data yet</span>`
    : html`${siteName ?? 'An office of another account'}${assignedAt === null ? nothing : html`<span class="sub">since ${instant(assignedAt)}</span>`}`

function actions({ formToken }: Visit, here: string, key: ListedKey): Html | string {
  if (key.status === 'revoked') return ''
  const of = `${here}/keys/${key.id}`
  const compact = (verb: string, text: string, what: string) =>
    press(formToken, `${of}/${verb}`, text, {
      look: 'compact',
      what,
      fields: { seen: key.eventId },
    })
  return html`<div class="row">${
    key.siteId === null
      ? html`<a class="button compact" href="${of}/assign" aria-label="Assign ${key.name} to an office">Assign</a>`
      : compact('take-back', 'Take back', `Take back ${key.name}`)
  }${
    key.status === 'enabled'
      ? compact('disable', 'Disable', `Disable ${key.name}`)
      : key.disabledBy === 'operator'
        ? compact('enable', 'Enable', `Enable ${key.name}`)
        : nothing
  }</div>`
}
