import { html } from 'hono/html'
import { LEGACY_KEY_TYPES, type LegacyKeyType } from '../../../domain/sunset.ts'
import { getOperation } from '../../../operations/registry.ts'
import type { LegacyKeyStatus } from '../../../service/keys/sunsets.ts'
import type { StoredSunset } from '../../../service/ports/sunsets.ts'
import { findAccountNames, withAccount } from '../account-selection.ts'
import {
  buttonLink,
  hiddenField,
  PICKER_ROW_LIMIT,
  postForm,
  resourcePicker,
  selectField,
  submitButton,
  textArea,
  textField,
  toPickerOptions,
} from '../components/form.ts'
import {
  badge,
  emptyState,
  errorNotice,
  exactTime,
  type Html,
  nothing,
  relativeTime,
} from '../components/html.ts'
import { labelServiceError } from '../components/members.ts'
import { loadListPage, table } from '../components/table.ts'
import { getField, getOptionalField, getOptionalId, type PageContext } from '../context.ts'
import { type FormError, toErrorMessage, toErrorStatus } from '../errors.ts'
import { getFlash } from '../flash.ts'
import { formatKeyPath, formatSourcePath, SITES_PATH, SUNSETS_PATH } from '../navigation.ts'
import { redirectToPage, renderPage } from '../render.ts'
import { mountAction } from '../resource/changes.ts'
import type { Resource } from '../resource/resource.ts'
import type { ConsoleRouter } from '../router.ts'
import { KEY_TYPE_LABELS } from './keys/key-components.ts'

const PLAN_PATH = `${SUNSETS_PATH}/plan`
const LEGACY_KEYS_PATH = `${SUNSETS_PATH}/keys`
const SUNSET_CRUMBS = [{ href: SUNSETS_PATH, text: 'Sunsets' }]

const SUNSETS: Resource<StoredSunset> = {
  group: 'sunset',
  noun: 'sunset',
  path: SUNSETS_PATH,
  find: ({ services }, id) => services.sunsets.find(id),
  getName: ({ keyType }) => `the sunset of ${KEY_TYPE_LABELS[keyType].name} keys`,
  formatPath: () => SUNSETS_PATH,
}

/** The pages about the keys that OAuth replaces, and their sunsets. */
export function mountSunsetPages(router: ConsoleRouter): void {
  router.page(SUNSETS_PATH, 'sunset.list', showSunsets)
  router.page(LEGACY_KEYS_PATH, 'sunset.keys', showLegacyKeys)
  router.page(
    PLAN_PATH,
    'sunset.plan',
    withAccount((context, id) => showPlan(context, id)),
  )
  router.form(PLAN_PATH, 'sunset.set', setSunset)
  mountAction(router, SUNSETS, { verb: 'cancel' })
}

async function showSunsets(context: PageContext): Promise<Response> {
  const { rows, pagination } = await loadListPage(context, context.services.sunsets.list)
  const planLink = buttonLink(PLAN_PATH, 'Plan sunset', 'primary')
  const actions = html`${buttonLink(LEGACY_KEYS_PATH, 'View legacy keys')}${planLink}`
  const body =
    rows.length === 0
      ? emptyState('No sunsets yet', 'Plan one to see which keys are not ready for it.', planLink)
      : html`${await sunsetTable(context, rows)}${pagination}`
  const about = 'Plans to retire the keys that OAuth replaces.'
  return renderPage(
    context,
    { heading: 'Sunsets', about, actions },
    html`<section class="card flush">${body}</section>`,
  )
}

async function sunsetTable(context: PageContext, rows: readonly StoredSunset[]): Promise<Html> {
  const names = await findAccountNames(context, rows)
  const canCancel = context.canPerform('sunset.cancel')
  return table({
    caption: 'Sunsets, oldest first',
    columns: [
      { name: 'Key type' },
      ...(names === null ? [] : [{ name: 'Account' }]),
      { name: 'Keys' },
      { name: 'Deprecated' },
      { name: 'Sunset' },
      { name: 'Brownouts' },
      ...(canCancel ? [{ name: 'Action', end: true }] : []),
    ],
    rows: rows.map((sunset) => [
      KEY_TYPE_LABELS[sunset.keyType].name,
      ...(names === null ? [] : [names.get(sunset.accountId) ?? '']),
      describeScope(sunset),
      exactTime(sunset.deprecatedAt),
      html`${exactTime(sunset.sunsetAt)}${sunset.sunsetAt <= context.now ? html` ${badge('Retired', 'bad')}` : nothing}`,
      sunset.brownouts.length === 0
        ? 'None'
        : html`${sunset.brownouts.map(({ startsAt, endsAt }) => html`<div>${exactTime(startsAt)} to ${exactTime(endsAt)}</div>`)}`,
      ...(canCancel
        ? [
            html`<a class="button compact danger" href="${SUNSETS_PATH}/${sunset.id}/cancel" aria-label="Cancel the sunset of ${KEY_TYPE_LABELS[sunset.keyType].name} keys">Cancel</a>`,
          ]
        : []),
    ]),
  })
}

