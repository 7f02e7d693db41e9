import { type RawBuilder, sql } from 'kysely'
import type { AuditEvent } from '../service/ports.ts'
import type { Compiler, Engine, Statement, Step } from './engine.ts'
import {
  accountOf,
  accountOfSubject,
  addEventWhere,
  type EventRow,
  type Subject,
  toRow,
} from './event-rows.ts'

/** Tables whose rows remember the event of their last change. */
type Audited = Exclude<Subject, 'messages'>

/**
 * Writes of the audit, and the pattern that every audited change follows. The authority's row is
 * changed first: PostgreSQL locks it until the commit, so that changes come one after another there
 * too, and what a later statement reads is what the changes before have left.
 */
export function createAudit(engine: Engine, compiler: Compiler) {
  const bump = compiler.fixed((db) =>
    db.updateTable('authority').set((eb) => ({ version: eb('version', '+', 1) })),
  )

  const add = addEventWhere(compiler, (arg) => ({
    account: accountOfSubject(arg('subject')),
    where: sql``,
  }))

  /** The event, only if there is such a row: `changed`, one that carries the event's id. */
  const addIf = (
    is: 'there' | 'changed',
    table: Audited,
    condition: RawBuilder<unknown> = sql`true`,
  ) =>
    addEventWhere(compiler, (arg) => ({
      account: accountOf(table),
      where: sql`
        from ${sql.table(table)} where ${sql.ref(`${table}.id`)} = ${arg('subject')} and ${condition}
        ${is === 'changed' ? sql`and ${sql.ref(`${table}.event_id`)} = ${arg('id')}` : sql``}`,
    }))
  const once = (is: 'there' | 'changed') => {
    const known = new Map<Audited, Statement<EventRow, unknown>>()
    return (table: Audited, event: AuditEvent): Step => {
      const statement = known.get(table) ?? addIf(is, table)
      known.set(table, statement)
      return statement(toRow(event))
    }
  }
  const conditional = new Map<string, Statement<EventRow, unknown>>()
  /** Follows the change: its row carries the event's id. */
  const addIfChanged = once('changed')
  const addBeforeRemoval = once('there')

  return {
    /**
     * A change of who may do what: the authority's next version, the change (which must write the
     * event's id into its row), the event, and what else goes with it, as one. True if the change's
     * guard held.
     */
    async change(
      table: Audited,
      step: Step,
      event: AuditEvent,
      also: readonly Step[] = [],
    ): Promise<boolean> {
      const [, changed] = await engine.atomic([bump, step, addIfChanged(table, event), ...also])
      return changed === 1
    },

    /** A row goes, the event of that stays. True if it was there. */
    async removal(table: Audited, steps: readonly Step[], event: AuditEvent): Promise<boolean> {
      const [, added] = await engine.atomic([bump, addBeforeRemoval(table, event), ...steps])
      return added === 1
    },

    /** The same where this holds of the row; `before` comes first. */
    async removalIf(
      table: Audited,
      condition: RawBuilder<unknown>,
      before: readonly Step[],
      steps: readonly Step[],
      event: AuditEvent,
    ): Promise<boolean> {
      const name = `${table} to remove`
      const add = conditional.get(name) ?? addIf('there', table, condition)
      conditional.set(name, add)
      const changed = await engine.atomic([bump, ...before, add(toRow(event)), ...steps])
      return changed[before.length + 1] === 1
    },

    /** For who makes a list of his own: the authority's next version, and the event of a change. */
    bump,
    addIfChanged,

    async addEvent(event: AuditEvent): Promise<void> {
      await engine.atomic([add(toRow(event))])
    },
  }
}

export type Audit = ReturnType<typeof createAudit>
