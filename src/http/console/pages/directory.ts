import { html } from 'hono/html'
import type { Developer, Site } from '../../../service/ports/accounts.ts'
import type { KeyListItem } from '../../../service/ports/lists.ts'
import { actionButton, buttonLink } from '../components/form.ts'
import {
  badge,
  copyableText,
  emptyState,
  formatCount,
  formatDay,
  type Html,
  nothing,
  relativeTime,
} from '../components/html.ts'
import { pager, table } from '../components/table.ts'
import { getOptionalField, type PageContext } from '../context.ts'
import {
  DEVELOPERS_PATH,
  formatKeyPath,
  KEYS_PATH,
  NEW_KEY_PATH,
  SITES_PATH,
} from '../navigation.ts'
import { findKeysObstacle, mountCreation } from '../resource/changes.ts'
import { loadKeyCounts, mountList } from '../resource/list.ts'
import { mountPage, type ResourcePage } from '../resource/page.ts'
import type { Resource } from '../resource/resource.ts'
import type { ConsoleRouter } from '../router.ts'

const SITES: Resource<Site> = {
  group: 'sites',
  noun: 'site',
  path: SITES_PATH,
  find: ({ services }, id) => services.sites.find(id),
  getName: ({ name }) => name,
}

/** The pages of sites: clinics, offices and hospitals. */
export function mountSitePages(router: ConsoleRouter): void {
  mountList(router, SITES, {
    load: ({ services }, page) => services.sites.list(page),
    loadColumns: async ({ services }, rows) => {
      const getKeyCount = await loadKeyCounts(services.sites, rows)
      return [{ name: 'Keys', end: true, cell: (site) => keysLink(site, getKeyCount(site)) }]
    },
  })
  mountCreation(router, SITES)
  mountPage(router, SITES, {
    edits: ['rename'],
    actions: [
      {
        verb: 'delete',
        isDangerous: true,
        findObstacle: ({ id }, context) =>
          findKeysObstacle(
            context,
            { siteId: id },
            `${KEYS_PATH}?site=${id}`,
            'Unassign those that an office took into use. Xenrad-style keys stay with their site.',
          ),
      },
    ],
    loadParts: async ({ services }, site) => {
      const getKeyCount = await loadKeyCounts(services.sites, [site])
      const link = html`<a href="${KEYS_PATH}?site=${site.id}">${formatCount(getKeyCount(site), 'key')}</a>`
      return { facts: [['Keys', link]] }
    },
  })
}

const keysLink = ({ id, name }: Site, count: number) =>
  html`<a href="${KEYS_PATH}?site=${id}" aria-label="${formatCount(count, 'key')} of ${name}">${count}</a>`

const DEVELOPERS: Resource<Developer> = {
  group: 'developers',
  noun: 'developer',
  path: DEVELOPERS_PATH,
  find: ({ services }, id) => services.developers.find(id),
  getName: ({ name }) => name,
  cells: {
    developerKey: ({ name, developerKey }) =>
      copyableText(developerKey, `the developer key of ${name}`),
  },
}

/** The pages of developers, whose programs offices use. */
export function mountDeveloperPages(router: ConsoleRouter): void {
  mountList(router, DEVELOPERS, {
    load: ({ services }, page) => services.developers.list(page),
    loadColumns: async ({ services }, rows) => {
      const getKeyCount = await loadKeyCounts(services.developers, rows)
      return [{ name: 'Keys', end: true, cell: (developer) => String(getKeyCount(developer)) }]
    },
  })
  mountCreation(router, DEVELOPERS)
  mountPage(router, DEVELOPERS, DEVELOPER_PAGE)
}

const CUSTOMER_KEY_PAGE_SIZE = 50
/** A developer has one, and a second one during a change. */
const MAX_PORTAL_KEYS = 10

const DEVELOPER_PAGE: ResourcePage<Developer> = {
  reads: ['keys.list'],
  edits: ['rename'],
  actions: [
    {
      verb: 'delete',
      isDangerous: true,
      findObstacle: ({ id }, context) =>
        findKeysObstacle(
          context,
          { developerId: id },
          `${KEYS_PATH}?developer=${id}`,
          'They stay with their developer: revoke those that are to end.',
        ),
    },
  ],
  loadParts: async (context, developer) => {
    const { keys } = context.services
    const criteria = { developerId: developer.id, order: 'newest' } as const
    const [portal, customers] = await Promise.all([
      keys.search({ ...criteria, keyType: 'opendental-portal', limit: MAX_PORTAL_KEYS }),
      keys.search({
        ...criteria,
        keyType: 'opendental',
        after: getOptionalField(context, 'after'),
        limit: CUSTOMER_KEY_PAGE_SIZE,
      }),
    ])
    return {
      cards: portalKeyCard(context, developer, portal.keys),
      wideCards: customerKeysCard(context, developer, customers),
      actions: context.canPerform('keys.create')
        ? buttonLink(
            formatNewDeveloperKeyPath(developer, 'opendental'),
            'Create customer key',
            'primary',
          )
        : nothing,
    }
  },
}

/** The developer's customer keys, one page of them. */
const customerKeysCard = (
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
const portalKeyCard = (
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
const formatNewDeveloperKeyPath = (
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