function describeScope({ sourceId, siteId }: StoredSunset): Html | string {
  if (sourceId !== null) return html`Those of <a href="${formatSourcePath(sourceId)}">a source</a>`
  if (siteId !== null) return html`Those of <a href="${SITES_PATH}/${siteId}">a site</a>`
  return 'All of the account'
}

const READINESS_CHOICES = [
  { value: '', text: 'All' },
  { value: 'false', text: 'Not ready' },
  { value: 'true', text: 'Ready' },
]

const USE_CHOICES = [
  { value: '', text: 'All' },
  { value: 'false', text: 'Used in the last seven days' },
  { value: 'true', text: 'Unused for seven days' },
]

const KEY_TYPE_CHOICES = LEGACY_KEY_TYPES.map((keyType) => ({
  value: keyType,
  text: KEY_TYPE_LABELS[keyType].name,
}))

const getKeyType = (context: PageContext): LegacyKeyType | undefined =>
  LEGACY_KEY_TYPES.find((keyType) => keyType === getField(context, 'key-type'))

async function showLegacyKeys(context: PageContext): Promise<Response> {
  const keyType = getKeyType(context)
  const [ready, unused] = [getField(context, 'ready'), getField(context, 'unused')]
  const filter = { keyType, ready: toOptionalBoolean(ready), unused: toOptionalBoolean(unused) }
  const { rows, pagination } = await loadListPage(context, (page) =>
    context.services.sunsets.listKeys({ ...page, ...filter }),
  )
  const body = html`<form method="get" action="${LEGACY_KEYS_PATH}" class="filters" role="search" aria-label="Legacy keys" data-filter>
      ${selectField({ name: 'key-type', label: 'Key type', value: keyType, choices: [{ value: '', text: 'All' }, ...KEY_TYPE_CHOICES] })}
      ${selectField({ name: 'ready', label: 'Readiness', value: ready, choices: READINESS_CHOICES })}
      ${selectField({ name: 'unused', label: 'Use', value: unused, choices: USE_CHOICES })}
      ${submitButton('Filter', '')}</form>
    <section class="card flush">${legacyKeyTable(context, rows, emptyState('No such keys', 'Change the filter to see others.'))}${pagination}</section>`
  const about =
    'Keys that OAuth replaces. A key is ready if OAuth was used for its source or site, or by the owner of a key without either, within the last seven days. Uses are written within a minute.'
  return renderPage(context, { heading: 'Legacy keys', about, crumbs: SUNSET_CRUMBS }, body)
}

const toOptionalBoolean = (value: string): boolean | undefined =>
  value === '' ? undefined : value === 'true'

function legacyKeyTable(
  { now }: PageContext,
  rows: readonly LegacyKeyStatus[],
  emptyNotice: Html,
): Html {
  const time = (at: number | null) => (at === null ? 'Never' : relativeTime(at, now))
  if (rows.length === 0) return emptyNotice
  return table({
    caption: 'Keys, oldest first',
    columns: [
      { name: 'Key' },
      { name: 'Key type' },
      { name: 'Readiness' },
      { name: 'Owner' },
      { name: 'Source or site' },
      { name: 'Program' },
      { name: 'Last used' },
      { name: 'OAuth use' },
    ],
    rows: rows.map((key) => [
      html`<a href="${formatKeyPath(key)}">${key.name}</a>`,
      KEY_TYPE_LABELS[key.keyType].name,
      key.ready ? badge('Ready', 'good') : badge('Not ready', 'warn'),
      key.ownerEmail,
      key.sourceName ?? key.siteName ?? 'None',
      key.userAgent ?? 'Unknown',
      time(key.lastUsedAt),
      html`${time(key.lastOAuthUseAt)}${
        key.firstOAuthUseAt === null
          ? nothing
          : html`<span class="sub">first ${relativeTime(key.firstOAuthUseAt, now)}</span>`
      }`,
    ]),
  })
}

