import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { Source } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { listPage } from '../list-page.ts'
import { accountNames, inOneAccount } from '../one-account.ts'
import { field, form, hidden, link, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { moment } from '../parts/time.ts'
import { empty, refused } from '../parts/words.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { text, type Visit } from '../visit.ts'
import { ABOVE_SOURCE, SOURCES } from './paths.ts'
import { carried } from './tile.ts'

/** Who sends: each source is a system of a vendor, and has one key. */
export function mountSources(area: Area): void {
  area.show(SOURCES, 'routes.read', list)
  area.show(
    `${SOURCES}/new`,
    'routes.write',
    inOneAccount((visit, accountId) => ask(visit, accountId, null)),
  )
  area.act(`${SOURCES}/new`, 'routes.write', async (visit) => {
    const accountId = text(visit, 'account')
    const added = await visit.desk.routes.addSource({ accountId, name: text(visit, 'name') })
    return added.ok
      ? seeOther(visit.c, `${SOURCES}/${added.value.id}`, 'source-added')
      : ask(visit, accountId, added.failure)
  })
}

async function list(visit: Visit): Promise<Response> {
  const { rows, pages } = await listPage(visit, visit.desk.routes.listSources)
  const accounts = await accountNames(visit, rows)
  const add = visit.may('routes.write')
    ? link(`${SOURCES}/new`, 'Add a source', 'primary')
    : nothing
  const body =
    rows.length === 0
      ? html`<section class="card flush">${empty('No sources yet', 'A source is a system that sends messages. Add one, make a key for it, and subscribe it to a destination.', add)}</section>`
      : html`<ul class="tiles">${rows.map((source) => tile(visit, source, accounts))}</ul>${pages}`
  return page(
    visit,
    { title: 'Sources', about: 'Systems that send messages, each with its own key.', actions: add },
    body,
  )
}

const tile = (
  visit: Visit,
  { id, name, accountId, createdAt }: Source,
  accounts: ReadonlyMap<string, string> | null,
): Html => html`
  <li class="card"><h2><a href="${SOURCES}/${id}">${name}</a></h2>
    ${carried('source id', id, name)}
    <p class="small soft">${accounts === null ? nothing : html`${accounts.get(accountId)} · `}Added ${moment(createdAt, visit.now)}</p></li>`

function ask(visit: Visit, accountId: string, refusal: Refusal | null): Promise<Response> {
  const body = html`${refused(messageOf(refusal))}<section class="card">${form(
    visit.formToken,
    `${SOURCES}/new`,
    html`${hidden('account', accountId)}
      ${field({ name: 'name', label: 'Name', value: text(visit, 'name'), hint: 'What people call the system that sends. Every message tells it to its destination.', required: true, autofocus: true })}
      <div class="row">${submit('Add the source')}${link(SOURCES, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  return page(visit, { title: 'Add a source', crumbs: ABOVE_SOURCE }, body, statusOf(refusal))
}
