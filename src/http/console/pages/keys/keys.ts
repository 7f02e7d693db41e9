import { html } from 'hono/html'
import { DAY_MS } from '../../../../domain/instant.ts'
import type { KeyStatus } from '../../../../domain/key.ts'
import { KEY_TYPE_NAMES } from '../../../../domain/key-type.ts'
import type { KeyCriteria, KeyListItem, KeyOrder } from '../../../../service/ports/lists.ts'
import { sparkline } from '../../components/chart.ts'
import {
  buttonLink,
  type PickerOptions,
  resourcePicker,
  selectField,
  submitButton,
  textField,
} from '../../components/form.ts'
import {
  badge,
  emptyState,
  formatCount,
  type Html,
  nothing,
  relativeTime,
} from '../../components/html.ts'
import { type Column, formatListUrl, pager, table } from '../../components/table.ts'
import { getField, getOptionalField, getOptionalId, type PageContext } from '../../context.ts'
import { formatKeyPath, KEYS_PATH, NEW_KEY_PATH } from '../../navigation.ts'
import { renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { mountCreateKeyPages } from './create-key.ts'
import { mountEditKeyPages } from './edit-key.ts'
import { mountJwksTest } from './jwks-test.ts'
import { mountKeyDetailPages } from './key.ts'
import { mountAssignPages, mountKeyActionForms, mountRevokeAndDeletePages } from './key-actions.ts'
import { type DailyUse, formatUsage, getFirstUsageDay, toDailyCounts } from './key-charts.ts'
import { KEY_TYPE_LABELS, type KeyPageDeps, listKeyBadges } from './key-components.ts'
import {
  findUserByNameOrId,
  formatOwnerSearchPath,
  listSiteOptions,
  mountOwnerSuggestions,
} from './key-fields.ts'
import { mountRotateSecretPages, mountViewSecretForms } from './key-secret.ts'

/** Mounts the pages of keys of every type. Fixed paths precede `/:id`. */
export function mountKeyPages(router: ConsoleRouter, deps: KeyPageDeps): void {
  router.page(KEYS_PATH, ['keys.list', 'keys.count'], showKeyListPage)
  mountCreateKeyPages(router, deps)
  mountOwnerSuggestions(router)
  mountKeyDetailPages(router, deps)
  mountViewSecretForms(router, deps)
  mountEditKeyPages(router)
  mountRotateSecretPages(router)
  mountKeyActionForms(router, deps)
  mountJwksTest(router, deps)
  mountAssignPages(router)
  mountRevokeAndDeletePages(router)
}

const KEY_PAGE_SIZE = 50
/** Bounds the cost of counting: a longer list is "more than" this. */
const MAX_DISPLAYED_KEY_COUNT = 1_000

async function showKeyListPage(context: PageContext): Promise<Response> {
  const query = await parseKeyListQuery(context)
  const { criteria, order, after } = query
  const { keys: keyService } = context.services
  const [{ keys, next, count }, sites] = await Promise.all([
    keyService.search({
      ...criteria,
      order,
      after,
      limit: KEY_PAGE_SIZE,
      counted: MAX_DISPLAYED_KEY_COUNT + 1,
    }),
    listSiteOptions(context),
  ])
  const fromDay = getFirstUsageDay(context.now)
  const keyIds = keys.map(({ id }) => id)
  const usesByKey = Map.groupBy(
    await keyService.listDailyUsesByKey(keyIds, fromDay),
    ({ keyId }) => keyId,
  )
  const isEmpty = count === 0 && !query.isNarrowed && after === undefined
  const body = isEmpty
    ? html`<section class="card flush">${emptyKeyList(context)}</section>`
    : html`${keyFilterForm(context, query, sites)}
          <section class="card flush" aria-label="Keys">${
            keys.length === 0
              ? emptyState(
                  'No matching keys',
                  'Remove a filter or try another search. The search looks in names, public ids, references and owner addresses.',
                  buttonLink(KEYS_PATH, 'Show all keys'),
                )
              : html`${table({
                  caption: formatKeyListCaption(count, order, after !== undefined),
                  columns: keyColumns(context, order),
                  rows: keys.map((key) =>
                    keyRow(context, key, usesByKey.get(key.id) ?? [], fromDay),
                  ),
                })}${pager({
                  summary: `${formatCount(keys.length, 'key')} on this page`,
                  first: after === undefined ? undefined : formatListUrl(context),
                  next: next === null ? undefined : formatListUrl(context, { after: next }),
                })}`
          }</section>`
  const actions = isEmpty ? undefined : newKeyLink(context)
  return renderPage(context, { heading: 'Keys', actions }, body)
}

const newKeyLink = (context: PageContext): Html =>
  context.can('keys.write') ? buttonLink(NEW_KEY_PATH, 'Create key', 'primary') : nothing

const emptyKeyList = (context: PageContext): Html =>
  emptyState(
    'No keys yet',
    context.can('keys.write')
      ? 'A key gives one program access. Create the first one, or import one that another system issued.'
      : 'An engineer or administrator of your account can create one.',
    newKeyLink(context),
  )

const formatKeyListCaption = (count: number, order: KeyOrder, isLaterPage: boolean): string => {
  const countText =
    count > MAX_DISPLAYED_KEY_COUNT
      ? `More than ${MAX_DISPLAYED_KEY_COUNT.toLocaleString('en')} keys`
      : formatCount(count, 'key')
  return `${countText}${isLaterPage ? ' from here on' : ''}, ${KEY_ORDER_LABELS[order].toLowerCase()}`
}

function keyColumns(context: PageContext, order: KeyOrder): Column[] {
  const formatSortPath = (sort: KeyOrder) => formatListUrl(context, { sort })
  return [
    {
      name: 'Name',
      href: formatSortPath(order === 'name' ? 'newest' : 'name'),
      sorted: order === 'name' ? 'ascending' : undefined,
    },
    { name: 'Owner' },
    { name: 'Status' },
    {
      name: 'Last used',
      href: formatSortPath(order === 'lastUsed' ? 'leastUsed' : 'lastUsed'),
      sorted: order === 'lastUsed' ? 'descending' : order === 'leastUsed' ? 'ascending' : undefined,
    },
    { name: '30 days' },
  ]
}

function keyRow(
  context: PageContext,
  key: KeyListItem,
  days: readonly DailyUse[],
  fromDay: number,
): (Html | string)[] {
  const counts = toDailyCounts(days, fromDay)
  const parentName = key.siteName ?? key.sourceName ?? key.developerName
  const showsAccount = context.can('accounts.read') && context.selectedAccount === null
  const subtitle = [
    KEY_TYPE_LABELS[key.keyType].name,
    ...(parentName === null ? [] : [parentName]),
    ...(showsAccount ? [key.accountName] : []),
  ]
  const badges = listKeyBadges(key, key.owner.deactivatedAt, context.now)
  return [
    html`<a href="${formatKeyPath(key)}">${key.name}</a><span class="sub">${subtitle.join(' · ')}</span>`,
    html`<span class="small">${key.owner.email}</span>`,
    html`<span class="row tight">${badges.map((status) => badge(status.text, status.tone))}</span>`,
    key.lastUsedAt === null
      ? 'never'
      : html`<span class="nowrap">${relativeTime(key.lastUsedAt, context.now)}</span>`,
    sparkline(counts, formatUsage(counts)),
  ]
}

const UNUSED_FOR_DAYS = 90
const EXPIRES_WITHIN_DAYS = 30

const KEY_STATUS_FILTERS: readonly KeyStatus[] = ['enabled', 'disabled', 'revoked']

/** Filters that go beyond a key's own fields. */
const ATTENTION_FILTERS = {
  unused: `Unused for ${UNUSED_FOR_DAYS} days`,
  expiring: `Expires within ${EXPIRES_WITHIN_DAYS} days`,
  'owner-deactivated': 'Owner deactivated',
} as const

const KEY_ORDER_LABELS: Readonly<Record<KeyOrder, string>> = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  name: 'By name',
  lastUsed: 'Last used first',
  leastUsed: 'Longest unused first',
  expiry: 'Soonest to expire first',
}

