import { html } from 'hono/html'
import type { Developer } from '../../../../service/ports/accounts.ts'
import type { KeyListItem } from '../../../../service/ports/lists.ts'
import type { ServiceError } from '../../../../service/service-result.ts'
import { findAccountNames } from '../../account-selection.ts'
import { actionButton, buttonLink } from '../../components/form.ts'
import {
  badge,
  copyableText,
  definitionList,
  emptyState,
  errorNotice,
  type Html,
  nothing,
} from '../../components/html.ts'
import { renameForm, updateIfUnchanged } from '../../components/rename-form.ts'
import { pager, table } from '../../components/table.ts'
import { exactTime, formatDay, relativeTime } from '../../components/time.ts'
import { mountConfirmedAction } from '../../confirmation.ts'
import { getField, getOptionalField, getPathId, type PageContext } from '../../context.ts'
import { renderError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import { DEVELOPERS_CRUMBS, DEVELOPERS_PATH, KEYS_PATH } from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'

const CUSTOMER_KEY_PAGE_SIZE = 50
/** A developer has one, and a second one during a change. */
const MAX_PORTAL_KEYS = 10

export function mountDeveloperPage(router: ConsoleRouter): void {
  router.page(`${DEVELOPERS_PATH}/:id`, 'places.read', (context) => showDeveloper(context, null))

  router.form(`${DEVELOPERS_PATH}/:id/rename`, 'places.write', async (context) => {
    const { developers } = context.services
    const [id, name] = [getPathId(context, 'id'), getField(context, 'name')]
    const result = await updateIfUnchanged(context, await developers.find(id), {
      getValue: (row) => row.name,
      newValue: name,
      update: () => developers.rename(id, name),
    })
    return result.ok
      ? redirectToPage(context.c, `${DEVELOPERS_PATH}/${id}`, 'renamed')
      : showDeveloper(context, result.failure)
  })

  mountConfirmedAction(router, {
    path: `${DEVELOPERS_PATH}/:id/remove`,
    permission: 'places.write',
    find: ({ services }, id) => services.developers.find(id),
    question: ({ id, name }) => ({
      heading: `Remove ${name}?`,
      crumbs: [...DEVELOPERS_CRUMBS, { href: `${DEVELOPERS_PATH}/${id}`, text: name }],
      text: 'The developer leaves every list, and the developer key with it. The audit keeps what they were. This cannot be undone.',
      button: 'Remove the developer',
      variant: 'danger primary',
      cancelPath: `${DEVELOPERS_PATH}/${id}`,
    }),
    run: ({ services }, id) => services.developers.delete(id),
    flash: 'developer-removed',
    next: () => DEVELOPERS_PATH,
  })
}

/** The page of a developer: the developer key, the portal key and the customer keys. */
export async function showDeveloper(
  context: PageContext,
  error: ServiceError | null,
): Promise<Response> {
  const { developers, keys } = context.services
  const result = await developers.find(getPathId(context, 'id'))
  if (!result.ok) return renderError(context.c, context.caller, 'not_found')
  const developer = result.value
  const criteria = { developerId: developer.id, order: 'newest' } as const
  const [portal, customers, names] = await Promise.all([
    keys.search({ ...criteria, keyType: 'opendental-portal', limit: MAX_PORTAL_KEYS }),
    keys.search({
      ...criteria,
      keyType: 'opendental',
      after: getOptionalField(context, 'after'),
      limit: CUSTOMER_KEY_PAGE_SIZE,
    }),
    findAccountNames(context, [developer]),
  ])
  const developerPath = `${DEVELOPERS_PATH}/${developer.id}`
  const body = html`${errorNotice(toErrorMessage(error))}
    <div class="columns">
      <section class="card"><h2>Details</h2>${definitionList([
        ['Developer key', copyableText(developer.developerKey, 'the developer key')],
        ...(names === null ? [] : ([['Account', names.get(developer.accountId) ?? '']] as const)),
        ['Developer id', copyableText(developer.id, 'the developer id')],
        ['Added', exactTime(developer.createdAt)],
      ])}
        <p class="small soft">The developer key is no secret: each request carries it, followed by a customer key.</p></section>
      <section class="card"><h2>Key for the portal</h2>${portalKeyList(context, developer, portal.keys)}</section>
    </div>
    <section class="card flush">${customers.keys.length === 0 ? emptyCustomerKeys : customerKeyTable(context, developerPath, customers.keys)}
      ${customerKeyPager(context, developerPath, customers.next)}</section>
    ${context.can('places.write') ? html`<section class="card prose"><h2>Rename</h2>${developerForms(context, developer, context.input.has('name') ? error : null)}</section>` : nothing}`
  const actions = context.can('keys.write')
    ? buttonLink(formatNewCustomerKeyPath(developer), 'Create a customer key', 'primary')
    : nothing
  const heading = { heading: developer.name, crumbs: DEVELOPERS_CRUMBS, actions }
  return renderPage(context, heading, body, toErrorStatus(error))
}

const developerForms = (
  context: PageContext,
  { id, name }: Developer,
  error: ServiceError | null,
): Html => html`
  ${renameForm(context, `${DEVELOPERS_PATH}/${id}/rename`, name, error)}
  <details class="more"><summary>Remove the developer</summary>
    <p>Only a developer that no key ever belonged to can be removed. ${buttonLink(`${DEVELOPERS_PATH}/${id}/remove`, 'Remove it', 'danger compact')}</p>
  </details>`

const formatNewCustomerKeyPath = ({ id, accountId }: Developer) =>
  `${KEYS_PATH}/new?${new URLSearchParams({ 'key-type': 'opendental', account: accountId, developer: id })}`

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
  'Each office that uses the program has one. The program makes them by the portal, or you make one here.',
)

