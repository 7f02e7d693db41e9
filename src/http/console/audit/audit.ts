import { html } from 'hono/html'
import type { EventFilter, RecordedEvent } from '../../../service/ports.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { pager } from '../parts/list.ts'
import { empty, plural, refused } from '../parts/words.ts'
import { cursor, optional, type Visit } from '../visit.ts'
import type { AuditScreenDeps } from './deps.ts'
import { eventTable } from './event-table.ts'
import { mountExport } from './export.ts'
import { filterForm, isFiltered, listPath, readFilter } from './filter.ts'
import { type Names, namesOf } from './names.ts'
import { AUDIT } from './paths.ts'
import { mountVerify, VERIFY } from './verify.ts'

const ROWS = 50

/** What happened, the newest first, and whether any of it was tampered with. */
export function mountAudit(area: Area, deps: AuditScreenDeps): void {
  mountVerify(area, deps)
  mountExport(area, deps)

  area.show(AUDIT, 'audit.read', async (visit) => {
    const filter = await readFilter(visit)
    if (typeof filter === 'string') {
      return shown(visit, html`${refused(filter)}${filterForm(visit)}`, 422)
    }
    const after = cursor(visit)
    const found = await visit.desk.audit.list({ ...filter, after, limit: ROWS + 1 })
    const events = found.slice(0, ROWS)
    const list =
      events.length === 0 ? none(visit) : await listed(visit, filter, events, found.length > ROWS)
    return shown(
      visit,
      html`${filterForm(visit)}<section class="card flush log" aria-label="Events">${list}</section>`,
    )
  })
}

const shown = (visit: Visit, body: Html, status: 200 | 422 = 200): Promise<Response> => {
  const actions = html`${visit.may('audit.verify') ? press(visit.formToken, VERIFY, 'Verify the chain') : nothing}${
    visit.may('audit.export')
      ? press(visit.formToken, `${AUDIT}/export`, 'Export', {
          what: 'Export the whole audit as a file',
        })
      : nothing
  }`
  const about = 'Who did what, and what came of requests. Nothing here can be changed.'
  return page(visit, { title: 'Audit', about, actions }, body, status)
}

async function listed(
  visit: Visit,
  filter: EventFilter,
  events: readonly RecordedEvent[],
  more: boolean,
): Promise<Html> {
  const asked = [filter.actor, filter.subject].filter((id) => id !== undefined)
  const names = await namesOf(visit, events, asked)
  const after = optional(visit, 'after')
  return html`${eventTable(visit, events, names, captionOf(filter, names))}${pager({
    shown: plural(events.length, 'event'),
    first: after === undefined ? undefined : listPath(visit),
    next: more ? listPath(visit, events.at(-1)?.id) : undefined,
  })}`
}

/** The question holds ids: what they are called is said here. */
function captionOf({ actor, subject }: EventFilter, { nameOf }: Names): string {
  if (actor !== undefined && subject !== undefined)
    return `What ${nameOf(actor)} did to ${nameOf(subject)}, the newest first`
  if (actor !== undefined) return `What ${nameOf(actor)} did, the newest first`
  return subject === undefined
    ? 'The newest first'
    : `What concerns ${nameOf(subject)}, the newest first`
}

const none = (visit: Visit): Html =>
  isFiltered(visit)
    ? empty(
        'Nothing like that has happened',
        'Widen the dates, or ask for everything.',
        html`<a class="button" href="${AUDIT}">Clear the filter</a>`,
      )
    : empty(
        'Nothing has happened yet',
        'Every change that people make, and every request that is refused or given tokens, is listed here.',
      )
