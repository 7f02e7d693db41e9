import { type RawBuilder, sql } from 'kysely'
import type {
  AuditEvent,
  AuditStorage,
  EventFilter,
  RecordedEvent,
} from '../service/ports/audit.ts'
import type { Page } from '../service/ports/lists.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { Engine, Statement, StatementCompiler, Step } from './engine.ts'
import { listOldActions, renameEvent } from './renamed-events.ts'
import { type Arg, createCache, createSqlWriter, expandJsonList } from './statements.ts'
import type { Tables } from './tables.ts'

/** Tables whose rows have the id of the event of their last change. */
type AuditedTable = Exclude<SubjectTable, 'messages'>

/**
 * Creates the writes of the audit, and the pattern that every audited change follows. A change bumps
 * the authority's row first: PostgreSQL locks it until the commit, so that changes run one after another
 * there too, and each statement reads what the changes before have left.
 */
export function createAuditedChanges(engine: Engine, compiler: StatementCompiler) {
  const bumpAuthority = compiler.withoutArguments((db) =>
    db.updateTable('authority').set((eb) => ({ version: eb('version', '+', 1) })),
  )

  const insertEvent = createEventInsert(compiler, (arg) => ({
    account: selectSubjectAccountId(arg('subject')),
    where: sql``,
  }))

  /** Inserts the event only if the subject's row exists; `changed`: only if it has the event's id. */
  const createConditionalInsert = (
    requirement: 'there' | 'changed',
    table: AuditedTable,
    condition: RawBuilder<unknown> = sql`true`,
  ) =>
    createEventInsert(compiler, (arg) => ({
      account: selectAccountId(table),
      where: sql`
        from ${sql.table(table)} where ${sql.ref(`${table}.id`)} = ${arg('subject')} and ${condition}
        ${requirement === 'changed' ? sql`and ${sql.ref(`${table}.event_id`)} = ${arg('id')}` : sql``}`,
    }))
  const createCachedInsert = (requirement: 'there' | 'changed') => {
    const inserts = createCache<Statement<EventRow, unknown>>()
    return (table: AuditedTable, event: AuditEvent): Step =>
      inserts(table, () => createConditionalInsert(requirement, table))(toEventRow(event))
  }
  /** Follows the change, which has written the event's id into its row. */
  const insertEventIfChanged = createCachedInsert('changed')
  const insertEventIfPresent = createCachedInsert('there')
  const sqlStatement = createSqlWriter(compiler)

  return {
    /**
     * Applies a change of permissions as one: the authority's next version, the change (which must write
     * the event's id into its row), the event, and the follow-ups. True if the change's guard held.
     */
    async applyChange(
      table: AuditedTable,
      step: Step,
      event: AuditEvent,
      followUps: readonly Step[] = [],
    ): Promise<boolean> {
      const [, changed] = await engine.atomic([
        bumpAuthority,
        step,
        insertEventIfChanged(table, event),
        ...followUps,
      ])
      return changed === 1
    },

    /** Deletes a row by these steps, and adds the event. True if the row existed. */
    async applyDeletion(
      table: AuditedTable,
      steps: readonly Step[],
      event: AuditEvent,
    ): Promise<boolean> {
      const [, added] = await engine.atomic([
        bumpAuthority,
        insertEventIfPresent(table, event),
        ...steps,
      ])
      return added === 1
    },

    /**
     * Creates the deletion of a row for which `condition` holds. The event's insert has the guard, and
     * the rows of `children`, which refer to it by that column, and the row itself go only if the event
     * was inserted. Resolves to true if it was. `lock` precedes the guard.
     */
    createGuardedDeletion(
      table: AuditedTable,
      condition: RawBuilder<unknown>,
      children: readonly (readonly [table: string, column: string])[] = [],
      lock?: RawBuilder<unknown>,
    ) {
      const insertGuardedEvent = createConditionalInsert('there', table, condition)
      const deletions = [...children, [table, 'id'] as const].map(([name, column]) =>
        sqlStatement<{ id: string; eventId: string }>(
          (arg) => sql`
            delete from ${sql.table(name)} where ${sql.ref(column)} = ${arg('id')} and exists (
              select 1 from audit_events where audit_events.id = ${arg('eventId')})`,
        ),
      )
      const lockRow =
        lock === undefined
          ? null
          : sqlStatement<{ id: string }>((arg) => sql`${lock} where id = ${arg('id')}`)
      return async (id: string, event: AuditEvent): Promise<boolean> => {
        const precedingSteps = [bumpAuthority, ...(lockRow === null ? [] : [lockRow({ id })])]
        const changed = await engine.atomic([
          ...precedingSteps,
          insertGuardedEvent(toEventRow(event)),
          ...deletions.map((deletion) => deletion({ id, eventId: event.id })),
        ])
        return changed[precedingSteps.length] === 1
      }
    },

    /** Steps for lists that `applyChange` cannot build. */
    bumpAuthority,
    insertEventIfChanged,

    async addEvent(event: AuditEvent): Promise<void> {
      await engine.atomic([insertEvent(toEventRow(event))])
    },
  }
}

