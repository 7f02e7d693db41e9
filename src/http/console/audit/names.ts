import { html } from 'hono/html'
import type { NamedRow } from '../../../service/ports/survey.ts'
import type { RecordedEvent } from '../../../service/ports.ts'
import type { Html } from '../parts/html.ts'
import type { Visit } from '../visit.ts'
import { pageOf } from './paths.ts'

/** Those that are no row, but act or are acted on. */
const OTHERS: Readonly<Record<string, string>> = {
  operator: 'the command line',
  server: 'the server',
  nobody: 'nobody known',
  audit: 'the audit',
  keyring: 'the key ring',
}

export interface Names {
  /** As a word in a sentence. */
  readonly nameOf: (id: string) => string
  /** As a link to its page. */
  readonly linkOf: (id: string) => Html
}

/** What to call everything that these events tell of by its id, and what else is asked for. */
export async function namesOf(
  visit: Visit,
  events: readonly RecordedEvent[],
  others: readonly string[] = [],
): Promise<Names> {
  const told = events.flatMap(({ actor, subject, facts }) => [actor, subject, ...idsIn(facts)])
  const ids = [...told, ...others]
  const rows = await visit.desk.audit.names([...new Set(ids)])
  const known = new Map(rows.map((row) => [row.id, row]))
  const { user } = visit.person
  const nameOf = (id: string) => known.get(id)?.name ?? OTHERS[id] ?? id
  return {
    nameOf,
    linkOf: (id) => {
      const row = known.get(id)
      if (row !== undefined && maySee(visit, row))
        return html`<a href="${pageOf(row)}">${row.name}</a>`
      if (row !== undefined || Object.hasOwn(OTHERS, id)) return html`${nameOf(id)}`
      // An operator who sees one account alone is of another.
      if (id === user.id) return html`${user.username ?? user.email}`
      // Deleted since, or of an account that he does not see.
      return html`<code title="${id}">${shortened(id)}</code>`
    },
  }
}

const maySee = (visit: Visit, { kind }: NamedRow): boolean =>
  kind !== 'account' || visit.may('accounts.read')

const idsIn = (facts: RecordedEvent['facts']): string[] =>
  Object.entries(facts).flatMap(([fact, value]) =>
    fact.endsWith('Id') && typeof value === 'string' ? [value] : [],
  )

const shortened = (id: string): string => (id.length > 13 ? `…${id.slice(-12)}` : id)
