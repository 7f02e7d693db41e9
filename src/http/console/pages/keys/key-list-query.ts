import { html } from 'hono/html'
import { DAY_MS } from '../../../../domain/instant.ts'
import type { KeyStatus } from '../../../../domain/key.ts'
import { KEY_TYPE_NAMES } from '../../../../domain/key-type.ts'
import type { KeyCriteria, KeyOrder } from '../../../../service/ports/lists.ts'
import { buttonLink, selectField, submitButton, textField } from '../../components/form.ts'
import { type Html, nothing } from '../../components/html.ts'
import { type PickerOptions, resourcePicker } from '../../components/resource-picker.ts'
import { getField, getOptionalField, getOptionalId, type PageContext } from '../../context.ts'
import { KEYS_PATH } from '../../navigation.ts'
import { findUserByNameOrId, formatOwnerSearchPath } from './key-fields.ts'
import { KEY_TYPE_LABELS } from './key-labels.ts'

const UNUSED_FOR_DAYS = 90
const EXPIRES_WITHIN_DAYS = 30

const KEY_STATUS_FILTERS: readonly KeyStatus[] = ['enabled', 'disabled', 'revoked']

/** Filters that go beyond a key's own fields. */
const ATTENTION_FILTERS = {
  unused: `Unused for ${UNUSED_FOR_DAYS} days`,
  expiring: `Expires within ${EXPIRES_WITHIN_DAYS} days`,
  'owner-deactivated': 'Owner deactivated',
} as const

export const KEY_ORDER_LABELS: Readonly<Record<KeyOrder, string>> = {
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

export async function parseKeyListQuery(context: PageContext): Promise<KeyListQuery> {
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

export const keyFilterForm = (
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
