import { type RawBuilder, sql } from 'kysely'
import type { DeletableKind, EditStorage, RowKind } from '../service/ports/accounts.ts'
import type { AuditEvent } from '../service/ports/audit.ts'
import type { Page } from '../service/ports/lists.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import { type AuditedChanges, selectAccountId } from './audited-changes.ts'
import type { Engine, Statement, StatementCompiler } from './engine.ts'
import { createCache, createSqlWriter, type TableStatements } from './statements.ts'
import { createRowMapping, type RowValue, type Tables } from './tables.ts'

type DirectoryMethods = Pick<
  ResourceStorage,
  | 'addSite'
  | 'listSites'
  | 'findSite'
  | 'addDeveloper'
  | 'listDevelopers'
  | 'findDeveloper'
  | 'addSource'
  | 'listSources'
  | 'findSource'
>

/** Stores what an account has by name alone. The columns of each table are the members of its rows. */
export function createDirectoryStorage(
  rows: TableStatements,
  audit: AuditedChanges,
): DirectoryMethods {
  const sites = createMethods('sites')
  const developers = createMethods('developers')
  const sources = createMethods('sources')
  return {
    addSite: sites.add,
    listSites: sites.list,
    findSite: sites.find,
    addDeveloper: developers.add,
    listDevelopers: developers.list,
    findDeveloper: developers.find,
    addSource: sources.add,
    listSources: sources.list,
    findSource: sources.find,
  }

  function createMethods<Name extends 'sites' | 'developers' | 'sources'>(table: Name) {
    const { toRow, fromRow } = createRowMapping(table)
    const insert = rows.insertUnlessTaken(table)
    const readPage = rows.page(table, 'account_id', fromRow)
    return {
      add: (value: RowValue<Name>, event: AuditEvent) =>
        audit.applyChange(table, insert(toRow(value, event.id)), event),
      list: ({ accountId, ...page }: Page & { accountId?: string | undefined }) =>
        readPage(accountId, page),
      find: rows.findById(table, fromRow),
    }
  }
}

const TABLES = {
  account: 'accounts',
  user: 'users',
  site: 'sites',
  developer: 'developers',
  source: 'sources',
  destination: 'destinations',
  subscription: 'subscriptions',
  key: 'keys',
  message: 'messages',
  allowlistEntry: 'ip_allowlist_entries',
  sunset: 'sunsets',
  import: 'imports',
} as const satisfies Record<RowKind, keyof Tables>

interface DeletionGuard {
  /** The rows that may be deleted. */
  readonly deletable: RawBuilder<unknown>
  /** Rows that go with it. */
  readonly children?: readonly (readonly [table: string, column: string])[]
  readonly lock?: RawBuilder<unknown>
}

const DELETION_GUARDS: Readonly<Record<DeletableKind, DeletionGuard>> = {
  account: {
    deletable: sql`accounts.status = 'closed'
      and not exists (select 1 from users where users.account_id = accounts.id)
      and not exists (select 1 from sites where sites.account_id = accounts.id)
      and not exists (select 1 from developers where developers.account_id = accounts.id)
      and not exists (select 1 from sources where sources.account_id = accounts.id)
      and not exists (select 1 from destinations where destinations.account_id = accounts.id)
      and not exists (select 1 from keys where keys.account_id = accounts.id)`,
    children: [
      ['ip_allowlist_entries', 'account_id'],
      ['sunsets', 'account_id'],
    ],
  },
  user: {
    deletable: sql`users.deactivated_at is not null
      and not exists (select 1 from keys where keys.owner_id = users.id)`,
    children: [
      ['sessions', 'user_id'],
      ['invitations', 'user_id'],
      ['recovery_codes', 'user_id'],
      ['oauth_uses', 'resource_id'],
    ],
  },
  site: {
    deletable: sql`not exists (select 1 from keys where keys.site_id = sites.id)
      and not exists (select 1 from key_sites where key_sites.site_id = sites.id)`,
    children: [
      ['sunsets', 'site_id'],
      ['oauth_uses', 'resource_id'],
    ],
  },
  developer: {
    deletable: sql`not exists (select 1 from keys where keys.developer_id = developers.id)`,
  },
  // An OAuth client that has sent messages may have lost the source since.
  source: {
    deletable: sql`not exists (select 1 from keys where keys.source_id = sources.id)
      and not exists (select 1 from key_sources where key_sources.source_id = sources.id)
      and not exists (select 1 from message_periods where owner_id = sources.id)
      and not exists (select 1 from subscriptions where subscriptions.source_id = sources.id)`,
    children: [
      ['sunsets', 'source_id'],
      ['oauth_uses', 'resource_id'],
    ],
  },
  destination: {
    deletable: sql`not exists (
        select 1 from subscriptions where subscriptions.destination_id = destinations.id)
      and not exists (select 1 from message_periods where owner_id = destinations.id)`,
  },
  // Locks the row before its queue is read, as every settling of an attempt does.
  subscription: {
    deletable: sql`not exists (
      select 1 from deliveries where deliveries.subscription_id = subscriptions.id
        and deliveries.status = 'queued')`,
    lock: sql`update subscriptions set attempts = attempts`,
  },
}

/** Stores the edits that rows of several kinds have in common. */
export function createEditStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): Omit<EditStorage, 'setUserEmail'> {
  const sqlStatement = createSqlWriter(compiler)
  const renames =
    createCache<(args: { id: string; name: string }, event: AuditEvent) => Promise<boolean>>()
  const deletions = createCache<ReturnType<AuditedChanges['createGuardedDeletion']>>()
  const accounts = createCache<Statement<{ id: string }, { readonly accountId: string }>>()
  return {
    async findRowAccountId(kind, id) {
      const table = TABLES[kind]
      const select = accounts(table, () =>
        sqlStatement(
          (arg) => sql`
            select ${selectAccountId(table)} as "accountId" from ${sql.table(table)}
            where id = ${arg('id')}`,
        ),
      )
      const [row] = await engine.read(select({ id }))
      return row?.accountId ?? null
    },

    rename(kind, id, name, event) {
      const table = TABLES[kind]
      return renames(table, () => audit.createUpdate(table, ['name']))({ id, name }, event)
    },

    deleteRow(kind, id, event) {
      const table = TABLES[kind]
      const { deletable, children, lock } = DELETION_GUARDS[kind]
      const deleteGuarded = deletions(table, () =>
        audit.createGuardedDeletion(table, deletable, children, lock),
      )
      return deleteGuarded(id, event)
    },
  }
}