/** The target and date of the form, and what they would mean once they are there. */
async function showPlan(
  context: PageContext,
  accountId: string,
  error: FormError | null = null,
): Promise<Response> {
  const keyType = getKeyType(context)
  const day = getField(context, 'sunset')
  const [sourceId, siteId] = [getOptionalId(context, 'source'), getOptionalId(context, 'site')]
  const target = { accountId, keyType: keyType ?? 'redox', sourceId, siteId }
  const isComplete = keyType !== undefined && day !== ''
  const result = isComplete
    ? await context.services.sunsets.plan(
        { ...target, sunsetAt: Date.parse(day) || 0 },
        { limit: PREVIEWED_KEYS },
      )
    : null
  const failure =
    error ??
    (result?.ok === false ? labelServiceError(getOperation('sunset.plan'), result.failure) : null)
  const body = html`${errorNotice(toErrorMessage(failure))}
    <section class="card"><h2>Keys and date</h2>${await planForm(context, target, day)}</section>
    ${
      result?.ok
        ? html`<section class="card flush">${legacyKeyTable(context, result.value.keys, emptyState('Every key is ready', 'The keys can be retired on this date.'))}</section>
      ${context.canPerform('sunset.set') ? html`<section class="card"><h2>Set sunset</h2>${setForm(context, target, day, result.value.brownouts.map(formatInterval))}</section>` : nothing}`
        : nothing
    }`
  const about = `Shows up to ${PREVIEWED_KEYS} keys that are not ready for the date. Nothing is stored until you set it.`
  const heading = { heading: 'Plan sunset', about, crumbs: SUNSET_CRUMBS }
  return renderPage(context, heading, body, toErrorStatus(failure))
}

const PREVIEWED_KEYS = 100

interface FormTarget {
  readonly accountId: string
  readonly keyType: LegacyKeyType
  readonly sourceId: string | undefined
  readonly siteId: string | undefined
}

async function planForm(
  { services }: PageContext,
  { accountId, keyType, sourceId = '', siteId = '' }: FormTarget,
  day: string,
): Promise<Html> {
  const page = { accountId, limit: PICKER_ROW_LIMIT }
  const [sources, sites] = await Promise.all([
    services.sources.list(page),
    services.sites.list(page),
  ])
  const noneChoice = { value: '', text: 'Any' }
  return html`<form method="get" action="${PLAN_PATH}">
    ${selectField({ name: 'key-type', label: 'Key type', value: keyType, choices: KEY_TYPE_CHOICES })}
    ${resourcePicker({ name: 'source', label: 'Source', value: sourceId, noneChoice, options: toPickerOptions(sources) })}
    ${resourcePicker({ name: 'site', label: 'Site', value: siteId, noneChoice, options: toPickerOptions(sites) })}
    ${textField({ name: 'sunset', label: 'Sunset', type: 'date', value: day, required: true, hint: 'The keys are refused from this day on (UTC).' })}
    <div class="row">${submitButton('Show keys', '')}</div></form>`
}

const formatInterval = ({ startsAt, endsAt }: StoredSunset['brownouts'][number]) =>
  `${new Date(startsAt).toISOString()}/${new Date(endsAt).toISOString()}`

function setForm(
  context: PageContext,
  { accountId, keyType, sourceId = '', siteId = '' }: FormTarget,
  day: string,
  proposed: readonly string[],
): Html {
  const brownouts = context.input.has('brownouts')
    ? getField(context, 'brownouts')
    : proposed.join('\n')
  return postForm(
    context.formToken,
    PLAN_PATH,
    html`${Object.entries({ account: accountId, 'key-type': keyType, source: sourceId, site: siteId, sunset: day }).map(([name, value]) => hiddenField(name, value))}
      ${textField({ name: 'documentation', label: 'Documentation URL', type: 'url', value: getField(context, 'documentation'), hint: 'An https page for the users of the keys. Answers link to it.' })}
      ${textArea({ name: 'brownouts', label: 'Brownouts', value: brownouts, hint: 'Start and end of each, separated by a slash, one in a line.' })}
      <div class="row">${submitButton('Set sunset')}${buttonLink(SUNSETS_PATH, 'Cancel', 'quiet')}</div>`,
  )
}

async function setSunset(context: PageContext): Promise<Response> {
  const operation = getOperation('sunset.set')
  const accountId = getField(context, 'account')
  const result = await context.perform(operation, {
    body: {
      accountId,
      keyType: getField(context, 'key-type'),
      sourceId: getOptionalId(context, 'source'),
      siteId: getOptionalId(context, 'site'),
      sunsetAt: `${getField(context, 'sunset')}T00:00:00Z`,
      documentationUrl: getOptionalField(context, 'documentation'),
      brownouts: getField(context, 'brownouts')
        .split(/[\s,]+/)
        .filter(Boolean),
    },
  })
  return result.ok
    ? redirectToPage(context.c, SUNSETS_PATH, getFlash(operation))
    : showPlan(context, accountId, result.failure)
}
