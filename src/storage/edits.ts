import { sql } from 'kysely'
import type { Role } from '../domain/key.ts'
import type { EditStorage, Named } from '../service/ports/edits.ts'
import type { Audit } from './audit.ts'
import type { Compiler } from './engine.ts'
import { isStill } from './people/is-still.ts'
import { writer } from './written.ts'

const TABLES = {
  account: 'accounts',
  site: 'sites',
  source: 'sources',
  destination: 'destinations',
  developer: 'developers',
} as const satisfies Record<Named, string>

type Removable = 'sites' | 'developers' | 'subscriptions'

/** Edits of small things, and the end of those that nothing hangs on. */
export function createEdits(compiler: Compiler, audit: Audit): EditStorage {
  const written = writer(compiler)
  const rename = (what: Named) =>
    written<{ id: string; name: string; eventId: string }>(
      (arg) => sql`
        update ${sql.table(TABLES[what])} set name = ${arg('name')}, event_id = ${arg('eventId')}
        where id = ${arg('id')}`,
    )
  const renames = {
    account: rename('account'),
    site: rename('site'),
    source: rename('source'),
    destination: rename('destination'),
    developer: rename('developer'),
  }
  const setEmail = written<{ id: string; email: string; eventId: string; role: Role | null }>(
    (arg) => sql`
      update users set email = ${arg('email')}, event_id = ${arg('eventId')}
      where id = ${arg('id')} and ${isStill(arg('role'))} and not exists (
        select 1 from users other where other.account_id = users.account_id
          and other.email = ${arg('email')} and other.id <> ${arg('id')}
      )`,
  )

  // The event's own statement has the guard: the row goes where the event came.
  const remove = (table: Removable) =>
    written<{ id: string; eventId: string }>(
      (arg) => sql`
        delete from ${sql.table(table)} where id = ${arg('id')} and exists (
          select 1 from audit_events where audit_events.id = ${arg('eventId')})`,
    )
  const removals = {
    sites: remove('sites'),
    developers: remove('developers'),
    subscriptions: remove('subscriptions'),
  }
  /** Locks the feed, as who settles an attempt does, before it is asked what it has queued. */
  const hold = written<{ id: string }>(
    (arg) => sql`update subscriptions set attempts = attempts where id = ${arg('id')}`,
  )
  const noKeysOfSite = sql`not exists (select 1 from keys where keys.site_id = sites.id)`
  const noKeysOfDeveloper = sql`not exists (
    select 1 from keys where keys.developer_id = developers.id)`
  const nothingQueued = sql`not exists (
    select 1 from deliveries where deliveries.subscription_id = subscriptions.id
      and deliveries.status = 'queued')`

  return {
    rename: (what, id, name, event) =>
      audit.change(TABLES[what], renames[what]({ id, name, eventId: event.id }), event),

    setUserEmail: (id, email, event, role) =>
      audit.change('users', setEmail({ id, email, eventId: event.id, role: role ?? null }), event),

    removeSite: (id, event) => {
      const removal = removals.sites({ id, eventId: event.id })
      return audit.removalIf('sites', noKeysOfSite, [], [removal], event)
    },

    removeDeveloper: (id, event) => {
      const removal = removals.developers({ id, eventId: event.id })
      return audit.removalIf('developers', noKeysOfDeveloper, [], [removal], event)
    },

    removeSubscription: (id, event) => {
      const removal = removals.subscriptions({ id, eventId: event.id })
      return audit.removalIf('subscriptions', nothingQueued, [hold({ id })], [removal], event)
    },
  }
}
