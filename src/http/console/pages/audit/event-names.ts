import { html } from 'hono/html'
import type { RecordedEvent } from '../../../../service/ports/audit.ts'
import type { NamedRow } from '../../../../service/ports/dashboard.ts'
import type { Html } from '../../components/html.ts'
import type { PageContext } from '../../context.ts'

/** Those that are no row, but act or are acted on. */
const SYSTEM_NAMES: Readonly<Record<string, string>> = {
  operator: 'the command line',
  server: 'the server',
  nobody: 'nobody known',
  audit: 'the audit',
  keyring: 'the key ring',
}

export interface EventNames {
  /** As a word in a sentence. */
  readonly getName: (id: string) => string
  /** As a link to its page. */
  readonly nameLink: (id: string) => Html
}

/** What to call everything that these events tell of by its id, and what else is asked for. */
export async function loadEventNames(
  context: PageContext,
  events: readonly RecordedEvent[],
  extraIds: readonly string[] = [],
): Promise<EventNames> {
  const eventIds = events.flatMap(({ actor, subject, facts }) => [
    actor,
    subject,
    ...listReferencedIds(facts),
  ])
  const ids = [...eventIds, ...extraIds]
  const rows = await context.services.audit.findNames([...new Set(ids)])
  const rowsById = new Map(rows.map((row) => [row.id, row]))
  const { user } = context.session
  const getName = (id: string) => rowsById.get(id)?.name ?? SYSTEM_NAMES[id] ?? id
  return {
    getName,
    nameLink: (id) => {
      const row = rowsById.get(id)
      if (row !== undefined && canSeeRow(context, row))
        return html`<a href="${formatRowPath(row)}">${row.name}</a>`
      if (row !== undefined || Object.hasOwn(SYSTEM_NAMES, id)) return html`${getName(id)}`
      // An operator who sees one account alone is of another.
      if (id === user.id) return html`${user.username ?? user.email}`
      // Deleted since, or of an account that he does not see.
      return html`<code title="${id}">${shortenId(id)}</code>`
    },
  }
}

const canSeeRow = (context: PageContext, { kind }: NamedRow): boolean =>
  kind !== 'account' || context.can('accounts.read')

const listReferencedIds = (facts: RecordedEvent['facts']): string[] =>
  Object.entries(facts).flatMap(([fact, value]) =>
    fact.endsWith('Id') && typeof value === 'string' ? [value] : [],
  )

const shortenId = (id: string): string => (id.length > 13 ? `…${id.slice(-12)}` : id)

export const AUDIT_PATH = '/console/audit'

/** Where each kind of row has its page. */
const ROW_PAGE_PATHS: Readonly<Record<NamedRow['kind'], string>> = {
  account: '/console/accounts',
  user: '/console/people',
  key: '/console/keys',
  site: '/console/sites',
  developer: '/console/developers',
  source: '/console/sources',
  destination: '/console/destinations',
  subscription: '/console/feeds',
}

export const formatRowPath = ({ kind, id }: Pick<NamedRow, 'kind' | 'id'>): string =>
  `${ROW_PAGE_PATHS[kind]}/${id}`
