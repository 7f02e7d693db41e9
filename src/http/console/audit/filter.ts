import { html } from 'hono/html'
import type { EventFilter } from '../../../service/ports.ts'
import { type Choice, field, link, select, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { optional, text, type Visit } from '../visit.ts'
import { AUDIT } from './paths.ts'
import { ACTIONS, titleOf } from './sentence.ts'

const DAY_MS = 86_400_000
const NAMES = ['who', 'what', 'subject', 'since', 'until'] as const
const ID = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|operator|server|nobody|audit)$/

/** What the query asks of the audit; a phrase where it asks for what there cannot be. */
export async function readFilter(visit: Visit): Promise<EventFilter | string> {
  const asked: { -readonly [Name in keyof EventFilter]: EventFilter[Name] } = {}
  const what = optional(visit, 'what')
  if (what?.endsWith('.')) asked.actionPrefix = what
  else asked.action = what
  for (const [name, question] of [
    ['who', 'actor'],
    ['subject', 'subject'],
  ] as const) {
    const typed = optional(visit, name)
    if (typed === undefined) continue
    // A public id may look like the id of a row: what has the name comes first.
    const known = await visit.desk.audit.idOf(typed)
    const id = known ?? (ID.test(typed.toLowerCase()) ? typed.toLowerCase() : null)
    if (id === null) {
      return `no key, user or id here is called ${typed}: give a whole id, username or e-mail address`
    }
    asked[question] = id
  }
  for (const [name, days] of [
    ['since', 0],
    ['until', 1],
  ] as const) {
    const typed = optional(visit, name)
    if (typed === undefined) continue
    const at = Date.parse(`${typed}T00:00:00Z`)
    if (Number.isNaN(at)) return `${typed} is no day: write it as 2027-01-31`
    // The whole of the last day, too.
    asked[name] = at + days * DAY_MS
  }
  return asked
}

export const isFiltered = (visit: Visit): boolean =>
  NAMES.some((name) => optional(visit, name) !== undefined)

/** The same questions, from another place on. */
export function listPath(visit: Visit, after?: string): string {
  const query = new URLSearchParams()
  for (const name of NAMES) {
    const value = optional(visit, name)
    if (value !== undefined) query.set(name, value)
  }
  if (after !== undefined) query.set('after', after)
  return query.size === 0 ? AUDIT : `${AUDIT}?${query}`
}

export const filterForm = (visit: Visit): Html => html`
  <form class="filters" method="get" action="${AUDIT}" role="search" aria-label="The audit" data-filter>
    ${select({ name: 'what', label: 'What', value: text(visit, 'what'), choices: WHATS })}
    ${field({ name: 'who', label: 'Who did it', type: 'search', value: text(visit, 'who'), maxlength: 320, spellcheck: false })}
    ${field({ name: 'subject', label: 'To whom or what', type: 'search', value: text(visit, 'subject'), maxlength: 320, spellcheck: false })}
    ${field({ name: 'since', label: 'From the day', type: 'date', value: text(visit, 'since') })}
    ${field({ name: 'until', label: 'To the day', type: 'date', value: text(visit, 'until') })}
    <div class="row">${submit('Filter', '')}${isFiltered(visit) ? link(AUDIT, 'Clear', 'quiet') : nothing}</div>
  </form>
  <p class="small soft">Name people by username or e-mail address, everything else by its whole id. Days are in UTC, and the last one is included.</p>`

const KINDS = [...new Set(ACTIONS.map((action) => action.replace(/\..*/, '.')))]

/** Everything that happens to one kind of thing, then each event by itself. */
const WHATS: readonly Choice[] = [
  { value: '', text: 'Everything' },
  ...KINDS.filter((kind) => ACTIONS.filter((action) => action.startsWith(kind)).length > 1).map(
    (kind) => ({ value: kind, text: `${titleOf(kind).trim()}: everything` }),
  ),
  ...ACTIONS.map((action) => ({ value: action, text: titleOf(action) })),
]