export type AuditedChanges = ReturnType<typeof createAuditedChanges>

type EventMethods = Pick<ResourceStorage, 'listEvents'> &
  Pick<AuditStorage, 'addEvents' | 'listRequestEvents'>

type EventQuery = Required<EventFilter> & {
  before: string
  limit: number
  /** A JSON list of the names that older versions gave to the filter's actions. */
  oldActions: string
}
type FoundEventRow = EventRow & Pick<Tables['audit_events'], 'account_id'>

/** Actions whose subject is a key or `nobody`. Each request may add such an event. */
const KEY_ACTIONS: readonly string[] = ['token.issued', 'token.refreshed', 'key.refused']

const EVENT_COLUMNS = sql`id, at, actor, action, subject, facts, request_id, account_id`

/** The condition of each filter. */
const EVENT_CONDITIONS = {
  accountId: (arg: Arg<EventQuery>) => sql`account_id = ${arg('accountId')}`,
  subject: (arg: Arg<EventQuery>) => sql`subject = ${arg('subject')}`,
  actor: (arg: Arg<EventQuery>) => sql`actor = ${arg('actor')}`,
  action: (arg: Arg<EventQuery>, oldActions: RawBuilder<unknown>) =>
    sql`(action = ${arg('action')} or action in ${oldActions})`,
  actionPrefix: (arg: Arg<EventQuery>, oldActions: RawBuilder<unknown>) => sql`(
    substr(action, 1, length(cast(${arg('actionPrefix')} as text))) = ${arg('actionPrefix')}
    or action in ${oldActions})`,
  since: (arg: Arg<EventQuery>) => sql`at >= ${arg('since')}`,
  until: (arg: Arg<EventQuery>) => sql`at < ${arg('until')}`,
} satisfies Record<keyof EventFilter, unknown>
const EVENT_FILTER_NAMES = Object.keys(EVENT_CONDITIONS) as (keyof EventFilter)[]

/** Adds events that were buffered off the hot path, and lists events. */
export function createEventStorage(engine: Engine, compiler: StatementCompiler): EventMethods {
  const sqlStatement = createSqlWriter(compiler)
  const createAdd = (selectAccount: (subject: unknown) => RawBuilder<unknown>) =>
    createEventInsert(compiler, (arg) => ({
      account: selectAccount(arg('subject')),
      // (`where true`: without it SQLite reads the conflict as part of a join.)
      where: sql`where true on conflict (id) do nothing`,
    }))
  const addAny = createAdd(selectSubjectAccountId)
  /** PostgreSQL prepares to read every table that a statement names, which is half the cost of an insert. */
  const addOfKey = createAdd((subject) => selectAccountIdFrom('keys', subject))
  const add = (event: AuditEvent): Step =>
    (KEY_ACTIONS.includes(event.action) ? addOfKey : addAny)(toEventRow(event))

  const selectByRequest = sqlStatement<{ requestId: string }, FoundEventRow>(
    (arg) =>
      sql`select ${EVENT_COLUMNS} from audit_events where request_id = ${arg('requestId')} order by id`,
  )

  // Each set of filters has a statement of its own, so that each uses the index that it can. The order is
  // that of two indexes, by time: a page ends at its limit or its date, however many events are older.
  const lists = createCache<Statement<EventQuery, FoundEventRow>>()
  const createList = (filterNames: readonly (keyof EventFilter)[], hasCursor: boolean) =>
    sqlStatement<EventQuery, FoundEventRow>((arg) => {
      const oldActions = expandJsonList(engine, arg('oldActions'))
      const conditions = filterNames.map((filterName) =>
        EVENT_CONDITIONS[filterName](arg, oldActions),
      )
      // A cursor with the id of another account's event must tell nothing about that event.
      const visibleTo = filterNames.includes('accountId')
        ? sql`and seen.account_id = ${arg('accountId')}`
        : sql``
      if (hasCursor) {
        conditions.push(
          sql`(at, id) < (
            select seen.at, seen.id from audit_events seen where seen.id = ${arg('before')} ${visibleTo})`,
        )
      }
      const where = conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql``
      return sql`
        select ${EVENT_COLUMNS} from audit_events ${where} order by at desc, id desc limit ${arg('limit')}`
    })

  return {
    async addEvents(events) {
      if (events.length > 0) await engine.atomic(events.map(add))
    },

    async listRequestEvents(requestId) {
      return (await engine.read(selectByRequest({ requestId }))).map(toRecordedEvent)
    },

    async listEvents({ after, limit, ...filter }: Page & EventFilter) {
      const filterNames = EVENT_FILTER_NAMES.filter((name) => filter[name] !== undefined)
      const hasCursor = after !== undefined
      const list = lists(String([...filterNames, hasCursor]), () =>
        createList(filterNames, hasCursor),
      )
      const oldActions = JSON.stringify(listOldActions(filter))
      const values = { ...filter, oldActions, before: after ?? '', limit } as EventQuery
      return (await engine.scan(list(values))).map(toRecordedEvent)
    },
  }
}

