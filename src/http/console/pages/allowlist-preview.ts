import { html } from 'hono/html'
import { isInNetworkTexts } from '../../../domain/ip-network.ts'
import { getOperation } from '../../../operations/registry.ts'
import type { Account, AllowlistEntry } from '../../../service/ports/accounts.ts'
import { withAccount } from '../account-selection.ts'
import { buttonLink, hiddenField, postForm, submitButton } from '../components/form.ts'
import { badge, errorNotice, type Html, notice, relativeTime } from '../components/html.ts'
import { table } from '../components/table.ts'
import { getField, getPathId, type PageContext } from '../context.ts'
import { renderError } from '../errors.ts'
import { getFlash } from '../flash.ts'
import { IP_ALLOWLIST_CRUMBS, IP_ALLOWLIST_PATH } from '../navigation.ts'
import { redirectToPage, renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'

/** A change of the list that can lock callers out. */
interface AllowlistChange {
  readonly verb: 'enforce' | 'stopEnforcing' | 'delete'
  readonly path: string
  /** Returns null if the entry in the path does not exist. */
  readonly preview: (
    account: Account,
    entries: readonly AllowlistEntry[],
    entryId: string,
  ) => Pick<AllowlistPreview, 'title' | 'about' | 'networks' | 'button'> | null
}

const ALLOWLIST_CHANGES: readonly AllowlistChange[] = [
  {
    verb: 'enforce',
    path: 'enforce',
    preview: (_, entries) => ({
      title: 'Enforce the list?',
      networks: entries.map(({ network }) => network),
      button: 'Enforce list',
    }),
  },
  {
    verb: 'stopEnforcing',
    path: 'stop-enforcing',
    preview: ({ name }) => ({
      title: `Stop enforcing the list of ${name}?`,
      networks: [],
      button: 'Stop enforcing',
    }),
  },
  {
    verb: 'delete',
    path: ':id/delete',
    preview: ({ ipAllowlistEnforced }, entries, entryId) => {
      const entry = entries.find(({ id }) => id === entryId)
      if (entry === undefined) return null
      const others = entries.filter(({ id }) => id !== entryId).map(({ network }) => network)
      return {
        title: `Remove ${entry.network}?`,
        about: entry.note === '' ? undefined : entry.note,
        networks: ipAllowlistEnforced ? others : [],
        button: 'Remove entry',
      }
    },
  },
]

/** Each change that can lock callers out shows first which addresses it blocks. */
export function mountAllowlistChanges(router: ConsoleRouter): void {
  for (const change of ALLOWLIST_CHANGES) {
    const operation = getOperation(`ip-allowlist.${change.verb}`)
    const path = `${IP_ALLOWLIST_PATH}/${change.path}`
    router.page(
      path,
      [operation.id, 'ip-allowlist.seen'],
      withAccount((context, accountId) => confirmChange(context, accountId, change, false)),
    )
    router.form(path, operation.id, async (context) => {
      const accountId = getField(context, 'account')
      const entries = await context.services.ipAllowlist.list(accountId)
      if (formatEntries(entries) !== getField(context, 'seen'))
        return confirmChange(context, accountId, change, true)
      const result = await context.perform(operation, { id: getPathId(context) || accountId })
      return result.ok
        ? redirectToPage(context.c, IP_ALLOWLIST_PATH, getFlash(operation))
        : renderError(context.c, context.caller, 'not_found')
    })
  }
}

async function confirmChange(
  context: PageContext,
  accountId: string,
  { preview }: AllowlistChange,
  isStale: boolean,
): Promise<Response> {
  const { accounts, ipAllowlist } = context.services
  const [account, entries] = await Promise.all([
    accounts.find(accountId),
    ipAllowlist.list(accountId),
  ])
  const change = account.ok ? preview(account.value, entries, getPathId(context)) : null
  if (!account.ok || change === null) return renderError(context.c, context.caller, 'not_found')
  return renderAllowlistPreview(context, isStale, {
    ...change,
    account: account.value,
    entries,
    action: context.path,
  })
}

/** Asks before the first address of an enforced list, which blocks all others. */
export const confirmFirstEntry = (
  context: PageContext,
  account: Account,
  entry: { readonly network: string; readonly note: string },
): Promise<Response> =>
  renderAllowlistPreview(context, false, {
    title: `Let the keys of ${account.name} work only from ${entry.network}?`,
    account,
    networks: [entry.network],
    entries: [],
    action: IP_ALLOWLIST_PATH,
    fields: { ...entry, confirmed: 'yes' },
    button: 'Add entry and block all others',
  })

/** A change of the allowlist, and the form that confirms it. */
interface AllowlistPreview {
  readonly title: string
  readonly about?: string | undefined
  readonly account: Account
  /** The networks that keys work from afterwards; empty for everywhere. */
  readonly networks: readonly string[]
  /** The list that the page shows. If it changes before the user confirms, the page asks again. */
  readonly entries: readonly AllowlistEntry[]
  readonly action: string
  readonly fields?: Readonly<Record<string, string>>
  readonly button: string
}

/** Renders the effect of a change, and a button that confirms it. */
async function renderAllowlistPreview(
  context: PageContext,
  isStale: boolean,
  preview: AllowlistPreview,
): Promise<Response> {
  const { title, about, account, networks, entries, action, fields = {}, button } = preview
  const staleMessage = isStale
    ? 'another user has changed the list since you opened this page. Check the effect again'
    : null
  const isRestricted = networks.length > 0
  const body = html`${errorNotice(staleMessage)}
    ${isRestricted ? await blockedAddressSection(context, account, networks) : unrestrictedNotice(preview)}
    ${postForm(
      context.formToken,
      action,
      html`${hiddenField('account', account.id)}${hiddenField('seen', formatEntries(entries))}
        ${Object.entries(fields).map(([name, value]) => hiddenField(name, value))}
        <div class="row">${submitButton(button, isRestricted ? 'danger primary' : 'primary')}${buttonLink(IP_ALLOWLIST_PATH, 'Cancel', 'quiet')}</div>`,
    )}`
  return renderPage(
    context,
    { heading: title, about, crumbs: IP_ALLOWLIST_CRUMBS },
    body,
    isStale ? 409 : 200,
  )
}

function unrestrictedNotice({ account, action, entries }: AllowlistPreview): Html {
  if (action.endsWith('/enforce')) {
    return notice(
      'warn',
      'The list is empty',
      'Nothing changes yet: keys continue to work from any address. The first entry then blocks all other addresses.',
    )
  }
  if (!account.ipAllowlistEnforced) {
    return notice(
      'plain',
      'The list is not enforced',
      action.endsWith('/delete')
        ? 'Keys work from any address, before and after.'
        : 'Keys work from any address already.',
    )
  }
  return notice(
    'warn',
    'Keys will work from any address',
    entries.length === 1 && action.endsWith('/delete')
      ? 'This is the last entry, and an empty list restricts nothing. Anyone who has a key can use it from any address.'
      : 'Anyone who has a key can use it from any address. The list is kept.',
  )
}

/** Shows which of the recent addresses the change blocks. */
async function blockedAddressSection(
  context: PageContext,
  account: Account,
  networkTexts: readonly string[],
): Promise<Html> {
  const recentAddresses = await context.services.ipAllowlist.listSeenAddresses(account.id)
  const isAllowed = (address: string) => isInNetworkTexts(networkTexts, address)
  const blocked = recentAddresses.filter(({ address }) => !isAllowed(address))
  const explanation = html`<p>From the next request on, the keys of ${account.name} work only from:</p>
    <p>${networkTexts.map((network, n) => html`${n === 0 ? '' : ', '}<code>${network}</code>`)}</p>
    <p>Requests from other addresses are refused, with every key, until their address is added.</p>`
  const warning =
    blocked.length > 0
      ? notice('bad', 'This blocks addresses that used keys recently', explanation)
      : notice('warn', 'Requests from other addresses are refused', explanation)
  const recentAddressCard =
    recentAddresses.length === 0
      ? html`<section class="card"><h2>Recent addresses</h2>
        <p>No token was requested within 30 days. For keys that are sent with every request, addresses are not recorded: ask their users before you continue.</p></section>`
      : html`<section class="card flush">${table({
          caption:
            'Addresses from which tokens were requested within 30 days. For keys that are sent with every request, addresses are not recorded.',
          columns: [{ name: 'Address' }, { name: 'Last seen' }, { name: 'Then' }],
          rows: recentAddresses.map(({ address, lastAt }) => [
            html`<code>${address}</code>`,
            relativeTime(lastAt, context.now),
            isAllowed(address) ? badge('Works', 'good') : badge('Refused', 'bad'),
          ]),
        })}</section>`
  return html`${warning}${recentAddressCard}`
}

/** Formats the list for the form field `seen`. */
const formatEntries = (entries: readonly AllowlistEntry[]): string =>
  entries.map(({ network }) => network).join(' ')
