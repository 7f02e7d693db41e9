import { type RawBuilder, sql } from 'kysely'
import type { AuditEvent } from '../service/ports/audit.ts'
import type { Engine, Statement, StatementCompiler, Step } from './engine.ts'
import { type Arg, createCache, createSqlWriter } from './statements.ts'
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

  const bumpTokenRevocations = compiler.withoutArguments((db) =>
    db
      .updateTable('authority')
      .set((eb) => ({ token_revocations: eb('token_revocations', '+', 1) })),
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

  /**
   * Applies a change of permissions as one: the authority's next version, the change (which must write
   * the event's id into its row), the event, and the follow-ups. True if the change's guard held.
   */
  async function applyChange(
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
  }

  return {
    applyChange,

    /**
     * Creates the change of a row: it sets these columns to the arguments of the same names, if the row
     * exists and `guard` holds.
     */
    createUpdate<
      Table extends AuditedTable,
      Column extends keyof Tables[Table] & string,
      More extends object = object,
    >(
      table: Table,
      columns: readonly Column[],
      guard: (arg: Arg<More>) => RawBuilder<unknown> = () => sql`true`,
    ) {
      type Args = { readonly id: string } & Pick<Tables[Table], Column> & More
      const update = sqlStatement<Args & { event_id: string }>((arg) => {
        const values = [...columns, 'event_id'].map(
          (column) => sql`${sql.ref(column)} = ${arg(column as keyof Args & string)}`,
        )
        return sql`
          update ${sql.table(table)} set ${sql.join(values)} where id = ${arg('id')} and ${guard(arg)}`
      })
      return (args: Args, event: AuditEvent, followUps?: readonly Step[]): Promise<boolean> =>
        applyChange(table, update({ ...args, event_id: event.id }), event, followUps)
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
    bumpTokenRevocations,
    insertEventIfChanged,

    async addEvent(event: AuditEvent): Promise<void> {
      await engine.atomic([insertEvent(toEventRow(event))])
    },
  }
}

export type AuditedChanges = ReturnType<typeof createAuditedChanges>

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
  | 'sunsets'
  | 'imports'
  | 'peppers'
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
  'sunsets',
  'imports',
  'peppers',
  'grants',
  'subscriptions',
  'messages',
]

/** Selects the account of a subject in any table; null if it has none. Stops at the first table that has it. */
export const selectSubjectAccountId = (subject: unknown) =>
  sql`coalesce(${sql.join(SUBJECT_TABLES.map((table) => selectAccountIdFrom(table, subject)))})`

export const selectAccountIdFrom = (table: SubjectTable, subject: unknown) =>
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
