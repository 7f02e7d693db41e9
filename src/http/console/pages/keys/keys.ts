import { html } from 'hono/html'
import type { KeyListItem, KeyOrder } from '../../../../service/ports/lists.ts'
import { sparkline } from '../../components/chart.ts'
import { buttonLink } from '../../components/form.ts'
import { badge, emptyState, formatCount, type Html, nothing } from '../../components/html.ts'
import { type Column, pager, table } from '../../components/table.ts'
import { relativeTime } from '../../components/time.ts'
import type { PageContext } from '../../context.ts'
import { formatListUrl } from '../../list-page.ts'
import { formatKeyPath, KEYS_PATH, NEW_KEY_PATH } from '../../navigation.ts'
import { renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { mountCreateKeyPages } from './create-key.ts'
import { mountEditKeyPages } from './edit-key.ts'
import { mountAssignPages, mountKeyActionForms, mountKeyDetailPages } from './key.ts'
import { type DailyUse, formatUsage, getFirstUsageDay, toDailyCounts } from './key-charts.ts'
import { listSiteOptions, mountOwnerSuggestions } from './key-fields.ts'
import { KEY_TYPE_LABELS, listKeyBadges } from './key-labels.ts'
import { KEY_ORDER_LABELS, keyFilterForm, parseKeyListQuery } from './key-list-query.ts'
import { mountRotateSecretPages, mountViewSecretForms } from './key-secret.ts'
import { mountRevokeAndDeletePages } from './revoke-and-delete.ts'
import type { KeyPageDeps } from './with-key.ts'

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
