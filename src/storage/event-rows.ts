import { type RawBuilder, sql } from 'kysely'
import type { AuditEvent, RecordedEvent } from '../service/ports.ts'
import type { Compiler, Statement } from './engine.ts'
import type { Tables } from './tables.ts'
import { writer } from './written.ts'

/** What a caller says of an event; whose it is and its place in the chain are storage's to say. */
export type EventRow = Omit<Tables['audit_events'], 'sequence' | 'seal' | 'account_id'>

export const toRow = ({ requestId, facts, ...event }: AuditEvent): EventRow => ({
  id: event.id,
  at: event.at,
  actor: event.actor,
  action: event.action,
  subject: event.subject,
  facts: JSON.stringify(facts),
  request_id: requestId,
})

export const toEvent = ({
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
export type Subject =
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
export function accountOf(table: Subject): RawBuilder<string | null> {
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
const SUBJECTS: readonly Subject[] = [
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
export const accountOfSubject = (subject: unknown) =>
  sql`coalesce(${sql.join(
    SUBJECTS.map(
      (table) =>
        sql`(select ${accountOf(table)} from ${sql.table(table)} where ${sql.ref(`${table}.id`)} = ${subject})`,
    ),
  )})`

/**
 * Adds the event `where` something holds. `account`: whose the subject is, as the database has it at
 * this moment, so that no caller can say it wrongly, nor forget it.
 */
export function addEventWhere<More extends object = object>(
  compiler: Compiler,
  write: (arg: (name: keyof (EventRow & More) & string) => unknown) => {
    readonly account: RawBuilder<unknown>
    /** From where, and under which condition; empty for always. */
    readonly where: RawBuilder<unknown>
  },
): Statement<EventRow & More, unknown> {
  return writer(compiler)<EventRow & More>((arg) => {
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
