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
import { type Arg, createSqlWriter } from './statements.ts'
import type { Tables } from './tables.ts'

/** Tables whose rows remember the event of their last change. */
type AuditedTable = Exclude<SubjectTable, 'messages'>

/**
 * Writes of the audit, and the pattern that every audited change follows. The authority's row is
 * changed first: PostgreSQL locks it until the commit, so that changes come one after another there
 * too, and what a later statement reads is what the changes before have left.
 */
export function createAuditedChanges(engine: Engine, compiler: StatementCompiler) {
  const bumpAuthority = compiler.withoutArguments((db) =>
    db.updateTable('authority').set((eb) => ({ version: eb('version', '+', 1) })),
  )

  const insertEvent = createEventInsert(compiler, (arg) => ({
    account: selectSubjectAccountId(arg('subject')),
    where: sql``,
  }))

  /** The event, only if there is such a row: `changed`, one that carries the event's id. */
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
    const statements = new Map<AuditedTable, Statement<EventRow, unknown>>()
    return (table: AuditedTable, event: AuditEvent): Step => {
      const statement = statements.get(table) ?? createConditionalInsert(requirement, table)
      statements.set(table, statement)
      return statement(toEventRow(event))
    }
  }
  const conditionalInserts = new Map<string, Statement<EventRow, unknown>>()
  /** Follows the change: its row carries the event's id. */
  const insertEventIfChanged = createCachedInsert('changed')
  const insertEventIfPresent = createCachedInsert('there')

  return {
    /**
     * A change of who may do what: the authority's next version, the change (which must write the
     * event's id into its row), the event, and what else goes with it, as one. True if the change's
     * guard held.
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

    /** A row goes, the event of that stays. True if it was there. */
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

    /** The same where this holds of the row; `before` comes first. */
    async applyDeletionIf(
      table: AuditedTable,
      condition: RawBuilder<unknown>,
      precedingSteps: readonly Step[],
      steps: readonly Step[],
      event: AuditEvent,
    ): Promise<boolean> {
      const name = `${table} to remove`
      const insertEvent =
        conditionalInserts.get(name) ?? createConditionalInsert('there', table, condition)
      conditionalInserts.set(name, insertEvent)
      const changed = await engine.atomic([
        bumpAuthority,
        ...precedingSteps,
        insertEvent(toEventRow(event)),
        ...steps,
      ])
      return changed[precedingSteps.length + 1] === 1
    },

    /** For who makes a list of his own: the authority's next version, and the event of a change. */
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

type EventQuery = Required<EventFilter> & { before: string; limit: number }
type FoundEventRow = EventRow & Pick<Tables['audit_events'], 'account_id'>

const EVENT_COLUMNS = sql`id, at, actor, action, subject, facts, request_id, account_id`

/** What each question asks of an event. */
const EVENT_CONDITIONS = {
  accountId: (arg: Arg<EventQuery>) => sql`account_id = ${arg('accountId')}`,
  subject: (arg: Arg<EventQuery>) => sql`subject = ${arg('subject')}`,
  actor: (arg: Arg<EventQuery>) => sql`actor = ${arg('actor')}`,
  action: (arg: Arg<EventQuery>) => sql`action = ${arg('action')}`,
  actionPrefix: (arg: Arg<EventQuery>) =>
    sql`substr(action, 1, length(cast(${arg('actionPrefix')} as text))) = ${arg('actionPrefix')}`,
  since: (arg: Arg<EventQuery>) => sql`at >= ${arg('since')}`,
  until: (arg: Arg<EventQuery>) => sql`at < ${arg('until')}`,
} satisfies Record<keyof EventFilter, unknown>
const EVENT_FILTER_NAMES = Object.keys(EVENT_CONDITIONS) as (keyof EventFilter)[]

/** Events as they are told: what was recorded off the hot path is added, and what is asked for is found. */
export function createEventStorage(engine: Engine, compiler: StatementCompiler): EventMethods {
  const sqlStatement = createSqlWriter(compiler)
  const add = createEventInsert(compiler, (arg) => ({
    account: selectSubjectAccountId(arg('subject')),
    // (`where true`: without it SQLite reads the conflict as part of a join.)
    where: sql`where true on conflict (id) do nothing`,
  }))

  const selectByRequest = sqlStatement<{ requestId: string }, FoundEventRow>(
    (arg) =>
      sql`select ${EVENT_COLUMNS} from audit_events where request_id = ${arg('requestId')} order by id`,
  )

  // A statement for each set of questions, so that each uses the index that it can. The order is that of
  // two indexes, by time: a page ends where its limit or its date is met, however much was there before.
  const lists = new Map<string, Statement<EventQuery, FoundEventRow>>()
  function prepareList(filterNames: readonly (keyof EventFilter)[], hasCursor: boolean) {
    const name = [...filterNames, hasCursor].join()
    const cached = lists.get(name)
    if (cached !== undefined) return cached
    const list = sqlStatement<EventQuery, FoundEventRow>((arg) => {
      const conditions = filterNames.map((filterName) => EVENT_CONDITIONS[filterName](arg))
      // Whoever sees one account's events learns nothing from the id of another's.
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
    lists.set(name, list)
    return list
  }

  return {
    async addEvents(events) {
      if (events.length > 0) await engine.atomic(events.map((event) => add(toEventRow(event))))
    },

    async listRequestEvents(requestId) {
      return (await engine.read(selectByRequest({ requestId }))).map(toRecordedEvent)
    },

    async listEvents({ after, limit, ...filter }: Page & EventFilter) {
      const filterNames = EVENT_FILTER_NAMES.filter((name) => filter[name] !== undefined)
      const list = prepareList(filterNames, after !== undefined)
      const values = { ...filter, before: after ?? '', limit } as EventQuery
      return (await engine.read(list(values))).map(toRecordedEvent)
    },
  }
}

/** What a caller says of an event; whose it is and its place in the chain are storage's to say. */
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
  facts: JSON.parse(facts),
  requestId: request_id,
  accountId: account_id,
})

/** Tables whose rows events are about. */
export type SubjectTable =
  | 'accounts'
  | 'address_rules'
  | 'sites'
  | 'users'
  | 'developers'
  | 'sources'
  | 'destinations'
  | 'subscriptions'
  | 'keys'
  | 'grants'
  | 'messages'

/** Whose a row of the table is. */
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

/** Keys and people first: of them most events are that no change comes with. */
const SUBJECT_TABLES: readonly SubjectTable[] = [
  'keys',
  'users',
  'accounts',
  'developers',
  'sources',
  'destinations',
  'sites',
  'address_rules',
  'grants',
  'subscriptions',
  'messages',
]

/** Whose it is, whatever it is; null for what is nobody's. It ends at the first table that has it. */
export const selectSubjectAccountId = (subject: unknown) =>
  sql`coalesce(${sql.join(
    SUBJECT_TABLES.map(
      (table) =>
        sql`(select ${selectAccountId(table)} from ${sql.table(table)} where ${sql.ref(`${table}.id`)} = ${subject})`,
    ),
  )})`

/**
 * Adds the event `where` something holds. `account`: whose the subject is, as the database has it at
 * this moment, so that no caller can say it wrongly, nor forget it.
 */
export function createEventInsert<More extends object = object>(
  compiler: StatementCompiler,
  write: (arg: (name: keyof (EventRow & More) & string) => unknown) => {
    readonly account: RawBuilder<unknown>
    /** From where, and under which condition; empty for always. */
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
