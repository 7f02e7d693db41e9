import { type RawBuilder, sql } from 'kysely'
import type { FeedQuestions, ListedFeed, ListStorage } from '../../service/ports/lists.ts'
import type { Compiler, Engine, Statement } from '../engine.ts'
import type { Tables } from '../tables.ts'
import { type Arg, writer } from '../written.ts'

type Verbs = Pick<ListStorage, 'listFeeds' | 'findListedFeed'>

type Row = Tables['subscriptions'] & {
  readonly account_id: string
  readonly source_name: string
  readonly destination_name: string
  readonly url: string | null
  readonly verified_at: number | null
  readonly queued: number
  readonly head_id: string | null
  readonly oldest_at: number | null
  readonly tried_at: number | null
  readonly outcome: Tables['attempts']['outcome'] | null
  readonly http_status: number | null
  readonly detail: string | null
}

type Asked = {
  readonly id: string
  readonly accountId: string
  readonly sourceId: string
  readonly destinationId: string
  readonly after: string
  readonly limit: number
}

const QUESTIONS: Record<keyof FeedQuestions, (arg: Arg<Asked>) => RawBuilder<unknown>> = {
  accountId: (arg) => sql`sources.account_id = ${arg('accountId')}`,
  sourceId: (arg) => sql`subscriptions.source_id = ${arg('sourceId')}`,
  destinationId: (arg) => sql`subscriptions.destination_id = ${arg('destinationId')}`,
  stuck: () => sql`subscriptions.attempts > 0`,
}
const NAMES = Object.keys(QUESTIONS) as (keyof FeedQuestions)[]

/** Feeds as people look at them: what is queued first tells how they are doing. */
export function createFeedLists(engine: Engine, compiler: Compiler): Verbs {
  const written = writer(compiler)
  const select = (chosen: RawBuilder<unknown>, limit: RawBuilder<unknown>) => sql`
    select subscriptions.*, sources.account_id, sources.name as source_name,
      destinations.name as destination_name, destinations.url, destinations.verified_at,
      (
        select count(*) from deliveries
        where subscription_id = subscriptions.id and deliveries.status = 'queued'
      ) as queued, (
        select messages.received_at from deliveries
          join messages on messages.id = deliveries.message_id
        where subscription_id = subscriptions.id and deliveries.status = 'queued'
        order by place, message_id limit 1
      ) as oldest_at, head.message_id as head_id, tried.at as tried_at, tried.outcome, tried.http_status, tried.detail
    from subscriptions
      join sources on sources.id = subscriptions.source_id
      join destinations on destinations.id = subscriptions.destination_id
      left join deliveries head on head.status = 'queued'
        and head.subscription_id = subscriptions.id and head.message_id = (
          select message_id from deliveries
          where subscription_id = subscriptions.id and deliveries.status = 'queued'
          order by place, message_id limit 1
        )
      left join attempts tried on tried.message_id = head.message_id
        and tried.position = head.position and tried.number = head.attempts
    where ${chosen} order by subscriptions.id ${limit}`

  const find = written<{ id: string }, Row>((arg) =>
    select(sql`subscriptions.id = ${arg('id')}`, sql`limit 1`),
  )
  const lists = new Map<string, Statement<Asked, Row>>()
  function listBy(asked: readonly (keyof FeedQuestions)[]) {
    const known = lists.get(asked.join())
    if (known !== undefined) return known
    const list = written<Asked, Row>((arg) => {
      const chosen = [
        sql`subscriptions.id > ${arg('after')}`,
        ...asked.map((question) => QUESTIONS[question](arg)),
      ]
      return select(sql.join(chosen, sql` and `), sql`limit ${arg('limit')}`)
    })
    lists.set(asked.join(), list)
    return list
  }

  return {
    async listFeeds({ after = '', limit, ...questions }) {
      const asked = NAMES.filter(
        (name) => questions[name] !== undefined && questions[name] !== false,
      )
      const values = { ...questions, after, limit } as unknown as Asked
      return (await engine.read(listBy(asked)(values))).map(toFeed)
    },

    async findListedFeed(id) {
      const [row] = await engine.read(find({ id }))
      return row === undefined ? null : toFeed(row)
    },
  }
}

const toFeed = (row: Row): ListedFeed => ({
  id: row.id,
  status: row.status,
  attempts: row.attempts,
  dueAt: row.due_at,
  leasedBy: row.leased_by,
  leasedUntil: row.leased_until,
  queued: Number(row.queued),
  accountId: row.account_id,
  dataModel: row.data_model === '*' ? null : row.data_model,
  source: { id: row.source_id, name: row.source_name },
  destination: {
    id: row.destination_id,
    name: row.destination_name,
    url: row.url,
    verifiedAt: row.verified_at,
  },
  headId: row.head_id,
  oldestAt: row.oldest_at,
  lastAttempt:
    row.tried_at === null || row.outcome === null
      ? null
      : {
          at: row.tried_at,
          outcome: row.outcome,
          httpStatus: row.http_status,
          detail: row.detail ?? '',
        },
})
