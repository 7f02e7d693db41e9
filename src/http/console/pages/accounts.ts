import { html } from 'hono/html'
import type { Account } from '../../../service/ports/accounts.ts'
import {
  accountStatusBadge,
  getAccountId,
  selectAccountButton,
  withAccount,
} from '../account-selection.ts'
import { actionButton, buttonLink, formatDistinctNames, radioGroup } from '../components/form.ts'
import { type Html, notice } from '../components/html.ts'
import { loadListPage } from '../components/table.ts'
import type { PageContext } from '../context.ts'
import { renderError } from '../errors.ts'
import {
  ACCOUNT_SELECTION_PATH,
  ACCOUNTS_PATH,
  CONSOLE_PATH,
  IP_ALLOWLIST_PATH,
  SETTINGS_PATH,
  USERS_PATH,
} from '../navigation.ts'
import { renderPage } from '../render.ts'
import { mountCreation } from '../resource/changes.ts'
import { emptyList, renderList, resourceTable } from '../resource/list.ts'
import { mountPage, type ResourcePage, renderRow } from '../resource/page.ts'
import type { Resource } from '../resource/resource.ts'
import type { ConsoleRouter } from '../router.ts'

const OFFBOARDING_CHOICES = [
  {
    value: 'keep',
    text: 'Keep them',
    hint: 'They continue to work, and are flagged until another user owns them.',
  },
  { value: 'disable', text: 'Disable them', hint: 'Requests with them are refused.' },
] as const satisfies readonly { value: Account['offboardingPolicy']; text: string; hint: string }[]

const ACCOUNTS: Resource<Account> = {
  group: 'accounts',
  noun: 'account',
  path: ACCOUNTS_PATH,
  find: ({ services }, id) => services.accounts.find(id),
  getName: ({ name }) => name,
  formatPath: (context, id) =>
    getAccountId(context) === null ? `${ACCOUNTS_PATH}/${id}` : SETTINGS_PATH,
  cells: {
    status: accountStatusBadge,
    region: ({ region }) => html`<code>${region}</code>`,
    offboardingPolicy: ({ offboardingPolicy }) =>
      OFFBOARDING_CHOICES.find(({ value }) => value === offboardingPolicy)?.text ??
      offboardingPolicy,
    ipAllowlistEnforced: ({ ipAllowlistEnforced }, context) => {
      const text = ipAllowlistEnforced ? 'Enforced' : 'Not enforced'
      return getAccountId(context) === null
        ? text
        : html`<a href="${IP_ALLOWLIST_PATH}">${text}</a>`
    },
  },
  widgets: {
    offboardingPolicy: (_, value) =>
      radioGroup({
        name: 'offboardingPolicy',
        legend: 'Keys of deactivated users',
        value,
        options: OFFBOARDING_CHOICES,
      }),
  },
}

/** The pages of accounts, for operators, and the settings of one account. */
export function mountAccountPages(router: ConsoleRouter): void {
  router.page(ACCOUNTS_PATH, 'accounts.list', (context) => {
    if (getAccountId(context) === null) return showAccountList(context)
    // An operator who has selected one account may still go back to all of them.
    return context.selectedAccount === null
      ? renderError(context.c, context.caller, 'not_allowed')
      : showSelectedAccountNotice(context, context.selectedAccount.name)
  })
  mountCreation(router, ACCOUNTS)
  mountPage(router, ACCOUNTS, ACCOUNT_PAGE)
  router.page(
    SETTINGS_PATH,
    'accounts.show',
    withAccount((context, id) => renderRow(context, ACCOUNTS, ACCOUNT_PAGE, id)),
  )
}

const showSelectedAccountNotice = (context: PageContext, name: string): Promise<Response> =>
  renderPage(
    context,
    { heading: 'Accounts' },
    html`${notice('warn', `You see only ${name}`)}
      <p>${actionButton(context.formToken, ACCOUNT_SELECTION_PATH, 'Show all accounts', { variant: 'primary', fields: { next: ACCOUNTS_PATH } })}</p>`,
  )

async function showAccountList(context: PageContext): Promise<Response> {
  const { rows, pagination } = await loadListPage(context, context.services.accounts.list)
  const names = formatDistinctNames(rows)
  const nameCell = ({ id, name }: Account) => names.get(id) ?? name
  const loadColumns = async () => [
    {
      name: 'Action',
      cell: (account: Account) => selectAccountButton(context, account, names, CONSOLE_PATH),
    },
  ]
  const body =
    rows.length === 0
      ? emptyList(context, ACCOUNTS)
      : html`<section class="card flush">${await resourceTable(context, ACCOUNTS, rows, { nameCell, loadColumns })}${pagination}</section>`
  return renderList(context, ACCOUNTS, body)
}

const ACCOUNT_PAGE: ResourcePage<Account> = {
  edits: ['rename', 'setOffboardingPolicy'],
  actions: [
    { verb: 'close', isDangerous: true, isOffered: ({ status }) => status === 'open' },
    { verb: 'reopen', isOffered: ({ status }) => status === 'closed' },
    { verb: 'delete', isDangerous: true, isOffered: ({ status }) => status === 'closed' },
  ],
  loadParts: async (context, account) =>
    getAccountId(context) === null
      ? { cards: selectAccountCard(context, account) }
      : { heading: 'Settings', about: account.name, crumbs: undefined },
}

const selectAccountCard = (context: PageContext, account: Account): Html => html`
  <section class="card"><h2>Account switcher</h2>
    <p>See only this account, as its administrators do.</p>
    <div class="row">${selectAccountButton(context, account, formatDistinctNames([account]), CONSOLE_PATH, '')}${buttonLink(`${USERS_PATH}/new?accountId=${account.id}`, 'Add user')}</div></section>`
