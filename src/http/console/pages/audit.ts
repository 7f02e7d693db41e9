import { html } from 'hono/html'
import { ok } from '../../../domain/failure.ts'
import { DAY_MS } from '../../../domain/instant.ts'
import { getOperation } from '../../../operations/registry.ts'
import type { AuditVerdict } from '../../../service/audit/verify.ts'
import type { EventFilter, RecordedEvent } from '../../../service/ports/audit.ts'
import type { Log } from '../../../service/ports/runtime.ts'
import { REQUEST_ID_HEADER } from '../../reply.ts'
import {
  actionButton,
  buttonLink,
  type Choice,
  selectField,
  submitButton,
  textField,
} from '../components/form.ts'
import {
  badge,
  emptyState,
  errorNotice,
  exactTime,
  formatCount,
  formatDay,
  formatInstant,
  formatRelative,
  type Html,
  nothing,
  notice,
  toSentence,
} from '../components/html.ts'
import { loadListPage, table } from '../components/table.ts'
import { mountConfirmedAction } from '../confirmation.ts'
import { getField, getOptionalField, type PageContext } from '../context.ts'
import { getFlash } from '../flash.ts'
import {
  AUDIT_CRUMBS,
  AUDIT_PATH,
  formatRequestLookupPath,
  IP_ALLOWLIST_PATH,
  MESSAGES_PATH,
  SUNSETS_PATH,
} from '../navigation.ts'
import { PAGE_SECURITY_HEADERS, renderPage, streamPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'
import {
  DESCRIBED_ACTIONS,
  describeEventDetail,
  type EventNames,
  formatActionTitle,
  getEventTone,
  loadEventNames,
} from './event-descriptions.ts'

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
  if (action.startsWith('sunset.')) return html`<a href="${SUNSETS_PATH}">a sunset</a>`
  return action.startsWith('ip_allowlist_entry.')
    ? html`<a href="${IP_ALLOWLIST_PATH}">the IP allowlist</a>`
    : nameLink(subject)
}

const AUDIT_VERIFY_PATH = `${AUDIT_PATH}/verify`
/** Sends a line of progress about ten times a second. */
const PROGRESS_STEP_EVENTS = 10_000
const MAX_DISPLAYED_BREAKS = 20

function mountVerifyPages(router: ConsoleRouter, deps: AuditPageDeps): void {
  router.page(AUDIT_VERIFY_PATH, 'audit.verify', showVerifyPage)
  router.form(AUDIT_VERIFY_PATH, 'audit.verify', (context) => streamVerification(context, deps))
}

const ACCEPT_RESTORE_PATH = `${AUDIT_PATH}/accept-restore`

function mountAcceptRestorePages(router: ConsoleRouter): void {
  const operation = getOperation('audit.acceptRestore')
  mountConfirmedAction(router, {
    path: ACCEPT_RESTORE_PATH,
    operations: operation.id,
    find: async () => ok(null),
    question: () => ({
      heading: 'Accept the restored database?',
      crumbs: AUDIT_CRUMBS,
      text: 'If the audit ends before the last signed event, as after a restore from a backup, sealing stops. This accepts the database as it is, so that sealing resumes, and records that in the audit.',
      button: 'Accept restored database',
      variant: 'danger primary',
      cancelPath: AUDIT_PATH,
    }),
    run: (context) => context.perform(operation, {}),
    flash: getFlash(operation),
    next: () => AUDIT_PATH,
  })
}

/** Answers a reload or a bookmark of the page that has the result. */
const showVerifyPage = (context: PageContext): Promise<Response> =>
  renderPage(
    context,
    VERIFY_HEADING,
    html`<section class="card prose"><p>Latchkey reads every event and compares it with its seal. Nothing is changed. Leaving the page stops the verification.</p>${actionButton(context.formToken, AUDIT_VERIFY_PATH, 'Verify chain', { variant: 'primary' })}</section>`,
  )

