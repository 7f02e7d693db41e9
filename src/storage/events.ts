import type {
  AuditEvent,
  AuditStorage,
  EventFilter,
  OperatorStorage,
  Page,
} from '../service/ports.ts'
import type { Compiler, Engine, Statement } from './engine.ts'
import { LAST_ID } from './rows.ts'
import type { Tables } from './tables.ts'

type Verbs = Pick<OperatorStorage, 'listEvents'> &
  Pick<AuditStorage, 'addEvents' | 'listEventsOfRequest'>

/** What is written of an event; its place in the chain comes later. */
export type EventRow = Omit<Tables['audit_events'], 'sequence' | 'seal'>

type Asked = Required<EventFilter> & { before: string; limit: number }

const COLUMNS = ['id', 'at', 'actor', 'action', 'subject', 'facts', 'request_id'] as const

/** Events as they are told: what was recorded off the hot path is added, and what is asked for is found. */
export function createEvents(engine: Engine, compiler: Compiler): Verbs {
  const add = compiler.taking<EventRow>()((db, arg) =>
    db
      .insertInto('audit_events')
      .values({
        id: arg('id'),
        at: arg('at'),
        actor: arg('actor'),
        action: arg('action'),
        subject: arg('subject'),
        facts: arg('facts'),
        request_id: arg('request_id'),
      })
      .onConflict((conflict) => conflict.column('id').doNothing()),
  )

  const ofRequest = compiler.taking<{ requestId: string }>()((db, arg) =>
    db
      .selectFrom('audit_events')
      .select(COLUMNS)
      .where('request_id', '=', arg('requestId'))
      .orderBy('id'),
  )

  // A statement for each set of questions, so that each uses the index that it can.
  const lists = new Map<string, Statement<Asked, EventRow>>()
  function listBy(filter: EventFilter): Statement<Asked, EventRow> {
    const asked = (['subject', 'actor', 'action', 'since', 'until'] as const).filter(
      (name) => filter[name] !== undefined,
    )
    const known = lists.get(asked.join())
    if (known !== undefined) return known
    const list = compiler.taking<Asked>()((db, arg) => {
      let query = db
        .selectFrom('audit_events')
        .select(COLUMNS)
        .where('id', '<', arg('before'))
        .orderBy('id', 'desc')
        .limit(arg('limit'))
      for (const name of asked) {
        if (name === 'since') query = query.where('at', '>=', arg('since') as number)
        else if (name === 'until') query = query.where('at', '<', arg('until') as number)
        else query = query.where(name, '=', arg(name) as string)
      }
      return query
    })
    lists.set(asked.join(), list)
    return list
  }

  return {
    async addEvents(events) {
      if (events.length > 0) await engine.atomic(events.map((event) => add(toRow(event))))
    },

    async listEventsOfRequest(requestId) {
      return (await engine.read(ofRequest({ requestId }))).map(toEvent)
    },

    async listEvents({ after, limit, ...filter }: Page & EventFilter) {
      const asked = { ...filter, before: after ?? LAST_ID, limit } as Asked
      return (await engine.read(listBy(filter)(asked))).map(toEvent)
    },
  }
}

export const toRow = ({ requestId, facts, ...event }: AuditEvent): EventRow => ({
  ...event,
  facts: JSON.stringify(facts),
  request_id: requestId,
})

const toEvent = ({ request_id, facts, ...row }: EventRow): AuditEvent => ({
  ...row,
  facts: JSON.parse(facts),
  requestId: request_id,
})
