import { sql } from 'kysely'
import type { Role } from '../domain/key.ts'
import type {
  AllowlistEntry,
  Developer,
  EditStorage,
  RenamableKind,
  Site,
} from '../service/ports/accounts.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import { isRoleUnchanged } from './accounts.ts'
import type { AuditedChanges } from './audit.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createSqlWriter, type TableStatements } from './statements.ts'
import type { Tables } from './tables.ts'

type AccountResourceMethods = Pick<
  ResourceStorage,
  | 'addAllowlistEntry'
  | 'deleteAllowlistEntry'
  | 'listAllowlistEntries'
  | 'addSite'
  | 'listSites'
  | 'findSite'
  | 'addDeveloper'
  | 'listDevelopers'
  | 'findDeveloper'
>

/** What an account has beside people: addresses, sites, developers. */
export function createAccountResourceStorage(
  engine: Engine,
  compiler: StatementCompiler,
  rows: TableStatements,
  audit: AuditedChanges,
): AccountResourceMethods {
  const insertRule = rows.insertUnlessTaken('address_rules')
  const deleteRule = compiler.withArguments<{ id: string }>()((db, arg) =>
    db.deleteFrom('address_rules').where('id', '=', arg('id')),
  )
  const selectRules = compiler.withArguments<{ accountId: string }>()((db, arg) =>
    db
      .selectFrom('address_rules')
      .selectAll()
      .where('account_id', '=', arg('accountId'))
      .orderBy('id'),
  )

  const findSiteRow = rows.findById('sites')
  const readSitePage = rows.page('sites', 'account_id')
  const addSite = rows.insertUnlessTaken('sites')

  const findDeveloperRow = rows.findById('developers')
  const readDeveloperPage = rows.page('developers', 'account_id')
  const addDeveloper = rows.insertUnlessTaken('developers')

  return {
    addAllowlistEntry: ({ accountId, createdAt, ...rule }, event) =>
      audit.applyChange(
        'address_rules',
        insertRule({ ...rule, account_id: accountId, created_at: createdAt, event_id: event.id }),
        event,
      ),

    deleteAllowlistEntry: (id, event) =>
      audit.applyDeletion('address_rules', [deleteRule({ id })], event),

    async listAllowlistEntries(accountId) {
      return (await engine.read(selectRules({ accountId }))).map(toAddressRule)
    },

    addSite: ({ accountId, createdAt, ...site }, event) =>
      audit.applyChange(
        'sites',
        addSite({ ...site, account_id: accountId, created_at: createdAt, event_id: event.id }),
        event,
      ),

    async listSites({ accountId, ...page }) {
      return (await readSitePage(accountId, page)).map(toSite)
    },

    async findSite(id) {
      const row = await findSiteRow(id)
      return row === undefined ? null : toSite(row)
    },

    addDeveloper: ({ accountId, createdAt, developerKey, ...developer }, event) =>
      audit.applyChange(
        'developers',
        addDeveloper({
          ...developer,
          account_id: accountId,
          developer_key: developerKey,
          created_at: createdAt,
          event_id: event.id,
        }),
        event,
      ),

    async listDevelopers({ accountId, ...page }) {
      return (await readDeveloperPage(accountId, page)).map(toDeveloper)
    },

    async findDeveloper(id) {
      const row = await findDeveloperRow(id)
      return row === undefined ? null : toDeveloper(row)
    },
  }
}

const toAddressRule = (row: Tables['address_rules']): AllowlistEntry => ({
  id: row.id,
  accountId: row.account_id,
  network: row.network,
  note: row.note,
  createdAt: row.created_at,
})

const toSite = (row: Tables['sites']): Site => ({
  id: row.id,
  accountId: row.account_id,
  name: row.name,
  createdAt: row.created_at,
})

const toDeveloper = (row: Tables['developers']): Developer => ({
  id: row.id,
  accountId: row.account_id,
  name: row.name,
  developerKey: row.developer_key,
  createdAt: row.created_at,
})

const RENAMABLE_TABLES = {
  account: 'accounts',
  site: 'sites',
  source: 'sources',
  destination: 'destinations',
  developer: 'developers',
} as const satisfies Record<RenamableKind, string>

type DeletableTable = 'sites' | 'developers' | 'subscriptions'

/** Edits of small things, and the end of those that nothing hangs on. */
export function createEditStorage(compiler: StatementCompiler, audit: AuditedChanges): EditStorage {
  const sqlStatement = createSqlWriter(compiler)
  const rename = (kind: RenamableKind) =>
    sqlStatement<{ id: string; name: string; eventId: string }>(
      (arg) => sql`
        update ${sql.table(RENAMABLE_TABLES[kind])} set name = ${arg('name')}, event_id = ${arg('eventId')}
        where id = ${arg('id')}`,
    )
  const renames = {
    account: rename('account'),
    site: rename('site'),
    source: rename('source'),
    destination: rename('destination'),
    developer: rename('developer'),
  }
  const setEmail = sqlStatement<{ id: string; email: string; eventId: string; role: Role | null }>(
    (arg) => sql`
      update users set email = ${arg('email')}, event_id = ${arg('eventId')}
      where id = ${arg('id')} and ${isRoleUnchanged(arg('role'))} and not exists (
        select 1 from users other where other.account_id = users.account_id
          and other.email = ${arg('email')} and other.id <> ${arg('id')}
      )`,
  )

  // The event's own statement has the guard: the row goes where the event came.
  const createDeletion = (table: DeletableTable) =>
    sqlStatement<{ id: string; eventId: string }>(
      (arg) => sql`
        delete from ${sql.table(table)} where id = ${arg('id')} and exists (
          select 1 from audit_events where audit_events.id = ${arg('eventId')})`,
    )
  const deletions = {
    sites: createDeletion('sites'),
    developers: createDeletion('developers'),
    subscriptions: createDeletion('subscriptions'),
  }
  /** Locks the feed, as who settles an attempt does, before it is asked what it has queued. */
  const lockSubscription = sqlStatement<{ id: string }>(
    (arg) => sql`update subscriptions set attempts = attempts where id = ${arg('id')}`,
  )
  const hasSiteNoKeys = sql`not exists (select 1 from keys where keys.site_id = sites.id)`
  const hasDeveloperNoKeys = sql`not exists (
    select 1 from keys where keys.developer_id = developers.id)`
  const hasEmptyQueue = sql`not exists (
    select 1 from deliveries where deliveries.subscription_id = subscriptions.id
      and deliveries.status = 'queued')`

  return {
    rename: (kind, id, name, event) =>
      audit.applyChange(
        RENAMABLE_TABLES[kind],
        renames[kind]({ id, name, eventId: event.id }),
        event,
      ),

    setUserEmail: (id, email, event, role) =>
      audit.applyChange(
        'users',
        setEmail({ id, email, eventId: event.id, role: role ?? null }),
        event,
      ),

    deleteSite: (id, event) => {
      const deletion = deletions.sites({ id, eventId: event.id })
      return audit.applyDeletionIf('sites', hasSiteNoKeys, [], [deletion], event)
    },

    deleteDeveloper: (id, event) => {
      const deletion = deletions.developers({ id, eventId: event.id })
      return audit.applyDeletionIf('developers', hasDeveloperNoKeys, [], [deletion], event)
    },

    deleteSubscription: (id, event) => {
      const deletion = deletions.subscriptions({ id, eventId: event.id })
      return audit.applyDeletionIf(
        'subscriptions',
        hasEmptyQueue,
        [lockSubscription({ id })],
        [deletion],
        event,
      )
    },
  }
}