/** Ignores a value that is not on the list. */
const parseChoice = <T extends string>(
  allowed: readonly T[],
  value: string | undefined,
): T | undefined => allowed.find((known) => known === value)

interface KeyListQuery {
  readonly criteria: KeyCriteria
  readonly order: KeyOrder
  readonly after: string | undefined
  readonly attention: keyof typeof ATTENTION_FILTERS | undefined
  /** The owner as it was typed; `criteria.ownerId` is the user that it names. */
  readonly owner: string
  /** True where any filter is set. */
  readonly isNarrowed: boolean
}

async function parseKeyListQuery(context: PageContext): Promise<KeyListQuery> {
  const { now } = context
  const attention = parseChoice(
    Object.keys(ATTENTION_FILTERS) as (keyof typeof ATTENTION_FILTERS)[],
    getField(context, 'attention'),
  )
  const owner = getField(context, 'owner')
  const user = owner === '' ? null : await findUserByNameOrId(context, owner)
  const criteria = {
    text: getOptionalField(context, 'q'),
    keyType: parseChoice(KEY_TYPE_NAMES, getField(context, 'key-type')),
    status: parseChoice(KEY_STATUS_FILTERS, getField(context, 'status')),
    siteId: getOptionalId(context, 'site'),
    // A name that no user has matches no key.
    ownerId: owner === '' ? undefined : (user?.id ?? owner),
    developerId: getOptionalId(context, 'developer'),
    ...(attention === 'unused' && { unusedSince: now - UNUSED_FOR_DAYS * DAY_MS }),
    ...(attention === 'expiring' && {
      expires: { now, before: now + EXPIRES_WITHIN_DAYS * DAY_MS },
    }),
    ...(attention === 'owner-deactivated' && { ownerLeft: true }),
  }
  return {
    criteria,
    order:
      parseChoice(Object.keys(KEY_ORDER_LABELS) as KeyOrder[], getField(context, 'sort')) ??
      'newest',
    after: getOptionalField(context, 'after'),
    attention,
    owner: user?.email ?? owner,
    isNarrowed: Object.values(criteria).some((value) => value !== undefined),
  }
}