/** Verifies the whole chain while the page is being sent. The signal aborts when the browser leaves. */
const streamVerification = (context: PageContext, { log }: AuditPageDeps): Promise<Response> =>
  streamPage(context, VERIFY_HEADING, async (send, signal) => {
    const { caller, formToken, services } = context
    const reportProgress = (done: number, all: number) => {
      if (done % PROGRESS_STEP_EVENTS === 0) void send(html`<li>${formatProgress(done, all)}</li>`)
    }
    await send(
      html`<div role="status"><ol class="latest" aria-label="Progress"><li>Verification started.</li>`,
    )
    try {
      const verdict = await services.audit.verify(reportProgress, signal)
      await send(
        verdict.ok
          ? html`<li>All events are read.</li></ol></div>${verdictReport(verdict.value)}`
          : html`</ol></div>${notice('warn', 'Verification is not possible now', toSentence(verdict.failure.message))}`,
      )
    } catch (error) {
      if (signal.aborted) return
      log.error({ ...caller, error }, 'the audit could not be verified')
      await send(
        html`</ol></div>${notice('bad', 'Verification failed', `There is no result for the chain. The log has the details under request ${caller.requestId}. Try again.`)}`,
      )
    }
    await send(
      html`<div class="row">${buttonLink(AUDIT_PATH, 'View audit')}${actionButton(formToken, AUDIT_VERIFY_PATH, 'Verify again')}</div>`,
    )
  })

const VERIFY_HEADING = {
  heading: 'Verify chain',
  about:
    'Each event is sealed together with the previous one, so that any change, deletion or insertion is found.',
  crumbs: AUDIT_CRUMBS,
}

const formatProgress = (done: number, all: number): string =>
  `${done.toLocaleString('en')} of ${all.toLocaleString('en')} events read.`

function verdictReport({
  whole,
  events,
  first,
  last,
  signedAt,
  breaks,
  breaksFound,
}: AuditVerdict): Html {
  const checkpointText =
    signedAt === null
      ? 'No checkpoint is signed yet. The first one follows a few seconds after the first event.'
      : html`The last checkpoint was signed at <span class="nowrap">${formatInstant(signedAt)}.</span> Events of the last seconds have no seal yet and are not included.`
  if (events === 0 && whole)
    return notice('plain', 'There are no sealed events yet', checkpointText)
  if (whole) {
    const range = `${formatCount(events, 'event')}, number ${first.toLocaleString('en')} to ${last.toLocaleString('en')}`
    return notice(
      'good',
      'The audit is intact',
      html`<p>${range}: none was changed, deleted, inserted or reordered.</p><p>${checkpointText}</p>`,
    )
  }
  return html`${notice('bad', `The audit is broken in ${formatCount(breaksFound, 'place')}`, 'Someone changed the database without this server, or a restore was incomplete. Copy the database before you do anything else.')}
    <section class="card"><h2>Where</h2><ul>${breaks.slice(0, MAX_DISPLAYED_BREAKS).map(({ message }) => html`<li>${toSentence(message)}</li>`)}</ul>
    ${breaksFound > MAX_DISPLAYED_BREAKS ? html`<p>And ${formatCount(breaksFound - MAX_DISPLAYED_BREAKS, 'more', 'more')}: <code>latchkey audit verify</code> lists them.</p>` : nothing}
    <p>If you restored this database from a backup, <a href="${ACCEPT_RESTORE_PATH}">accept the restored database</a>.</p></section>`
}

const EXPORT_CHUNK_CHARACTERS = 1 << 16

function mountAuditExport(router: ConsoleRouter, deps: AuditPageDeps): void {
  router.form(`${AUDIT_PATH}/export`, 'audit.export', (context) => streamAuditExport(context, deps))
}

/** Streams the whole audit as `latchkey audit export` writes it, without holding it in memory. */
function streamAuditExport(
  { c, caller, services, now }: PageContext,
  { log }: AuditPageDeps,
): Response {
  const lines = services.audit.exportLines(() => undefined)
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      let chunk = ''
      try {
        while (chunk.length < EXPORT_CHUNK_CHARACTERS) {
          const { done, value } = await lines.next()
          if (done === true) {
            controller.enqueue(encoder.encode(chunk))
            controller.close()
            return
          }
          chunk += value
        }
        controller.enqueue(encoder.encode(chunk))
      } catch (error) {
        // An incomplete download fails, so that nobody takes it for the whole.
        log.error({ ...caller, error }, 'the audit could not be exported')
        controller.error(error)
      }
    },
    async cancel() {
      await lines.return(undefined)
    },
  })
  return c.body(body, 200, {
    ...PAGE_SECURITY_HEADERS,
    'Content-Type': 'application/jsonl; charset=utf-8',
    'Content-Disposition': `attachment; filename="latchkey-audit-${formatDay(now)}.jsonl"`,
    [REQUEST_ID_HEADER]: caller.requestId,
  })
}

interface AuditPageDeps {
  readonly log: Log
}
