import { html } from 'hono/html'
import type { RecordedEvent } from '../../../../service/ports/audit.ts'
import type { NamedRow } from '../../../../service/ports/dashboard.ts'
import type { Html } from '../../components/html.ts'
import type { PageContext } from '../../context.ts'
import { formatRowPath } from '../../navigation.ts'

/** The names of actors and subjects that are no rows of the database. */
const SYSTEM_NAMES: Readonly<Record<string, string>> = {
  operator: 'the command line',
  server: 'the server',
  nobody: 'nobody known',
  audit: 'the audit',
  keyring: 'the key ring',
}

export interface EventNames {
  readonly getName: (id: string) => string
  /** Links to the page of the row, where the user may see it. */
  readonly nameLink: (id: string) => Html
}

/** Loads the names of every actor, subject and referenced row of the events, and of `extraIds`. */
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
      // The rows of the selected account do not include the operator who looks at it.
      if (id === user.id) return html`${user.username ?? user.email}`
      // The row was deleted, or is in an account that the user cannot see.
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
