import { html } from 'hono/html'
import {
  formatIpAddress,
  isInNetworks,
  parseIpAddress,
  parseKnownNetworks,
} from '../../../domain/ip-network.ts'
import type { Account, AllowlistEntry } from '../../../service/ports/accounts.ts'
import type { ServiceError } from '../../../service/service-result.ts'
import { withAccount } from '../account-selection.ts'
import {
  actionButton,
  buttonLink,
  hiddenField,
  postForm,
  submitButton,
  textField,
} from '../components/form.ts'
import {
  copyableText,
  emptyState,
  errorNotice,
  formatCount,
  type Html,
  nothing,
  notice,
  relativeTime,
} from '../components/html.ts'
import { table } from '../components/table.ts'
import { getField, getOptionalField, type PageContext } from '../context.ts'
import { renderError, toErrorMessage, toErrorStatus } from '../errors.ts'
import { IP_ALLOWLIST_PATH } from '../navigation.ts'
import { redirectToPage, renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'
import { confirmFirstEntry, mountAllowlistChanges } from './allowlist-preview.ts'

/** The pages of an account's IP allowlist. */
export function mountAllowlistPages(router: ConsoleRouter): void {
  router.page(
    IP_ALLOWLIST_PATH,
    'ip-allowlist.list',
    withAccount((context, id) => showAllowlist(context, id, null)),
  )
  router.form(IP_ALLOWLIST_PATH, 'ip-allowlist.add', addEntry)
  mountAllowlistChanges(router)
}

async function addEntry(context: PageContext): Promise<Response> {
  const { accounts, ipAllowlist } = context.services
  const accountId = getField(context, 'account')
  const input = { network: getField(context, 'network'), note: getField(context, 'note') }
  const account = await accounts.find(accountId)
  if (!account.ok) return renderError(context.c, context.caller, 'not_found')
  // An empty list blocks nobody. The first address of an enforced list blocks all others.
  if (account.value.ipAllowlistEnforced && getOptionalField(context, 'confirmed') === undefined) {
    const entries = await ipAllowlist.list(accountId)
    const isNetwork = parseKnownNetworks([input.network]).length > 0
    if (entries.length === 0 && isNetwork) return confirmFirstEntry(context, account.value, input)
  }
  const result = await ipAllowlist.add({ accountId, ...input })
  return result.ok
    ? redirectToPage(context.c, IP_ALLOWLIST_PATH, 'ip-allowlist.add')
    : showAllowlist(context, accountId, result.failure)
}

async function showAllowlist(
  context: PageContext,
  accountId: string,
  error: ServiceError | null,
): Promise<Response> {
  const { accounts, ipAllowlist } = context.services
  const [result, entries] = await Promise.all([
    accounts.find(accountId),
    ipAllowlist.list(accountId),
  ])
  if (!result.ok) return renderError(context.c, context.caller, 'not_found')
  const account = result.value
  const canWrite = context.can('ip_allowlist.write')
  const body = html`${errorNotice(toErrorMessage(error))}
    <div class="columns">
      <div class="stack">${enforcementNotice(account, entries)}
        <section class="card"><h2>Your address</h2>${callerAddress(context, account, entries)}</section></div>
      ${canWrite ? html`<section class="card"><h2>Add an entry</h2>${addEntryForm(context, account, error)}</section>` : nothing}
    </div>
    <section class="card flush">${entries.length === 0 ? emptyAllowlist : entryTable(context, entries)}</section>`
  const heading = {
    heading: 'IP allowlist',
    about: `The networks from which the keys of ${account.name} work. The console itself works from any address.`,
    actions: canWrite ? enforcementLink(account) : nothing,
  }
  return renderPage(context, heading, body, toErrorStatus(error))
}

function enforcementNotice(
  { name, ipAllowlistEnforced }: Account,
  entries: readonly AllowlistEntry[],
): Html {
  if (!ipAllowlistEnforced) {
    return notice('plain', 'Not enforced', `The keys of ${name} work from any address.`)
  }
  return entries.length === 0
    ? notice(
        'warn',
        'Enforced, but the list is empty',
        `The keys of ${name} work from any address. The first entry blocks all other addresses.`,
      )
    : notice(
        'good',
        'Enforced',
        `The keys of ${name} work only from the listed networks. Requests from other addresses are refused.`,
      )
}

const enforcementLink = ({ ipAllowlistEnforced }: Account): Html =>
  ipAllowlistEnforced
    ? buttonLink(`${IP_ALLOWLIST_PATH}/stop-enforcing`, 'Stop enforcing')
    : buttonLink(`${IP_ALLOWLIST_PATH}/enforce`, 'Enforce list', 'primary')

/** The caller's own address, with a button that adds it, so that nobody mistypes it. */
function callerAddress(
  context: PageContext,
  account: Account,
  entries: readonly AllowlistEntry[],
): Html {
  const parsed = parseIpAddress(context.caller.address)
  if (parsed === null) return html`<p>The server cannot determine your address.</p>`
  const address = formatIpAddress(parsed)
  const isListed = isInNetworks(parseKnownNetworks(entries.map(({ network }) => network)), parsed)
  const addButton =
    context.can('ip_allowlist.write') && !isListed
      ? actionButton(context.formToken, IP_ALLOWLIST_PATH, 'Add my address', {
          label: `Add my address: ${address}`,
          fields: {
            account: account.id,
            network: address,
            note: `Address of ${context.session.user.username ?? context.session.user.email}`,
          },
        })
      : nothing
  return html`<p>Your address is ${copyableText(address, 'your address')}</p>
    <p>${isListed ? 'It is on the list.' : 'It is not on the list.'}</p>${addButton}`
}

const addEntryForm = (context: PageContext, { id }: Account, error: ServiceError | null): Html => {
  const getTypedValue = (name: string) => (error === null ? '' : getField(context, name))
  return postForm(
    context.formToken,
    IP_ALLOWLIST_PATH,
    html`${hiddenField('account', id)}
      ${textField({ name: 'network', label: 'Address or network', value: getTypedValue('network'), hint: 'For example 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32.', required: true, spellcheck: false })}
      ${textField({ name: 'note', label: 'Note', value: getTypedValue('note'), hint: 'Who uses it, so that you know when it can be removed.' })}
      <div class="row">${submitButton('Add entry')}</div>`,
  )
}

const emptyAllowlist = emptyState(
  'The list is empty',
  'An empty list restricts nothing. Add the addresses from which keys are used, then enforce the list.',
)

function entryTable(context: PageContext, entries: readonly AllowlistEntry[]): Html {
  const canWrite = context.can('ip_allowlist.write')
  return table({
    caption: formatCount(entries.length, 'entry', 'entries'),
    columns: [
      { name: 'Address or network' },
      { name: 'Note' },
      { name: 'Added', end: true },
      ...(canWrite ? [{ name: 'Action', end: true }] : []),
    ],
    rows: entries.map(({ id, network, note, createdAt }) => [
      html`<code>${network}</code>`,
      note,
      relativeTime(createdAt, context.now),
      ...(canWrite
        ? [
            html`<a class="button compact danger" href="${IP_ALLOWLIST_PATH}/${id}/delete" aria-label="Remove ${network}">Remove</a>`,
          ]
        : []),
    ]),
  })
}
