import { html } from 'hono/html'
import { isInNetworks, parseIpAddress, parseKnownNetworks } from '../../../domain/ip-network.ts'
import type { Account, AllowlistEntry } from '../../../service/ports/accounts.ts'
import { withAccount } from '../account-selection.ts'
import { buttonLink, hiddenField, postForm, submitButton } from '../components/form.ts'
import { badge, errorNotice, type Html, notice } from '../components/html.ts'
import { table } from '../components/table.ts'
import { relativeTime } from '../components/time.ts'
import { getField, getPathId, type PageContext } from '../context.ts'
import { renderError } from '../errors.ts'
import { IP_ALLOWLIST_CRUMBS, IP_ALLOWLIST_PATH } from '../navigation.ts'
import { redirectToPage, renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'

/** Each change that can lock callers out shows first which addresses it blocks. */
export function mountAllowlistChanges(router: ConsoleRouter): void {
  for (const [path, operation, isEnforced] of [
    ['enforce', 'ip-allowlist.enforce', true],
    ['stop-enforcing', 'ip-allowlist.stopEnforcing', false],
  ] as const) {
    router.page(
      `${IP_ALLOWLIST_PATH}/${path}`,
      [operation, 'ip-allowlist.seen'],
      withAccount((context, accountId) =>
        confirmEnforcement(context, accountId, isEnforced, false),
      ),
    )
    router.form(`${IP_ALLOWLIST_PATH}/${path}`, operation, async (context) => {
      const { ipAllowlist } = context.services
      const accountId = getField(context, 'account')
      if (formatEntries(await ipAllowlist.list(accountId)) !== getField(context, 'seen')) {
        return confirmEnforcement(context, accountId, isEnforced, true)
      }
      const result = await ipAllowlist.setEnforced(accountId, isEnforced)
      if (!result.ok) return renderError(context.c, context.caller, 'not_found')
      return redirectToPage(
        context.c,
        IP_ALLOWLIST_PATH,
        isEnforced ? 'ip-allowlist.enforce' : 'ip-allowlist.stopEnforcing',
      )
    })
  }

  router.page(
    `${IP_ALLOWLIST_PATH}/:id/delete`,
    'ip-allowlist.delete',
    withAccount((context, accountId) => confirmEntryDeletion(context, accountId, false)),
  )
  router.form(`${IP_ALLOWLIST_PATH}/:id/delete`, 'ip-allowlist.delete', async (context) => {
    const { ipAllowlist } = context.services
    const accountId = getField(context, 'account')
    if (formatEntries(await ipAllowlist.list(accountId)) !== getField(context, 'seen')) {
      return confirmEntryDeletion(context, accountId, true)
    }
    const result = await ipAllowlist.delete(getPathId(context, 'id'))
    return result.ok
      ? redirectToPage(context.c, IP_ALLOWLIST_PATH, 'ip-allowlist.delete')
      : renderError(context.c, context.caller, 'not_found')
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

async function confirmEnforcement(
  context: PageContext,
  accountId: string,
  isEnforced: boolean,
  isStale: boolean,
): Promise<Response> {
  const result = await context.services.accounts.find(accountId)
  if (!result.ok) return renderError(context.c, context.caller, 'not_found')
  const account = result.value
  const entries = await context.services.ipAllowlist.list(accountId)
  const preview = isEnforced
    ? {
        title: 'Enforce the list?',
        networks: entries.map(({ network }) => network),
        action: `${IP_ALLOWLIST_PATH}/enforce`,
        button: 'Enforce list',
      }
    : {
        title: `Stop enforcing the list of ${account.name}?`,
        networks: [],
        action: `${IP_ALLOWLIST_PATH}/stop-enforcing`,
        button: 'Stop enforcing',
      }
  return renderAllowlistPreview(context, isStale, { ...preview, account, entries })
}

async function confirmEntryDeletion(
  context: PageContext,
  accountId: string,
  isStale: boolean,
): Promise<Response> {
  const { accounts, ipAllowlist } = context.services
  const [result, entries] = await Promise.all([
    accounts.find(accountId),
    ipAllowlist.list(accountId),
  ])
  const entry = entries.find(({ id }) => id === getPathId(context, 'id'))
  if (!result.ok || entry === undefined) return renderError(context.c, context.caller, 'not_found')
  const remainingNetworks = entries
    .filter(({ id }) => id !== entry.id)
    .map(({ network }) => network)
  return renderAllowlistPreview(context, isStale, {
    title: `Remove ${entry.network}?`,
    about: entry.note === '' ? undefined : entry.note,
    account: result.value,
    networks: result.value.ipAllowlistEnforced ? remainingNetworks : [],
    entries,
    action: `${IP_ALLOWLIST_PATH}/${entry.id}/delete`,
    button: 'Remove entry',
  })
}

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
export async function renderAllowlistPreview(
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
  const networks = parseKnownNetworks(networkTexts)
  const isAllowed = (address: string) => {
    const parsed = parseIpAddress(address)
    return parsed !== null && isInNetworks(networks, parsed)
  }
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
export const formatEntries = (entries: readonly AllowlistEntry[]): string =>
  entries.map(({ network }) => network).join(' ')