const ANY_CHOICE = { value: '', text: 'Any' }

const keyFilterForm = (
  context: PageContext,
  query: KeyListQuery,
  sites: PickerOptions,
): Html => html`
  <form class="filters" method="get" action="${KEYS_PATH}" role="search" aria-label="Keys" data-filter>
    ${textField({ name: 'q', label: 'Search', type: 'search', value: getField(context, 'q'), wide: true })}
    ${selectField({
      name: 'key-type',
      label: 'Key type',
      value: getField(context, 'key-type'),
      choices: [
        ANY_CHOICE,
        ...KEY_TYPE_NAMES.map((value) => ({ value, text: KEY_TYPE_LABELS[value].name })),
      ],
    })}
    ${selectField({
      name: 'status',
      label: 'Status',
      value: getField(context, 'status'),
      choices: [ANY_CHOICE, ...KEY_STATUS_FILTERS.map((value) => ({ value, text: value }))],
    })}
    ${resourcePicker({ name: 'site', label: 'Site', value: getField(context, 'site'), noneChoice: ANY_CHOICE, options: sites })}
    ${textField({
      name: 'owner',
      label: 'Owner',
      value: query.owner,
      list: 'owner-choices',
      suggest: formatOwnerSearchPath({ accountId: undefined, requiresUsername: false }),
    })}<datalist id="owner-choices"></datalist>
    ${selectField({
      name: 'attention',
      label: 'Needs attention',
      value: query.attention ?? '',
      choices: [
        ANY_CHOICE,
        ...Object.entries(ATTENTION_FILTERS).map(([value, text]) => ({ value, text })),
      ],
    })}
    ${selectField({
      name: 'sort',
      label: 'Order',
      value: query.order,
      choices: Object.entries(KEY_ORDER_LABELS).map(([value, text]) => ({ value, text })),
    })}
    ${submitButton('Search keys', '')}${query.isNarrowed ? buttonLink(KEYS_PATH, 'Clear filter', 'quiet') : nothing}
  </form>`
