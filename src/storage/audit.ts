import type { AuditEvent } from '../service/ports.ts'
import type { Compiler, Engine, Step } from './engine.ts'
import { type EventRow, toRow } from './events.ts'

/** Tables whose rows remember the event of their last change. */
type Audited =
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

/**
 * Writes of the audit, and the pattern that every audited change follows. The authority's row is
 * changed first: PostgreSQL locks it until the commit, so that changes come one after another there
 * too, and what a later statement reads is what the changes before have left.
 */
export function createAudit(engine: Engine, compiler: Compiler) {
  const bump = compiler.fixed((db) =>
    db.updateTable('authority').set((eb) => ({ version: eb('version', '+', 1) })),
  )

  const add = compiler.taking<EventRow>()((db, arg) =>
    db.insertInto('audit_events').values({
      id: arg('id'),
      at: arg('at'),
      actor: arg('actor'),
      action: arg('action'),
      subject: arg('subject'),
      facts: arg('facts'),
      request_id: arg('request_id'),
    }),
  )

  /** The event, only if there is such a row: `changed`, one that carries the event's id. */
  const addIf = (is: 'there' | 'changed', table: Audited) =>
    compiler.taking<EventRow>()((db, arg) =>
      db
        .insertInto('audit_events')
        .columns(['id', 'at', 'actor', 'action', 'subject', 'facts', 'request_id'])
        .expression((eb) =>
          eb
            .selectFrom(table)
            .select([
              eb.cast<string>(eb.val(arg('id')), 'text').as('id'),
              eb.cast<number>(eb.val(arg('at')), 'bigint').as('at'),
              eb.cast<string>(eb.val(arg('actor')), 'text').as('actor'),
              eb.cast<string>(eb.val(arg('action')), 'text').as('action'),
              `${table}.id as subject`,
              eb.cast<string>(eb.val(arg('facts')), 'text').as('facts'),
              eb.cast<string | null>(eb.val(arg('request_id')), 'text').as('request_id'),
            ])
            .where(`${table}.id`, '=', arg('subject'))
            .$if(is === 'changed', (query) => query.where(`${table}.event_id`, '=', arg('id'))),
        ),
    )
  /** The change before it took place: its row carries the event's id. */
  const addIfChanged = (table: Audited) => addIf('changed', table)
  const addBeforeRemoval = {
    keys: addIf('there', 'keys'),
    address_rules: addIf('there', 'address_rules'),
  }
  const followUps = {
    accounts: addIfChanged('accounts'),
    address_rules: addIfChanged('address_rules'),
    sites: addIfChanged('sites'),
    users: addIfChanged('users'),
    developers: addIfChanged('developers'),
    sources: addIfChanged('sources'),
    destinations: addIfChanged('destinations'),
    subscriptions: addIfChanged('subscriptions'),
    keys: addIfChanged('keys'),
    grants: addIfChanged('grants'),
  }

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
      const steps = [bump, step, followUps[table](toRow(event)), ...also]
      const [, changed] = await engine.atomic(steps)
      return changed === 1
    },

    /** A row goes, the event of that stays. True if it was there. */
    async removal(
      table: keyof typeof addBeforeRemoval,
      steps: readonly Step[],
      event: AuditEvent,
    ): Promise<boolean> {
      const add = addBeforeRemoval[table](toRow(event))
      const [, added] = await engine.atomic([bump, add, ...steps])
      return added === 1
    },

    async addEvent(event: AuditEvent): Promise<void> {
      await engine.atomic([add(toRow(event))])
    },
  }
}

export type Audit = ReturnType<typeof createAudit>
