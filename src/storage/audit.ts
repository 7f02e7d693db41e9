import type { AuditEvent } from '../service/ports.ts'
import type { Compiler, Engine, Step } from './engine.ts'
import { type EventRow, toRow } from './events.ts'

/** Tables whose rows remember the event of their last change. */
type Audited =
  | 'accounts'
  | 'users'
  | 'sources'
  | 'destinations'
  | 'subscriptions'
  | 'keys'
  | 'grants'

/** Writes of the audit, and the pattern that every audited change follows. */
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

  /** The event, only if the row named carries its id: if the change before it took place. */
  const addIfChanged = (table: Audited) =>
    compiler.taking<EventRow>()((db, arg) =>
      db
        .insertInto('audit_events')
        .columns(['id', 'at', 'actor', 'action', 'subject', 'facts', 'request_id'])
        .expression((eb) =>
          eb
            .selectFrom(table)
            .select([
              `${table}.event_id as id`,
              eb.cast<number>(eb.val(arg('at')), 'bigint').as('at'),
              eb.cast<string>(eb.val(arg('actor')), 'text').as('actor'),
              eb.cast<string>(eb.val(arg('action')), 'text').as('action'),
              `${table}.id as subject`,
              eb.cast<string>(eb.val(arg('facts')), 'text').as('facts'),
              eb.cast<string | null>(eb.val(arg('request_id')), 'text').as('request_id'),
            ])
            .where(`${table}.id`, '=', arg('subject'))
            .where(`${table}.event_id`, '=', arg('id')),
        ),
    )
  const followUps = {
    accounts: addIfChanged('accounts'),
    users: addIfChanged('users'),
    sources: addIfChanged('sources'),
    destinations: addIfChanged('destinations'),
    subscriptions: addIfChanged('subscriptions'),
    keys: addIfChanged('keys'),
    grants: addIfChanged('grants'),
  }

  return {
    /**
     * A change of who may do what: the change (which must write the event's id into its row), the
     * event, and the authority's next version, as one. True if the change's guard held.
     */
    async change(table: Audited, step: Step, event: AuditEvent): Promise<boolean> {
      const [changed] = await engine.atomic([step, followUps[table](toRow(event)), bump])
      return changed === 1
    },

    async addEvent(event: AuditEvent): Promise<void> {
      await engine.atomic([add(toRow(event))])
    },
  }
}

export type Audit = ReturnType<typeof createAudit>