/** The developer's portal keys, or a link that creates one. */
export function portalKeyList(
  context: PageContext,
  { id }: Developer,
  keys: readonly KeyListItem[],
): Html {
  const canWrite = context.can('keys.write')
  const activeKeys = keys.filter(({ status }) => status !== 'revoked')
  const createLink = buttonLink(
    `${DEVELOPERS_PATH}/${id}/portal-key/new`,
    'Make a key for the portal',
    'primary',
  )
  if (activeKeys.length === 0) {
    return html`<p>There is none. With it the developer’s program makes and lists customer keys by itself.</p>${canWrite ? html`<p>${createLink}</p>` : nothing}`
  }
  return html`<p>With it the developer’s program makes and lists customer keys by itself.</p>${activeKeys.map(
    (
      key,
    ) => html`<div class="row spread"><span><a href="${KEYS_PATH}/${key.id}">${key.name}</a> ${customerKeyStatusBadge(key)}
        <span class="small soft">${lastUsedText(context, key)}</span></span>${
          canWrite
            ? buttonLink(
                `${DEVELOPERS_PATH}/${id}/portal-key/${key.id}/rotate`,
                'Rotate',
                'compact',
              )
            : nothing
        }</div>`,
  )}`
}

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

/** The developer's customer keys, each with its office and actions. */
export const customerKeyTable = (
  context: PageContext,
  developerPath: string,
  keys: readonly KeyListItem[],
): Html =>
  table({
    caption: 'Customer keys, the newest first',
    columns: [
      { name: 'Key' },
      { name: 'Office' },
      { name: 'Status' },
      { name: 'Last used' },
      ...(context.can('keys.write') ? [{ name: 'Action' }] : []),
    ],
    rows: keys.map((key) => [
      html`<a href="${KEYS_PATH}/${key.id}">${key.name}</a>${key.reference === '' ? nothing : html`<span class="sub">${key.reference}</span>`}`,
      assignedSiteCell(key),
      customerKeyStatusBadge(key),
      key.lastUsedAt === null ? 'Never' : relativeTime(key.lastUsedAt, context.now),
      ...(context.can('keys.write') ? [customerKeyActions(context, developerPath, key)] : []),
    ]),
  })

const assignedSiteCell = ({ siteName, assignedAt, siteId }: KeyListItem): Html | string =>
  siteId === null
    ? html`<span class="soft">None: it opens no data yet</span>`
    : html`${siteName ?? 'An office of another account'}${assignedAt === null ? nothing : html` <span class="sub">since ${formatDay(assignedAt)}</span>`}`

function customerKeyActions(
  { formToken }: PageContext,
  developerPath: string,
  key: KeyListItem,
): Html | string {
  if (key.status === 'revoked') return ''
  const keyPath = `${developerPath}/keys/${key.id}`
  const compactButton = (verb: string, text: string, label: string, variant = 'compact') =>
    actionButton(formToken, `${keyPath}/${verb}`, text, {
      variant,
      label,
      fields: { seen: key.eventId },
    })
  return html`<div class="row">${
    key.siteId === null
      ? html`<a class="button compact" href="${keyPath}/assign" aria-label="Assign ${key.name} to an office">Assign</a>`
      : compactButton('take-back', 'Take back', `Take back ${key.name}`)
  }${
    key.status === 'enabled'
      ? compactButton('disable', 'Disable', `Disable ${key.name}`, 'compact danger')
      : key.disabledBy === 'operator'
        ? compactButton('enable', 'Enable', `Enable ${key.name}`)
        : nothing
  }</div>`
}
