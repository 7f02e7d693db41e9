import { html } from 'hono/html'
import { DAY_MS } from '../../../../domain/instant.ts'
import type { EventFilter, RecordedEvent } from '../../../../service/ports/audit.ts'
import {
  actionButton,
  buttonLink,
  type Choice,
  selectField,
  submitButton,
  textField,
} from '../../components/form.ts'
import { badge, emptyState, errorNotice, type Html, nothing } from '../../components/html.ts'
import { table } from '../../components/table.ts'
import { exactTime, formatRelative } from '../../components/time.ts'
import { getField, getOptionalField, type PageContext } from '../../context.ts'
import { loadListPage } from '../../list-page.ts'
import {
  AUDIT_PATH,
  formatRequestLookupPath,
  IP_ALLOWLIST_PATH,
  MESSAGES_PATH,
} from '../../navigation.ts'
import { renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import {
  DESCRIBED_ACTIONS,
  describeEventDetail,
  formatActionTitle,
  getEventTone,
} from './event-descriptions.ts'
import { type EventNames, loadEventNames } from './event-names.ts'
import {
  AUDIT_VERIFY_PATH,
  type AuditPageDeps,
  mountAcceptRestorePages,
  mountAuditExport,
  mountVerifyPages,
} from './verify-and-export.ts'

export function mountAuditPages(router: ConsoleRouter, deps: AuditPageDeps): void {
  mountVerifyPages(router, deps)
  mountAcceptRestorePages(router)
  mountAuditExport(router, deps)
  router.page(AUDIT_PATH, 'audit.list', showAuditPage)
}

async function showAuditPage(context: PageContext): Promise<Response> {
  const filter = await parseEventFilter(context)
  if (typeof filter === 'string') {
    return renderAuditPage(context, html`${errorNotice(filter)}${eventFilterForm(context)}`, 422)
  }
  const { rows, pagination } = await loadListPage(
    context,
    (page) => context.services.audit.list({ ...filter, ...page }),
    'event',
  )
  const content =
    rows.length === 0
      ? emptyAudit(context)
      : html`${await eventTable(context, filter, rows)}${pagination}`
  return renderAuditPage(
    context,
    html`${eventFilterForm(context)}<section class="card flush log" aria-label="Events">${content}</section>`,
  )
}

const renderAuditPage = (
  context: PageContext,
  body: Html,
  status: 200 | 422 = 200,
): Promise<Response> => {
  const actions = html`${context.can('audit.verify') ? actionButton(context.formToken, AUDIT_VERIFY_PATH, 'Verify chain') : nothing}${
    context.can('audit.export')
      ? actionButton(context.formToken, `${AUDIT_PATH}/export`, 'Export audit', {
          label: 'Export the whole audit as a file',
        })
      : nothing
  }`
  const about = 'Changes by users and outcomes of requests. Events cannot be changed.'
  return renderPage(context, { heading: 'Audit', about, actions }, body, status)
}

function formatAuditCaption({ actor, subject }: EventFilter, { getName }: EventNames): string {
  if (actor !== undefined && subject !== undefined)
    return `Events by ${getName(actor)} about ${getName(subject)}, newest first`
  if (actor !== undefined) return `Events by ${getName(actor)}, newest first`
  return subject === undefined ? 'Newest first' : `Events about ${getName(subject)}, newest first`
}

const emptyAudit = (context: PageContext): Html =>
  hasEventFilter(context)
    ? emptyState(
        'No matching events',
        'Widen the dates or clear the filter.',
        html`<a class="button" href="${AUDIT_PATH}">Clear filter</a>`,
      )
    : emptyState(
        'No events yet',
        'Every change, every refused request and every issued token is listed here.',
      )

const EVENT_FILTER_PARAMETERS = ['who', 'what', 'subject', 'since', 'until'] as const
const EVENT_SUBJECT_ID_PATTERN =
  /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|operator|server|nobody|audit)$/

/** Parses the query; returns an error message where a value is invalid. */
async function parseEventFilter(context: PageContext): Promise<EventFilter | string> {
  const filter: { -readonly [Name in keyof EventFilter]: EventFilter[Name] } = {}
  const what = getOptionalField(context, 'what')
  if (what?.endsWith('.')) filter.actionPrefix = what
  else filter.action = what
  for (const [name, filterName] of [
    ['who', 'actor'],
    ['subject', 'subject'],
  ] as const) {
    const value = getOptionalField(context, name)
    if (value === undefined) continue
    // A public id may look like a row id, so a name match takes precedence.
    const knownId = await context.services.audit.findSubjectId(value)
    const id =
      knownId ?? (EVENT_SUBJECT_ID_PATTERN.test(value.toLowerCase()) ? value.toLowerCase() : null)
    if (id === null) {
      return `no key, user or id matches ${value}: enter a whole id, username or email address`
    }
    filter[filterName] = id
  }
  for (const [name, days] of [
    ['since', 0],
    ['until', 1],
  ] as const) {
    const value = getOptionalField(context, name)
    if (value === undefined) continue
    const at = Date.parse(`${value}T00:00:00Z`)
    if (Number.isNaN(at)) return `${value} is not a date: write it as 2027-01-31`
    // The last day is included.
    filter[name] = at + days * DAY_MS
  }
  return filter
}

