import { html } from 'hono/html'
import type { Account } from '../../../service/ports/accounts.ts'
import type { ServiceError } from '../../../service/service-result.ts'
import {
  accountStatusBadge,
  getAccountId,
  selectAccountButton,
  withAccount,
} from '../account-selection.ts'
import {
  actionButton,
  buttonLink,
  checkbox,
  postForm,
  radioGroup,
  submitButton,
  textField,
} from '../components/form.ts'
import {
  copyableText,
  definitionList,
  emptyState,
  errorNotice,
  type Html,
  nothing,
  notice,
} from '../components/html.ts'
import { renameForm, updateIfUnchanged } from '../components/rename-form.ts'
import { table } from '../components/table.ts'
import { exactTime, relativeTime } from '../components/time.ts'
import { mountConfirmedAction } from '../confirmation.ts'
import { getField, getOptionalField, getPathId, type PageContext } from '../context.ts'
import { renderError, toErrorMessage, toErrorStatus } from '../errors.ts'
import type { FlashName } from '../flash.ts'
import { loadListPage } from '../list-page.ts'
import {
  ACCOUNT_SELECTION_PATH,
  ACCOUNTS_CRUMBS,
  ACCOUNTS_PATH,
  CONSOLE_PATH,
  IP_ALLOWLIST_PATH,
  SETTINGS_PATH,
  USERS_PATH,
} from '../navigation.ts'
import { redirectToPage, renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'

/** The pages of accounts, for users who may see all of them. */
export function mountAccountPages(router: ConsoleRouter): void {
  router.page(ACCOUNTS_PATH, 'account.read', (context) => {
    if (context.can('accounts.read')) return showAccountList(context)
    // An operator who has selected one account may still go back to all of them.
    return context.selectedAccount === null
      ? renderError(context.c, context.caller, 'not_allowed')
      : showSelectedAccountNotice(context, context.selectedAccount.name)
  })
  router.page(`${ACCOUNTS_PATH}/new`, 'accounts.write', (context) => showAccountForm(context, null))
  router.form(`${ACCOUNTS_PATH}/new`, 'accounts.write', async (context) => {
    const otherRegion = getOptionalField(context, 'other-region') !== undefined
    const input = {
      name: getField(context, 'name'),
      region: getOptionalField(context, 'region'),
      otherRegion,
    }
    const result = await context.services.accounts.create(input)
    return result.ok
      ? redirectToPage(context.c, `${ACCOUNTS_PATH}/${result.value.id}`, 'account-created')
      : showAccountForm(context, result.failure)
  })
  mountAccountSettings(router)
  mountAccountStatus(router)
}

const showSelectedAccountNotice = (context: PageContext, name: string): Promise<Response> =>
  renderPage(
    context,
    { heading: 'Accounts' },
    html`${notice('warn', `You see ${name} alone`, 'The others are there as before.')}
      <p>${actionButton(context.formToken, ACCOUNT_SELECTION_PATH, 'See all accounts', { variant: 'primary', fields: { next: ACCOUNTS_PATH } })}</p>`,
  )

async function showAccountList(context: PageContext): Promise<Response> {
  const { rows, pagination } = await loadListPage(context, context.services.accounts.list)
  const createLink = buttonLink(`${ACCOUNTS_PATH}/new`, 'Create an account', 'primary')
  const body =
    rows.length === 0
      ? html`<section class="card flush">${emptyState(
          'No accounts yet',
          'An account is an organization: its people, keys and sites.',
          createLink,
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
            html`<a href="${ACCOUNTS_PATH}/${account.id}">${account.name}</a>`,
            accountStatusBadge(account),
            html`<code>${account.region}</code>`,
            relativeTime(account.createdAt, context.now),
            selectAccountButton(context, account, CONSOLE_PATH),
          ]),
        })}${pagination}</section>`
  const about = 'Every organization of this server.'
  return renderPage(context, { heading: 'Accounts', about, actions: createLink }, body)
}

function showAccountForm(context: PageContext, error: ServiceError | null): Promise<Response> {
  const body = html`${errorNotice(toErrorMessage(error)?.replace(' (otherRegion)', '') ?? null)}<section class="card">${postForm(
    context.formToken,
    `${ACCOUNTS_PATH}/new`,
    html`${textField({ name: 'name', label: 'Name of the organization', value: getField(context, 'name'), required: true, autofocus: true })}
      ${textField({ name: 'region', label: 'Region', value: getField(context, 'region'), hint: 'Where its data is to stay. Empty: this server’s own. It cannot be changed afterwards.', spellcheck: false })}
      ${checkbox({ name: 'other-region', label: 'Another server serves this region: its keys do not work here', checked: getOptionalField(context, 'other-region') !== undefined })}
      <div class="row">${submitButton('Create the account')}${buttonLink(ACCOUNTS_PATH, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  const crumbs = ACCOUNTS_CRUMBS
  return renderPage(context, { heading: 'Create an account', crumbs }, body, toErrorStatus(error))
}

const OFFBOARDING_CHOICES = [
  {
    value: 'keep',
    text: 'They go on working',
    hint: 'They are flagged until somebody else owns them.',
  },
  {
    value: 'disable',
    text: 'They are disabled',
    hint: 'The next request with one is refused.',
  },
] as const satisfies readonly { value: Account['offboardingPolicy']; text: string; hint: string }[]

/** The page of an account: as settings of the user's own, or as one of many for an operator. */
export function mountAccountSettings(router: ConsoleRouter): void {
  router.page(
    SETTINGS_PATH,
    'account.read',
    withAccount((context, id) => showAccount(context, id, null)),
  )
  router.page(`${ACCOUNTS_PATH}/:id`, 'accounts.read', (context) =>
    showAccount(context, getPathId(context, 'id'), null),
  )

  router.form(`${ACCOUNTS_PATH}/:id/rename`, 'account.write', async (context) => {
    const { accounts } = context.services
    const [id, name] = [getPathId(context, 'id'), getField(context, 'name')]
    const result = await updateIfUnchanged(context, await accounts.find(id), {
      getValue: (row) => row.name,
      newValue: name,
      update: () => accounts.rename(id, name),
    })
    return result.ok
      ? redirectToAccount(context, id, 'renamed')
      : showAccount(context, id, result.failure)
  })

  router.form(`${ACCOUNTS_PATH}/:id/offboarding-policy`, 'account.write', async (context) => {
    const id = getPathId(context, 'id')
    const choice = OFFBOARDING_CHOICES.find(
      ({ value }) => value === getField(context, 'offboarding-policy'),
    )
    if (choice === undefined) return showAccount(context, id, MISSING_CHOICE_ERROR)
    const result = await context.services.accounts.setOffboardingPolicy(id, choice.value)
    return result.ok
      ? redirectToAccount(context, id, 'offboarding-policy-set')
      : showAccount(context, id, result.failure)
  })
}

const MISSING_CHOICE_ERROR: ServiceError = {
  problem: 'invalid',
  message: 'choose what becomes of the keys',
}

const redirectToAccount = (context: PageContext, id: string, flash: FlashName): Response =>
  redirectToPage(
    context.c,
    getAccountId(context) === null ? `${ACCOUNTS_PATH}/${id}` : SETTINGS_PATH,
    flash,
  )

async function showAccount(
  context: PageContext,
  id: string,
  error: ServiceError | null,
): Promise<Response> {
  const result = await context.services.accounts.find(id)
  if (!result.ok) return renderError(context.c, context.caller, 'not_found')
  const account = result.value
  const isOneOfMany = getAccountId(context) === null
  const body = html`${errorNotice(toErrorMessage(error))}
    <div class="columns">
      <div class="stack">
        <section class="card"><h2>Details</h2>${definitionList([
          ['Account id', copyableText(account.id, 'the account id')],
          ['Status', accountStatusBadge(account)],
          ['Region', html`<code>${account.region}</code>`],
          [
            'IP allowlist',
            isOneOfMany
              ? describeAllowlist(account)
              : html`<a href="${IP_ALLOWLIST_PATH}">${describeAllowlist(account)}</a>`,
          ],
          ['Leavers’ keys', describeOffboarding(account)],
          ['Created', exactTime(account.createdAt)],
        ])}</section>
        ${isOneOfMany ? selectAccountCard(context, account) : nothing}
        ${context.can('account.write') ? renameCard(context, account, error) : nothing}
      </div>
      <div class="stack">
        ${context.can('account.write') ? offboardingCard(context, account) : nothing}
        ${isOneOfMany ? closeOrReopenCard(account) : nothing}
      </div>
    </div>`
  const heading = isOneOfMany
    ? { heading: account.name, crumbs: ACCOUNTS_CRUMBS }
    : { heading: 'Settings', about: account.name }
  return renderPage(context, heading, body, toErrorStatus(error))
}

const describeAllowlist = ({ ipAllowlistEnforced }: Account): string =>
  ipAllowlistEnforced ? 'the list is in force' : 'keys work from anywhere'

const describeOffboarding = ({ offboardingPolicy }: Account): string =>
  offboardingPolicy === 'keep' ? 'go on working, flagged' : 'are disabled with them'

const renameCard = (
  context: PageContext,
  { id, name }: Account,
  error: ServiceError | null,
): Html => html`
  <section class="card"><h2>Name</h2>${renameForm(context, `${ACCOUNTS_PATH}/${id}/rename`, name, context.input.has('name') ? error : null)}</section>`

const offboardingCard = (context: PageContext, account: Account): Html => html`
  <section class="card"><h2>Keys of deactivated users</h2>${postForm(
    context.formToken,
    `${ACCOUNTS_PATH}/${account.id}/offboarding-policy`,
    html`${radioGroup({ name: 'offboarding-policy', legend: 'What becomes of their keys?', value: account.offboardingPolicy, options: OFFBOARDING_CHOICES })}
      <div class="row">${submitButton('Save')}</div>`,
  )}</section>`

const selectAccountCard = (context: PageContext, account: Account): Html => html`
  <section class="card"><h2>Account switcher</h2>
    <p>See it alone, to work in it as its administrators do.</p>
    <div class="row">${selectAccountButton(context, account, CONSOLE_PATH, '')}${actionButton(context.formToken, ACCOUNT_SELECTION_PATH, 'Add a person', { fields: { account: account.id, next: `${USERS_PATH}/new` } })}</div></section>`

const closeOrReopenCard = ({ id, status }: Account): Html =>
  status === 'open'
    ? html`<section class="card"><h2>Danger zone</h2>
        <p>Its keys are refused and its people signed out. It can be opened again.</p>
        <p>${buttonLink(`${ACCOUNTS_PATH}/${id}/close`, 'Close the account', 'danger')}</p></section>`
    : html`<section class="card"><h2>Reopen the account</h2>
        <p>Its keys work again and its people can sign in.</p>
        <p>${buttonLink(`${ACCOUNTS_PATH}/${id}/reopen`, 'Reopen the account')}</p></section>`

const STATUS_CHANGES = {
  close: {
    newStatus: 'closed',
    title: (name: string) => `Close ${name}?`,
    text: 'Every key of it is refused from the next request on, and all its people are signed out and cannot sign in. Nothing is deleted: it can be opened again.',
    button: 'Close the account',
    variant: 'danger primary',
    flash: 'account-closed',
  },
  reopen: {
    newStatus: 'open',
    title: (name: string) => `Open ${name} again?`,
    text: 'Every key that was not disabled or revoked by itself works again at the next request, and its people can sign in.',
    button: 'Open the account',
    variant: 'primary',
    flash: 'account-opened',
  },
} as const

/** Mounts the pages that close an account and open it again. */
function mountAccountStatus(router: ConsoleRouter): void {
  for (const [name, change] of Object.entries(STATUS_CHANGES)) {
    const { newStatus, title, flash, ...question } = change
    mountConfirmedAction(router, {
      path: `${ACCOUNTS_PATH}/:id/${name}`,
      permission: 'accounts.write',
      find: ({ services }, id) => services.accounts.find(id),
      question: (account) => ({
        ...question,
        heading: title(account.name),
        crumbs: [...ACCOUNTS_CRUMBS, { href: formatAccountPath(account), text: account.name }],
        cancelPath: formatAccountPath(account),
      }),
      run: ({ services }, id) => services.accounts.setStatus(id, newStatus),
      flash,
      next: (id) => formatAccountPath({ id }),
    })
  }
}

const formatAccountPath = ({ id }: Pick<Account, 'id'>) => `${ACCOUNTS_PATH}/${id}`
