import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { listPage } from '../list-page.ts'
import { choose, statusBadge } from '../one-account.ts'
import { check, field, form, link, press, submit } from '../parts/form.ts'
import { table } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import { empty, notice, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { optional, text, type Visit } from '../visit.ts'
import { ABOVE_ACCOUNTS, ACCOUNTS } from './paths.ts'
import { mountSettings } from './settings.ts'
import { mountStatus } from './status.ts'

/** The organizations of this server, for who sees them all. */
export function mountAccounts(area: Area): void {
  area.show(ACCOUNTS, 'account.read', (visit) => {
    if (visit.may('accounts.read')) return list(visit)
    // An operator who sees one account alone is told how to see the others again.
    return visit.narrowedTo === null
      ? problem(visit.c, visit.caller, 'not_allowed')
      : narrowed(visit, visit.narrowedTo.name)
  })
  area.show(`${ACCOUNTS}/new`, 'accounts.write', (visit) => ask(visit, null))
  area.act(`${ACCOUNTS}/new`, 'accounts.write', async (visit) => {
    const otherRegion = optional(visit, 'other-region') !== undefined
    const wish = { name: text(visit, 'name'), region: optional(visit, 'region'), otherRegion }
    const made = await visit.desk.accounts.create(wish)
    return made.ok
      ? seeOther(visit.c, `${ACCOUNTS}/${made.value.id}`, 'account-created')
      : ask(visit, made.failure)
  })
  mountSettings(area)
  mountStatus(area)
}

const narrowed = (visit: Visit, name: string): Promise<Response> =>
  page(
    visit,
    { title: 'Accounts' },
    html`${notice('warn', `You see ${name} alone`, 'The others are there as before.')}
      <p>${press(visit.formToken, '/console/account', 'See all accounts', { look: 'primary', fields: { next: ACCOUNTS } })}</p>`,
  )

async function list(visit: Visit): Promise<Response> {
  const { rows, pages } = await listPage(visit, visit.desk.accounts.list)
  const create = link(`${ACCOUNTS}/new`, 'Create an account', 'primary')
  const body =
    rows.length === 0
      ? html`<section class="card flush">${empty(
          'No accounts yet',
          'An account is an organization: its people, keys and sites.',
          create,
        )}</section>`
      : html`<section class="card flush">${table({
          caption: 'Accounts, the oldest first. Choose one to see it alone.',
          columns: [
            { name: 'Account' },
            { name: 'Status' },
            { name: 'Region' },
            { name: 'Created' },
            { name: 'Action', end: true },
          ],
          rows: rows.map((account) => [
            html`<a href="${ACCOUNTS}/${account.id}">${account.name}</a>`,
            statusBadge(account),
            html`<code>${account.region}</code>`,
            moment(account.createdAt, visit.now),
            choose(visit, account, '/console'),
          ]),
        })}${pages}</section>`
  const about = 'Every organization of this server.'
  return page(visit, { title: 'Accounts', about, actions: create }, body)
}

function ask(visit: Visit, refusal: Refusal | null): Promise<Response> {
  const body = html`${refused(messageOf(refusal)?.replace(' (otherRegion)', '') ?? null)}<section class="card">${form(
    visit.formToken,
    `${ACCOUNTS}/new`,
    html`${field({ name: 'name', label: 'Name of the organization', value: text(visit, 'name'), required: true, autofocus: true })}
      ${field({ name: 'region', label: 'Region', value: text(visit, 'region'), hint: 'Where its data is to stay. Empty: this server’s own. It cannot be changed afterwards.', spellcheck: false })}
      ${check({ name: 'other-region', label: 'Another server serves this region: its keys do not work here', checked: optional(visit, 'other-region') !== undefined })}
      <div class="row">${submit('Create the account')}${link(ACCOUNTS, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  const crumbs = ABOVE_ACCOUNTS
  return page(visit, { title: 'Create an account', crumbs }, body, statusOf(refusal))
}
