import { sql } from 'kysely'
import type { AuditStorage, EventFilter, OperatorStorage, Page } from '../service/ports.ts'
import type { Compiler, Engine, Statement } from './engine.ts'
import { accountOfSubject, addEventWhere, type EventRow, toEvent, toRow } from './event-rows.ts'
import type { Tables } from './tables.ts'
import { type Arg, writer } from './written.ts'

type Verbs = Pick<OperatorStorage, 'listEvents'> &
  Pick<AuditStorage, 'addEvents' | 'listEventsOfRequest'>

type Asked = Required<EventFilter> & { before: string; limit: number }
type Found = EventRow & Pick<Tables['audit_events'], 'account_id'>

const COLUMNS = sql`id, at, actor, action, subject, facts, request_id, account_id`

/** What each question asks of an event. */
const QUESTIONS = {
  accountId: (arg: Arg<Asked>) => sql`account_id = ${arg('accountId')}`,
  subject: (arg: Arg<Asked>) => sql`subject = ${arg('subject')}`,
  actor: (arg: Arg<Asked>) => sql`actor = ${arg('actor')}`,
  action: (arg: Arg<Asked>) => sql`action = ${arg('action')}`,
  actionPrefix: (arg: Arg<Asked>) =>
    sql`substr(action, 1, length(cast(${arg('actionPrefix')} as text))) = ${arg('actionPrefix')}`,
  since: (arg: Arg<Asked>) => sql`at >= ${arg('since')}`,
  until: (arg: Arg<Asked>) => sql`at < ${arg('until')}`,
} satisfies Record<keyof EventFilter, unknown>
const NAMES = Object.keys(QUESTIONS) as (keyof EventFilter)[]

/** Events as they are told: what was recorded off the hot path is added, and what is asked for is found. */
export function createEvents(engine: Engine, compiler: Compiler): Verbs {
  const written = writer(compiler)
  const add = addEventWhere(compiler, (arg) => ({
    account: accountOfSubject(arg('subject')),
    // (`where true`: without it SQLite reads the conflict as part of a join.)
    where: sql`where true on conflict (id) do nothing`,
  }))

  const ofRequest = written<{ requestId: string }, Found>(
    (arg) =>
      sql`select ${COLUMNS} from audit_events where request_id = ${arg('requestId')} order by id`,
  )

  // A statement for each set of questions, so that each uses the index that it can. The order is that of
  // two indexes, by time: a page ends where its limit or its date is met, however much was there before.
  const lists = new Map<string, Statement<Asked, Found>>()
  function listBy(asked: readonly (keyof EventFilter)[], isNext: boolean) {
    const name = [...asked, isNext].join()
    const known = lists.get(name)
    if (known !== undefined) return known
    const list = written<Asked, Found>((arg) => {
      const conditions = asked.map((question) => QUESTIONS[question](arg))
      if (isNext) {
        conditions.push(
          sql`(at, id) < (select seen.at, seen.id from audit_events seen where seen.id = ${arg('before')})`,
        )
      }
      const where = conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql``
      return sql`
        select ${COLUMNS} from audit_events ${where} order by at desc, id desc limit ${arg('limit')}`
    })
    lists.set(name, list)
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
      const asked = NAMES.filter((name) => filter[name] !== undefined)
      const list = listBy(asked, after !== undefined)
      const values = { ...filter, before: after ?? '', limit } as Asked
      return (await engine.read(list(values))).map(toEvent)
    },
  }
}
