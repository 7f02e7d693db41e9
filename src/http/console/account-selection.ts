import { html } from 'hono/html'
import type { Account } from '../../service/ports/accounts.ts'
import {
  actionButton,
  buttonLink,
  formatDistinctNames,
  hiddenField,
  PICKER_ROW_LIMIT,
  resourcePicker,
  toPickerOptions,
} from './components/form.ts'
import { badge, emptyState, type Html } from './components/html.ts'
import { loadListPage, table } from './components/table.ts'
import type { PageContext } from './context.ts'
import { ACCOUNT_SELECTION_PATH, ACCOUNTS_PATH } from './navigation.ts'
import { renderPage } from './render.ts'
import type { PageHandler } from './router.ts'

/** The account that the user works in; null for an operator who sees all of them. */
export const getAccountId = ({ selectedAccount, session, can }: PageContext): string | null =>
  selectedAccount?.id ?? (can('accounts.read') ? null : session.account.id)

/** A page of one account. An operator who sees all accounts chooses one first. */
export const withAccount =
  (
    handler: (context: PageContext, accountId: string) => Promise<Response> | Response,
  ): PageHandler =>
  (context) => {
    const accountId = getAccountId(context)
    return accountId === null ? showAccountChoice(context) : handler(context, accountId)
  }

/** The account of a new row: a choice for operators who see all accounts. */
export async function accountField(
  context: PageContext,
  name: string,
  value: string,
): Promise<Html> {
  const accountId = getAccountId(context)
  if (accountId !== null) return hiddenField(name, value || accountId)
  const accounts = await context.services.accounts.list({ limit: PICKER_ROW_LIMIT })
  const options = toPickerOptions(accounts)
  return resourcePicker({ name, label: 'Account', value, options, required: true })
}

async function showAccountChoice(context: PageContext): Promise<Response> {
  const { rows, pagination } = await loadListPage(context, context.services.accounts.list)
  const names = formatDistinctNames(rows)
  const body =
    rows.length === 0
      ? html`<section class="card flush">${emptyState(
          'No account yet',
          'Create an account first.',
          buttonLink(`${ACCOUNTS_PATH}/new`, 'Create account', 'primary'),
        )}</section>`
      : html`<section class="card flush">${table({
          caption: 'Choose the account to show',
          columns: [{ name: 'Account' }, { name: 'Status' }, { name: 'Action', end: true }],
          rows: rows.map((account) => [
            names.get(account.id) ?? account.name,
            accountStatusBadge(account),
            selectAccountButton(context, account, names, context.path),
          ]),
        })}${pagination}</section>`
  return renderPage(
    context,
    { heading: 'Account switcher', about: 'This page shows one account at a time.' },
    body,
  )
}

export const selectAccountButton = (
  context: PageContext,
  { id, name }: Account,
  names: ReadonlyMap<string, string>,
  next: string,
  variant = 'compact',
) =>
  actionButton(context.formToken, ACCOUNT_SELECTION_PATH, 'Choose', {
    variant,
    label: `Choose ${names.get(id) ?? name}`,
    fields: { account: id, next },
  })

export const accountStatusBadge = ({ status }: Pick<Account, 'status'>) =>
  status === 'open' ? badge('Open', 'good') : badge('Closed', 'bad')

/** The names of the accounts of these rows; null if the user sees only one account. */
export async function findAccountNames(
  context: PageContext,
  rows: readonly { readonly accountId?: string }[],
): Promise<ReadonlyMap<string, string> | null> {
  if (getAccountId(context) !== null || rows.every((row) => row.accountId === undefined))
    return null
  const ids = [...new Set(rows.flatMap(({ accountId }) => accountId ?? []))]
  const results = await Promise.all(ids.map(context.services.accounts.find))
  return formatDistinctNames(results.flatMap((result) => (result.ok ? [result.value] : [])))
}
