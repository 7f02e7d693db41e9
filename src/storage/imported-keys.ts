import { type RawBuilder, sql } from 'kysely'
import { KEY_HOLDER_ROLES } from '../domain/role.ts'
import type { ImportStorage, NamedKind, NewImportedKey } from '../service/ports/imports.ts'
import { type AuditedChanges, toEventRow } from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { toNewKeyRow } from './key-secrets.ts'
import { createClientChanges } from './oauth-clients.ts'
import { createCache, createSqlWriter } from './statements.ts'

type ImportedKeyMethods = Pick<
  ImportStorage,
  'addImportedKeys' | 'deleteImportedKeys' | 'findIdsByName'
>

/** The columns of `keys` that a row of an import sets, as members of one JSON object. */
const KEY_COLUMN_TYPES = {
  id: 'text',
  key_type: 'text',
  source_id: 'text',
  site_id: 'text',
  developer_id: 'text',
  public_id: 'text',
  name: 'text',
  description: 'text',
  reference: 'text',
  status: 'text',
  disabled_by: 'text',
  access: 'text',
  secret_hash: 'text',
  secret_digest: 'text',
  sealed_secret: 'text',
  token_salt: 'text',
  token_epoch: 'bigint',
  created_at: 'bigint',
  assigned_at: 'bigint',
  expires_at: 'bigint',
  disabled_at: 'bigint',
  revoked_at: 'bigint',
  last_used_at: 'bigint',
  event_id: 'text',
} as const

/**
 * Writes many keys by a few statements, each of which takes its rows as one JSON text: a statement for each row
 * would take three times as long on SQLite, and D1 allows a Worker only so many.
 */
export function createImportedKeyStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): ImportedKeyMethods {
  const sqlStatement = createSqlWriter(compiler)
  const clients = createClientChanges(engine, compiler)
  const { from, member } = createJsonRows(engine)

  type Addition = { importId: string; rows: string }
  const belongsToAccount = (table: 'sources' | 'sites' | 'developers', column: string) => sql`(
    ${member(column)} is null or exists (select 1 from ${sql.table(table)} as own
      where own.id = ${member(column)} and own.account_id = users.account_id))`
  const columns = Object.entries(KEY_COLUMN_TYPES)
  const insertKeys = sqlStatement<Addition>(
    (arg) => sql`
      insert into keys (account_id, owner_id, ${sql.join(columns.map(([name]) => sql.ref(name)))})
      select users.account_id, users.id,
        ${sql.join(columns.map(([name, type]) => member(name, type)))}
      from ${from(arg('rows'))} join users on users.id = ${member('owner_id')}
      where users.account_id = ${member('account_id')}
        and users.role in (${sql.join(KEY_HOLDER_ROLES)}) and users.deactivated_at is null
        and ${belongsToAccount('sources', 'source_id')}
        and ${belongsToAccount('sites', 'site_id')}
        and ${belongsToAccount('developers', 'developer_id')}
        and (${member('pepper_id')} is null or exists (
          select 1 from peppers where peppers.id = ${member('pepper_id')}))
        and exists (select 1 from imports
          where imports.id = ${arg('importId')} and imports.status = 'running')
      on conflict do nothing`,
  )
  /** Rows whose key was added, which has the event of its row. */
  const selectAddedKeys = (rows: unknown) => sql`
    ${from(rows)} join keys on keys.id = ${member('id')} and keys.event_id = ${member('event_id')}`
  const insertImported = sqlStatement<Addition>(
    (arg) => sql`
      insert into imported_keys
        (key_id, import_id, line, secret_form, pepper_id, secret_start, last_used_at)
      select keys.id, cast(${arg('importId')} as text), ${member('line', 'bigint')},
        ${member('secret_form')}, ${member('pepper_id')}, ${member('secret_start')},
        ${member('last_used_at', 'bigint')}
      from ${selectAddedKeys(arg('rows'))}`,
  )
  const insertEvents = sqlStatement<{ rows: string }>(
    (arg) => sql`
      insert into audit_events (id, at, actor, action, subject, facts, request_id, account_id)
      select ${member('event_id')}, ${member('at', 'bigint')}, ${member('actor')},
        ${member('action')}, keys.id, ${member('facts')}, ${member('request_id')}, keys.account_id
      from ${selectAddedKeys(arg('rows'))}`,
  )
  const countImported = sqlStatement<Addition>(
    (arg) => sql`
      update imports set imported = imported + (select count(*) from ${selectAddedKeys(arg('rows'))})
      where id = ${arg('importId')}`,
  )
  const selectAdded = sqlStatement<{ rows: string }, { id: string }>(
    (arg) => sql`select keys.id from ${selectAddedKeys(arg('rows'))}`,
  )

  const isDeletable = (includesUsed: unknown) => sql`(${includesUsed} = 1 or not ${IS_USED})`
  type Deletion = { importId: string; rows: string; includesUsed: number }
  /**
   * The events come first, and have the guard: the rows go only with their events. A cross join keeps SQLite from
   * beginning with all keys of the import.
   */
  const insertDeletionEvents = sqlStatement<Deletion>(
    (arg) => sql`
      insert into audit_events (id, at, actor, action, subject, facts, request_id, account_id)
      select ${member('id')}, ${member('at', 'bigint')}, ${member('actor')},
        ${member('action')}, keys.id, ${member('facts')}, ${member('request_id')}, keys.account_id
      from ${from(arg('rows'))} cross join keys cross join imported_keys
      where keys.id = ${member('subject')} and imported_keys.key_id = keys.id
        and imported_keys.import_id = ${arg('importId')} and ${isDeletable(arg('includesUsed'))}`,
  )
  const deletePeppers = sqlStatement<{ rows: string }>(
    (arg) => sql`
      delete from peppers where id in (
        select imported_keys.pepper_id from ${from(arg('rows'))}
        join imported_keys on imported_keys.key_id = ${member('subject')}
        join audit_events on audit_events.id = ${member('id')})
      and not exists (
        select 1 from imported_keys as other
        where other.pepper_id = peppers.id and other.upgraded_at is null
          and other.key_id not in (
            select audit_events.subject from ${from(arg('rows'))}
            join audit_events on audit_events.id = ${member('id')}))`,
  )
  const deleteFrom = (table: string, column: string) =>
    sqlStatement<{ rows: string }>(
      (arg) => sql`
        delete from ${sql.table(table)} where ${sql.ref(column)} in (
          select audit_events.subject from ${from(arg('rows'))}
          join audit_events on audit_events.id = ${member('id')})`,
    )
  const deletions = [
    deletePeppers,
    deleteFrom('imported_keys', 'key_id'),
    deleteFrom('oauth_clients', 'key_id'),
    deleteFrom('key_sources', 'key_id'),
    deleteFrom('key_sites', 'key_id'),
    deleteFrom('key_uses', 'key_id'),
    deleteFrom('keys', 'id'),
  ]

  const nameSearches = createCache<ReturnType<typeof createNameSearch>>()
  /** One statement for both scopes, or in order of the ids, would read each row of the account. */
  const createNameSearch = (kind: NamedKind, isInAccount: boolean) => {
    const [table, column, account] = NAMED_TABLES[kind]
    return sqlStatement<{ name: string; accountId: string | null }, { id: string }>(
      (arg) => sql`
        select id from ${sql.table(table)} where ${sql.ref(column)} = ${arg('name')}
        ${isInAccount ? sql`and ${sql.ref(account)} = ${arg('accountId')}` : sql``} limit 2`,
    )
  }

  return {
    async addImportedKeys(importId, keys) {
      const rows = JSON.stringify(keys.map(toJsonRow))
      const steps = [
        audit.bumpAuthority,
        insertKeys({ importId, rows }),
        insertImported({ importId, rows }),
        insertEvents({ rows }),
        countImported({ importId, rows }),
        ...keys.flatMap(({ id, event, oauthClient }) =>
          oauthClient === null ? [] : clients.add(id, event.id, oauthClient),
        ),
      ]
      const [, changed] = await engine.atomic(steps, { isBackground: true })
      if (changed === keys.length) return new Set(keys.map(({ id }) => id))
      return new Set((await engine.read(selectAdded({ rows }))).map(({ id }) => id))
    },

    async deleteImportedKeys(importId, events, includesUsed) {
      const rows = JSON.stringify(events.map(toEventRow))
      const steps = [
        audit.bumpAuthority,
        insertDeletionEvents({ importId, rows, includesUsed: includesUsed ? 1 : 0 }),
        ...deletions.map((deletion) => deletion({ rows })),
      ]
      const [, deleted = 0] = await engine.atomic(steps, { isBackground: true })
      return deleted
    },

    async findIdsByName({ kind, name, accountId = null }) {
      const isInAccount = accountId !== null
      const search = nameSearches(`${kind} ${isInAccount}`, () =>
        createNameSearch(kind, isInAccount),
      )
      return (await engine.read(search({ name, accountId }))).map(({ id }) => id)
    },
  }
}