/** The columns that a caller provides. Storage finds the account, and seals the event into the chain. */
export type EventRow = Omit<Tables['audit_events'], 'sequence' | 'seal' | 'account_id'>

export const toEventRow = ({ requestId, facts, ...event }: AuditEvent): EventRow => ({
  id: event.id,
  at: event.at,
  actor: event.actor,
  action: event.action,
  subject: event.subject,
  facts: JSON.stringify(facts),
  request_id: requestId,
})

export const toRecordedEvent = ({
  request_id,
  account_id,
  facts,
  ...row
}: EventRow & Pick<Tables['audit_events'], 'account_id'>): RecordedEvent => ({
  ...row,
  ...renameEvent({ action: row.action, facts: JSON.parse(facts) }),
  requestId: request_id,
  accountId: account_id,
})

/** Tables whose rows are subjects of events. */
export type SubjectTable =
  | 'accounts'
  | 'ip_allowlist_entries'
  | 'sites'
  | 'users'
  | 'developers'
  | 'sources'
  | 'destinations'
  | 'subscriptions'
  | 'keys'
  | 'grants'
  | 'messages'

/** Selects the account that a row of the table belongs to. */
export function selectAccountId(table: SubjectTable): RawBuilder<string | null> {
  switch (table) {
    case 'accounts':
      return sql`accounts.id`
    case 'subscriptions':
    case 'messages':
      return sql`(select sources.account_id from sources where sources.id = ${sql.ref(`${table}.source_id`)})`
    case 'grants':
      return sql`(select keys.account_id from keys where keys.id = grants.key_id)`
    default:
      return sql.ref(`${table}.account_id`)
  }
}

/** Keys and users first: most events that come with no change are about them. */
const SUBJECT_TABLES: readonly SubjectTable[] = [
  'keys',
  'users',
  'accounts',
  'developers',
  'sources',
  'destinations',
  'sites',
  'ip_allowlist_entries',
  'grants',
  'subscriptions',
  'messages',
]

/** Selects the account of a subject in any table; null if it has none. Stops at the first table that has it. */
export const selectSubjectAccountId = (subject: unknown) =>
  sql`coalesce(${sql.join(SUBJECT_TABLES.map((table) => selectAccountIdFrom(table, subject)))})`

const selectAccountIdFrom = (table: SubjectTable, subject: unknown) =>
  sql`(select ${selectAccountId(table)} from ${sql.table(table)} where ${sql.ref(`${table}.id`)} = ${subject})`

/**
 * Creates the insert of an event `where` a condition holds. `account` selects the subject's account from
 * the database, so that no caller can pass a wrong one, or forget it.
 */
export function createEventInsert<More extends object = object>(
  compiler: StatementCompiler,
  write: (arg: (name: keyof (EventRow & More) & string) => unknown) => {
    readonly account: RawBuilder<unknown>
    /** The FROM and WHERE clauses; empty to insert always. */
    readonly where: RawBuilder<unknown>
  },
): Statement<EventRow & More, unknown> {
  return createSqlWriter(compiler)<EventRow & More>((arg) => {
    const { account, where } = write(arg)
    return sql`
      insert into audit_events
        (id, at, actor, action, subject, facts, request_id, account_id)
      select cast(${arg('id')} as text), cast(${arg('at')} as bigint),
        cast(${arg('actor')} as text), cast(${arg('action')} as text),
        cast(${arg('subject')} as text), cast(${arg('facts')} as text),
        cast(${arg('request_id')} as text), ${account}
      ${where}`
  })
}
