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
  mountAuditExport,
  mountVerifyPages,
} from './verify-and-export.ts'

export function mountAuditPages(router: ConsoleRouter, deps: AuditPageDeps): void {
  mountVerifyPages(router, deps)
  mountAuditExport(router, deps)
  router.page(AUDIT_PATH, 'audit.read', showAuditPage)
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
  const actions = html`${context.can('audit.verify') ? actionButton(context.formToken, AUDIT_VERIFY_PATH, 'Verify the chain') : nothing}${
    context.can('audit.export')
      ? actionButton(context.formToken, `${AUDIT_PATH}/export`, 'Export', {
          label: 'Export the whole audit as a file',
        })
      : nothing
  }`
  const about = 'Who did what, and what came of requests. Nothing here can be changed.'
  return renderPage(context, { heading: 'Audit', about, actions }, body, status)
}

function formatAuditCaption({ actor, subject }: EventFilter, { getName }: EventNames): string {
  if (actor !== undefined && subject !== undefined)
    return `What ${getName(actor)} did to ${getName(subject)}, the newest first`
  if (actor !== undefined) return `What ${getName(actor)} did, the newest first`
  return subject === undefined
    ? 'The newest first'
    : `What concerns ${getName(subject)}, the newest first`
}

const emptyAudit = (context: PageContext): Html =>
  hasEventFilter(context)
    ? emptyState(
        'Nothing like that has happened',
        'Widen the dates, or ask for everything.',
        html`<a class="button" href="${AUDIT_PATH}">Clear the filter</a>`,
      )
    : emptyState(
        'Nothing has happened yet',
        'Every change that people make, and every request that is refused or given tokens, is listed here.',
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
      return `no key, user or id here is called ${value}: give a whole id, username or e-mail address`
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
    if (Number.isNaN(at)) return `${value} is no day: write it as 2027-01-31`
    // The last day is included.
    filter[name] = at + days * DAY_MS
  }
  return filter
}

const hasEventFilter = (context: PageContext): boolean =>
  EVENT_FILTER_PARAMETERS.some((name) => getOptionalField(context, name) !== undefined)

const eventFilterForm = (context: PageContext): Html => html`
  <form class="filters" method="get" action="${AUDIT_PATH}" role="search" aria-label="The audit" data-filter>
    ${selectField({ name: 'what', label: 'What', value: getField(context, 'what'), choices: ACTION_CHOICES })}
    ${textField({ name: 'who', label: 'Who did it', type: 'search', value: getField(context, 'who'), maxlength: 320, spellcheck: false })}
    ${textField({ name: 'subject', label: 'To whom or what', type: 'search', value: getField(context, 'subject'), maxlength: 320, spellcheck: false })}
    ${textField({ name: 'since', label: 'From the day', type: 'date', value: getField(context, 'since') })}
    ${textField({ name: 'until', label: 'To the day', type: 'date', value: getField(context, 'until') })}
    <div class="row">${submitButton('Filter', '')}${hasEventFilter(context) ? buttonLink(AUDIT_PATH, 'Clear', 'quiet') : nothing}</div>
  </form>
  <p class="small soft">Name people by username or e-mail address, everything else by its whole id. Days are in UTC, and the last one is included.</p>`

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
      { name: 'What happened' },
      { name: 'Who did it' },
      { name: 'To whom or what' },
      { name: 'When' },
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
      : html`<a href="${formatRequestLookupPath(requestId)}" aria-label="Explain the request ${requestId}">Explain</a>`,
  ]
}

function subjectLink({ action, subject }: RecordedEvent, nameLink: EventNames['nameLink']): Html {
  if (action.startsWith('message.'))
    return html`<a href="${MESSAGES_PATH}/${subject}">the message</a>`
  return action.startsWith('address.')
    ? html`<a href="${IP_ALLOWLIST_PATH}">the address list</a>`
    : nameLink(subject)
}
