import { html } from 'hono/html'
import type { Developer } from '../../../../service/ports/accounts.ts'
import type { KeyListItem } from '../../../../service/ports/lists.ts'
import { actionButton, buttonLink } from '../../components/form.ts'
import { badge, emptyState, type Html, nothing } from '../../components/html.ts'
import { pager, table } from '../../components/table.ts'
import { formatDay, relativeTime } from '../../components/time.ts'
import { getOptionalField, type PageContext } from '../../context.ts'
import { DEVELOPERS_PATH, formatKeyPath, NEW_KEY_PATH } from '../../navigation.ts'

/** The developer's customer keys, one page of them. */
export const customerKeysCard = (
  context: PageContext,
  { id }: Developer,
  { keys, next }: { readonly keys: readonly KeyListItem[]; readonly next: string | null },
): Html => {
  const developerPath = `${DEVELOPERS_PATH}/${id}`
  return html`<section class="card flush">${keys.length === 0 ? emptyCustomerKeys : customerKeyTable(context, developerPath, keys)}
    ${customerKeyPager(context, developerPath, next)}</section>`
}

function customerKeyPager(context: PageContext, developerPath: string, next: string | null): Html {
  const isFirst = getOptionalField(context, 'after') === undefined
  if (isFirst && next === null) return nothing
  return pager({
    summary: 'Customer keys',
    first: isFirst ? undefined : developerPath,
    next: next === null ? undefined : `${developerPath}?after=${encodeURIComponent(next)}`,
  })
}

const emptyCustomerKeys = emptyState(
  'No customer keys yet',
  'Each office that uses the program has one. The program creates them with its portal key, or you create one here.',
)

/** The developer's portal keys, or a link that creates one. */
export const portalKeyCard = (
  context: PageContext,
  developer: Developer,
  keys: readonly KeyListItem[],
): Html => {
  const activeKeys = keys.filter(({ status }) => status !== 'revoked')
  const content =
    activeKeys.length > 0
      ? html`<p>The developer’s program creates and lists customer keys with it.</p>${activeKeys.map((key) => portalKeyRow(context, key))}`
      : html`<p>There is none. The developer’s program needs one to create and list customer keys.</p>${
          context.canPerform('keys.create')
            ? html`<p>${buttonLink(formatNewDeveloperKeyPath(developer, 'opendental-portal'), 'Create portal key', 'primary')}</p>`
            : nothing
        }`
  return html`<section class="card"><h2>Portal key</h2>${content}</section>`
}

/** The form of a new key of this developer. */
export const formatNewDeveloperKeyPath = (
  { id, accountId }: Developer,
  keyType: 'opendental' | 'opendental-portal',
): string =>
  `${NEW_KEY_PATH}?${new URLSearchParams({ 'key-type': keyType, account: accountId, developer: id })}`

const portalKeyRow = (context: PageContext, key: KeyListItem): Html => html`
  <div class="row spread"><span><a href="${formatKeyPath(key)}">${key.name}</a> ${customerKeyStatusBadge(key)}
    <span class="small soft">${lastUsedText(context, key)}</span></span>${
      context.canPerform('keys.rotateSecret')
        ? buttonLink(`${formatKeyPath(key)}/rotate-secret`, 'Rotate secret', 'compact')
        : nothing
    }</div>`

const lastUsedText = (context: PageContext, { lastUsedAt }: KeyListItem): Html =>
  lastUsedAt === null ? html`never used` : html`used ${relativeTime(lastUsedAt, context.now)}`

function customerKeyStatusBadge({ status, disabledBy }: KeyListItem): Html {
  switch (status) {
    case 'enabled':
      return badge('Enabled', 'good')
    case 'disabled':
      return badge(disabledBy === 'operator' ? 'Disabled' : `Disabled by its ${disabledBy}`, 'warn')
    case 'revoked':
      return badge('Revoked', 'bad')
  }
}

const customerKeyTable = (
  context: PageContext,
  developerPath: string,
  keys: readonly KeyListItem[],
): Html =>
  table({
    caption: 'Customer keys, newest first',
    columns: [
      { name: 'Key' },
      { name: 'Office' },
      { name: 'Status' },
      { name: 'Last used' },
      ...(context.canPerform('keys.edit') ? [{ name: 'Action' }] : []),
    ],
    rows: keys.map((key) => [
      html`<a href="${formatKeyPath(key)}">${key.name}</a>${key.reference === '' ? nothing : html`<span class="sub">${key.reference}</span>`}`,
      assignedSiteCell(key),
      customerKeyStatusBadge(key),
      key.lastUsedAt === null ? 'Never' : relativeTime(key.lastUsedAt, context.now),
      ...(context.canPerform('keys.edit') ? [customerKeyActions(context, developerPath, key)] : []),
    ]),
  })

const assignedSiteCell = ({ siteName, assignedAt, siteId }: KeyListItem): Html | string =>
  siteId === null
    ? html`<span class="soft">None: it gives access to no data yet</span>`
    : html`${siteName ?? 'An office of another account'}${assignedAt === null ? nothing : html` <span class="sub">since ${formatDay(assignedAt)}</span>`}`

function customerKeyActions(
  { formToken }: PageContext,
  developerPath: string,
  key: KeyListItem,
): Html | string {
  if (key.status === 'revoked') return ''
  const keyPath = formatKeyPath(key)
  const compactButton = (verb: string, text: string, label: string, variant = 'compact') =>
    actionButton(formToken, `${keyPath}/${verb}`, text, {
      variant,
      label,
      fields: { next: developerPath },
    })
  return html`<div class="row">${
    key.siteId === null
      ? html`<a class="button compact" href="${keyPath}/assign?next=${developerPath}" aria-label="Assign ${key.name} to an office">Assign</a>`
      : compactButton('unassign', 'Unassign', `Unassign ${key.name}`)
  }${
    key.status === 'enabled'
      ? compactButton('disable', 'Disable', `Disable ${key.name}`, 'compact danger')
      : key.disabledBy === 'operator'
        ? compactButton('enable', 'Enable', `Enable ${key.name}`)
        : nothing
  }</div>`
}
