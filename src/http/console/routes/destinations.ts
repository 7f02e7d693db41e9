import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { DestinationSummary } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { listPage } from '../list-page.ts'
import { accountNames, inOneAccount } from '../one-account.ts'
import { check, field, form, hidden, link, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { badge, empty, refused } from '../parts/words.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { optional, text, type Visit } from '../visit.ts'
import { methodChoices, methodOf, tokenField } from './agreement.ts'
import { ABOVE_DESTINATION, DESTINATIONS } from './paths.ts'
import { carried } from './tile.ts'

const NEW = `${DESTINATIONS}/new`

/** Who receives. */
export function mountDestinations(area: Area): void {
  area.show(DESTINATIONS, 'routes.read', list)
  area.show(
    NEW,
    'routes.write',
    inOneAccount((visit, accountId) => ask(visit, accountId, null)),
  )
  area.act(NEW, 'routes.write', async (visit) => {
    const accountId = text(visit, 'account')
    const added = await visit.desk.routes.addDestination({
      accountId,
      name: text(visit, 'name'),
      url: optional(visit, 'url'),
      token: optional(visit, 'token'),
      method: methodOf(visit),
      development: text(visit, 'development') === 'yes',
    })
    return added.ok
      ? seeOther(visit.c, `${DESTINATIONS}/${added.value.id}`, 'destination-added')
      : ask(visit, accountId, added.failure)
  })
}

async function list(visit: Visit): Promise<Response> {
  const { rows, pages } = await listPage(visit, visit.desk.routes.listDestinations)
  const accounts = await accountNames(visit, rows)
  const add = visit.may('routes.write') ? link(NEW, 'Add a destination', 'primary') : nothing
  const body =
    rows.length === 0
      ? html`<section class="card flush">${empty('No destinations yet', 'A destination is a system that receives messages at a URL. Add one, verify it, and subscribe a source to it.', add)}</section>`
      : html`<ul class="tiles">${rows.map((row) => tile(row, accounts))}</ul>${pages}`
  const about = 'Systems that receive messages, once they are verified.'
  return page(visit, { title: 'Destinations', about, actions: add }, body)
}

const tile = (
  { id, name, url, verifiedAt, development, accountId }: DestinationSummary,
  accounts: ReadonlyMap<string, string> | null,
): Html => html`
  <li class="card"><div class="stack tight"><h2><a href="${DESTINATIONS}/${id}">${name}</a></h2>
      <p class="row">${verifiedBadge(verifiedAt)}${development ? badge('Plain http allowed', 'warn') : nothing}</p></div>
    ${url === null ? html`<p class="soft">It has no URL yet.</p>` : carried('URL', url, name)}
    ${carried('destination id', id, name)}
    ${accounts === null ? nothing : html`<p class="small soft">${accounts.get(accountId)}</p>`}</li>`

export const verifiedBadge = (verifiedAt: number | null): Html =>
  verifiedAt === null ? badge('Not verified', 'warn') : badge('Verified', 'good')

function ask(visit: Visit, accountId: string, refusal: Refusal | null): Promise<Response> {
  const body = html`${refused(messageOf(refusal))}<section class="card">${form(
    visit.formToken,
    NEW,
    html`${hidden('account', accountId)}
      ${field({ name: 'name', label: 'Name', value: text(visit, 'name'), hint: 'What people call the system that receives.', required: true, autofocus: true })}
      ${field({ name: 'url', label: 'URL', type: 'text', value: text(visit, 'url'), hint: 'Messages are posted here, by https. It can be set later: until then nothing is sent.', spellcheck: false })}
      ${tokenField('Both sides know it. It goes with every message, so that the destination knows who sends. It is kept sealed and never shown again.')}
      ${methodChoices(text(visit, 'method') || 'POST')}
      ${check({ name: 'development', label: 'For development: plain http is good enough. Never for patients’ data.', checked: text(visit, 'development') === 'yes' })}
      <div class="row">${submit('Add the destination')}${link(DESTINATIONS, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  const head = { title: 'Add a destination', crumbs: ABOVE_DESTINATION }
  return page(visit, head, body, statusOf(refusal))
}
