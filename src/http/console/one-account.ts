import { html } from 'hono/html'
import type { Account } from '../../service/ports.ts'
import { page } from './answer.ts'
import type { Screen } from './area.ts'
import { listPage } from './list-page.ts'
import { link, press } from './parts/form.ts'
import { table } from './parts/list.ts'
import { badge, empty } from './parts/words.ts'
import type { Visit } from './visit.ts'

/** The one account that somebody works in; null for an operator who sees all of them. */
export const accountIdOf = ({ narrowedTo, person, may }: Visit): string | null =>
  narrowedTo?.id ?? (may('accounts.read') ? null : person.account.id)

/** A screen of one account: who sees all of them is asked first which one he means. */
export const inOneAccount =
  (screen: (visit: Visit, accountId: string) => Promise<Response> | Response): Screen =>
  (visit) => {
    const accountId = accountIdOf(visit)
    return accountId === null ? ask(visit) : screen(visit, accountId)
  }

async function ask(visit: Visit): Promise<Response> {
  const { rows, pages } = await listPage(visit, visit.desk.accounts.list)
  const body =
    rows.length === 0
      ? html`<section class="card flush">${empty(
          'No account yet',
          'Everything here belongs to an account: create one first.',
          link('/console/accounts/new', 'Create an account', 'primary'),
        )}</section>`
      : html`<section class="card flush">${table({
          caption: 'You then see that one alone, until you choose to see all again',
          columns: [{ name: 'Account' }, { name: 'Status' }, { name: 'Action', end: true }],
          rows: rows.map((account) => [
            account.name,
            statusBadge(account),
            choose(visit, account, visit.path),
          ]),
        })}${pages}</section>`
  return page(
    visit,
    { title: 'Which account?', about: 'This page shows one account at a time.' },
    body,
  )
}

export const choose = (visit: Visit, { id, name }: Account, next: string, look = 'compact') =>
  press(visit.formToken, '/console/account', 'Choose', {
    look,
    what: `Choose ${name}`,
    fields: { account: id, next },
  })

export const statusBadge = ({ status }: Pick<Account, 'status'>) =>
  status === 'open' ? badge('Open', 'good') : badge('Closed', 'bad')

/** What the accounts of these rows are called; none where there is but one in sight. */
export async function accountNames(
  visit: Visit,
  rows: readonly { readonly accountId: string }[],
): Promise<ReadonlyMap<string, string> | null> {
  if (accountIdOf(visit) !== null) return null
  const ids = [...new Set(rows.map(({ accountId }) => accountId))]
  const found = await Promise.all(ids.map(visit.desk.accounts.find))
  return new Map(found.flatMap((each) => (each.ok ? [[each.value.id, each.value.name]] : [])))
}