const hasEventFilter = (context: PageContext): boolean =>
  EVENT_FILTER_PARAMETERS.some((name) => getOptionalField(context, name) !== undefined)

const eventFilterForm = (context: PageContext): Html => html`
  <form class="filters" method="get" action="${AUDIT_PATH}" role="search" aria-label="Audit" data-filter>
    ${selectField({ name: 'what', label: 'Event', value: getField(context, 'what'), choices: ACTION_CHOICES })}
    ${textField({ name: 'who', label: 'Actor', type: 'search', value: getField(context, 'who'), maxlength: 320, spellcheck: false })}
    ${textField({ name: 'subject', label: 'Subject', type: 'search', value: getField(context, 'subject'), maxlength: 320, spellcheck: false })}
    ${textField({ name: 'since', label: 'From', type: 'date', value: getField(context, 'since') })}
    ${textField({ name: 'until', label: 'To', type: 'date', value: getField(context, 'until') })}
    <div class="row">${submitButton('Filter', '')}${hasEventFilter(context) ? buttonLink(AUDIT_PATH, 'Clear filter', 'quiet') : nothing}</div>
  </form>
  <p class="small soft">Enter a username, an email address or a whole id. Days are in UTC and include the last one.</p>`

const ACTION_PREFIXES = [...new Set(DESCRIBED_ACTIONS.map((action) => action.replace(/\..*/, '.')))]

/** The kinds of events first, then each action. */
const ACTION_CHOICES: readonly Choice[] = [
  { value: '', text: 'Everything' },
  ...ACTION_PREFIXES.filter(
    (kind) => DESCRIBED_ACTIONS.filter((action) => action.startsWith(kind)).length > 1,
  ).map((kind) => ({ value: kind, text: `${formatActionTitle(kind).trim()}: everything` })),
  ...DESCRIBED_ACTIONS.map((action) => ({ value: action, text: formatActionTitle(action) })),
]

async function eventTable(
  context: PageContext,
  filter: EventFilter,
  events: readonly RecordedEvent[],
): Promise<Html> {
  const filteredIds = [filter.actor, filter.subject].filter((id) => id !== undefined)
  const names = await loadEventNames(context, events, filteredIds)
  return table({
    caption: formatAuditCaption(filter, names),
    columns: [
      { name: 'Event' },
      { name: 'Actor' },
      { name: 'Subject' },
      { name: 'Time' },
      { name: 'Request' },
    ],
    rows: events.map((event) => eventRow(context, event, names)),
  })
}

function eventRow(
  context: PageContext,
  event: RecordedEvent,
  { getName, nameLink }: EventNames,
): (Html | string)[] {
  const { action, actor, subject, facts, requestId, at } = event
  const detail = describeEventDetail(event, getName)
  const sourceAddress = typeof facts.address === 'string' ? facts.address : null
  return [
    html`${badge(formatActionTitle(action), getEventTone(event))}${detail === '' ? nothing : html`<span class="sub">${detail}</span>`}`,
    html`${nameLink(actor)}${sourceAddress === null ? nothing : html` <span class="sub">from ${sourceAddress}</span>`}`,
    subject === actor ? '' : subjectLink(event, nameLink),
    html`<span class="nowrap">${exactTime(at)}</span><span class="sub">${formatRelative(at, context.now)}</span>`,
    requestId === null || !context.can('requests.explain')
      ? ''
      : html`<a href="${formatRequestLookupPath(requestId)}" aria-label="Look up request ${requestId}">Look up</a>`,
  ]
}

function subjectLink({ action, subject }: RecordedEvent, nameLink: EventNames['nameLink']): Html {
  if (action.startsWith('message.'))
    return html`<a href="${MESSAGES_PATH}/${subject}">the message</a>`
  return action.startsWith('ip_allowlist_entry.')
    ? html`<a href="${IP_ALLOWLIST_PATH}">the IP allowlist</a>`
    : nameLink(subject)
}