/** True if the key was used since its import, or got a new secret. */
export const IS_USED = sql`(
  imported_keys.upgraded_at is not null or keys.secret_rotated_at is not null
  or coalesce(keys.last_used_at, -1) <> coalesce(imported_keys.last_used_at, -1))`

/** The tables of named rows: the column of the name, and that of the account. */
const NAMED_TABLES = {
  account: ['accounts', 'name', 'id'],
  user: ['users', 'email', 'account_id'],
  source: ['sources', 'name', 'account_id'],
  site: ['sites', 'name', 'account_id'],
  developer: ['developers', 'name', 'account_id'],
} as const satisfies Record<NamedKind, readonly [string, string, string]>

/**
 * Reads rows that are passed as one JSON list of objects. SQLite would write the text of a row anew for each of
 * its members, if the rows were not materialized.
 */
function createJsonRows(engine: Pick<Engine, 'sql'>) {
  return {
    from: (rows: unknown): RawBuilder<unknown> =>
      engine.sql === 'sqlite'
        ? sql`(
            with texts as materialized (select value from json_each(${rows})) select value from texts
          ) as item`
        : sql`json_array_elements(cast(${rows} as json)) as item(value)`,
    member: (name: string, type: 'text' | 'bigint' = 'text'): RawBuilder<unknown> =>
      sql`cast(item.value ->> ${sql.lit(name)} as ${sql.raw(type)})`,
  }
}

function toJsonRow(key: NewImportedKey): object {
  const { at, actor, action, facts, request_id } = toEventRow(key.event)
  return {
    ...toNewKeyRow(key, key.event),
    status: key.status,
    disabled_by: key.disabledBy,
    token_epoch: 0,
    assigned_at: key.assignedAt,
    disabled_at: key.status === 'disabled' ? at : null,
    revoked_at: key.status === 'revoked' ? at : null,
    last_used_at: key.lastUsedAt,
    line: key.line,
    secret_form: key.secretForm,
    pepper_id: key.pepperId,
    secret_start: key.secretStart,
    at,
    actor,
    action,
    facts,
    request_id,
  }
}
