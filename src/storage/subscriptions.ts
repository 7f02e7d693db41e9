import { type RawBuilder, sql } from 'kysely'
import type {
  ListStorage,
  SubscriptionFilter,
  SubscriptionListItem,
} from '../service/ports/lists.ts'
import type { QueueStorage, RoutingStorage, SubscriptionTarget } from '../service/ports/routing.ts'
import {
  type AuditedChanges,
  createEventInsert,
  selectAccountId,
  toEventRow,
} from './audited-changes.ts'
import type { Engine, Statement, StatementCompiler } from './engine.ts'
import { selectNextPlace } from './messages.ts'
import { type Arg, createCache, createChangeInParts, createSqlWriter } from './statements.ts'
import { ALL_DATA_MODELS, parseDataModel, type Tables } from './tables.ts'

type SubscriptionMethods = Pick<
  RoutingStorage,
  'addSubscription' | 'setSubscriptionStatus' | 'findSubscriptionTarget'
>

/** The columns of its queue start with the defaults of schema.sql. */
type NewSubscriptionRow = Omit<
  Tables['subscriptions'],
  'due_at' | 'attempts' | 'leased_by' | 'leased_until'
>

/** Stores which destinations receive a source's messages. */
export function createSubscriptionStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): SubscriptionMethods {
  const sqlStatement = createSqlWriter(compiler)
  const selectTarget = sqlStatement<{ id: string }, SubscriptionTarget>(
    (arg) => sql`
      select destinations.id, destinations.name, destinations.verified_at as "verifiedAt"
      from subscriptions join destinations on destinations.id = subscriptions.destination_id
      where subscriptions.id = ${arg('id')}`,
  )
  // Inserts from the rows that it joins: nothing if one of them is missing.
  const add = sqlStatement<NewSubscriptionRow>(
    (arg) => sql`
      insert into subscriptions
        (id, source_id, destination_id, data_model, status, created_at, event_id)
      select cast(${arg('id')} as text), sources.id, destinations.id,
        cast(${arg('data_model')} as text), cast(${arg('status')} as text),
        cast(${arg('created_at')} as bigint), cast(${arg('event_id')} as text)
      from sources join destinations on destinations.id = ${arg('destination_id')}
      where sources.id = ${arg('source_id')} on conflict do nothing`,
  )
  const setStatus = audit.createUpdate('subscriptions', ['status', 'due_at', 'attempts'])

  return {
    addSubscription: (subscription, event) =>
      audit.applyChange(
        'subscriptions',
        add({
          id: subscription.id,
          source_id: subscription.sourceId,
          destination_id: subscription.destinationId,
          data_model: subscription.dataModel ?? ALL_DATA_MODELS,
          status: subscription.status,
          created_at: subscription.createdAt,
          event_id: event.id,
        }),
        event,
      ),

    setSubscriptionStatus: (id, status, event) =>
      setStatus({ id, status, due_at: 0, attempts: 0 }, event),

    async findSubscriptionTarget(id) {
      const [row] = await engine.read(selectTarget({ id }))
      return row ?? null
    },
  }
}

type QueueChangeMethods = Pick<
  QueueStorage,
  'replayMessage' | 'skipMessage' | 'purgeQueue' | 'erasePayloads'
>

/** Selects a message's deliveries to one destination, or to all if it is null. */
interface DeliverySelection {
  readonly messageId: string
  readonly destinationId: string | null
}

/** A queue is emptied in parts of this many positions: to skip a message takes 10 µs on SQLite. */
const SKIPPED_POSITIONS = 500

/** Changes that users make to a subscription's queue, and the erasure of settled payloads. */
export function createSubscriptionQueueStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): QueueChangeMethods {
  const sqlStatement = createSqlWriter(compiler)

  const isSelected = (arg: Arg<DeliverySelection>) => sql`
    message_id = ${arg('messageId')} and (
      cast(${arg('destinationId')} as text) is null or destination_id = ${arg('destinationId')}
    )`
  const replay = sqlStatement<DeliverySelection & { eventId: string }>(
    (arg) => sql`
      update deliveries set status = 'queued', settled_at = null, event_id = ${arg('eventId')},
        queue_position = ${selectNextPlace(sql.ref('deliveries.subscription_id'))}
      where ${isSelected(arg)} and status <> 'queued' and exists (
        select 1 from messages where id = ${arg('messageId')} and erased_at is null
      )`,
  )
  // Comes first, because settling an attempt locks the subscription first too.
  const resetRetries = sqlStatement<DeliverySelection>(
    (arg) => sql`
      update subscriptions set attempts = 0, due_at = 0 where id in (
        select subscription_id from deliveries where ${isSelected(arg)} and status = 'queued'
      )`,
  )
  const skip = sqlStatement<DeliverySelection & { eventId: string; at: number }>(
    (arg) => sql`
      update deliveries set status = 'skipped', settled_at = ${arg('at')},
        event_id = ${arg('eventId')}
      where ${isSelected(arg)} and status = 'queued'`,
  )
  /** Inserts the event if a delivery was changed. */
  const insertEventIfChanged = createEventInsert(compiler, (arg) => ({
    account: selectAccountId('messages'),
    where: sql`
      from messages where messages.id = ${arg('subject')} and exists (
        select 1 from deliveries
        where message_id = ${arg('subject')} and event_id = ${arg('id')}
      )`,
  }))

  const resetSubscription = audit.createUpdate('subscriptions', ['attempts', 'due_at'])
  const resetQueue = sqlStatement<{ id: string }>(
    (arg) => sql`update subscriptions set attempts = 0, due_at = 0 where id = ${arg('id')}`,
  )
  const findQueueEnds = sqlStatement<{ id: string }, { first: number | null; last: number | null }>(
    (arg) => {
      const selectPosition = (end: 'min' | 'max') => sql`(
        select ${sql.raw(end)}(queue_position) from deliveries
        where subscription_id = ${arg('id')} and status = 'queued')`
      return sql`select ${selectPosition('min')} as first, ${selectPosition('max')} as last`
    },
  )
  const skipQueued = sqlStatement<{
    id: string
    from: number
    to: number
    eventId: string
    at: number
  }>(
    (arg) => sql`
      update deliveries set status = 'skipped', settled_at = ${arg('at')},
        event_id = ${arg('eventId')}
      where subscription_id = ${arg('id')} and status = 'queued'
        and queue_position between ${arg('from')} and ${arg('to')}`,
  )

  const erase = createChangeInParts<{ settledUntil: number; now: number }>(engine, compiler, {
    id: ['messages', 'id'],
    condition: (arg) => sql`
      erased_at is null and received_at <= ${arg('settledUntil')} and not exists (
        select 1 from deliveries where message_id = messages.id
          and (status = 'queued' or settled_at > ${arg('settledUntil')})
      )`,
    change: (arg) => sql`update messages set sealed_payload = '', erased_at = ${arg('now')}`,
  })

  return {
    async replayMessage(messageId, destinationId, event) {
      const [changed = 0] = await engine.atomic([
        replay({ messageId, destinationId, eventId: event.id }),
        insertEventIfChanged(toEventRow(event)),
      ])
      return changed
    },

    async skipMessage(messageId, destinationId, event) {
      const selection = { messageId, destinationId }
      const [, changed = 0] = await engine.atomic([
        resetRetries(selection),
        skip({ ...selection, eventId: event.id, at: event.at }),
        insertEventIfChanged(toEventRow(event)),
      ])
      return changed
    },

    async purgeQueue(id, event) {
      const [ends] = await engine.read(findQueueEnds({ id }))
      const first = ends?.first ?? 0
      const last = ends?.last ?? 0
      const skipPart = (from: number) => {
        const to = Math.min(last, from + SKIPPED_POSITIONS - 1)
        return skipQueued({ id, from, to, eventId: event.id, at: event.at })
      }
      const reset = { id, attempts: 0, due_at: 0 }
      if (!(await resetSubscription(reset, event, [skipPart(first)]))) return false
      for (let from = first + SKIPPED_POSITIONS; from <= last; from += SKIPPED_POSITIONS) {
        // A delivery that failed between the parts may have made the queue wait.
        await engine.atomic([resetQueue({ id }), skipPart(from)], { isBackground: true })
      }
      return true
    },

    erasePayloads: (settledUntil, now) => erase({ settledUntil, now }),
  }
}

type SubscriptionListMethods = Pick<ListStorage, 'searchSubscriptions' | 'findSubscriptionListItem'>

type SubscriptionListRow = Tables['subscriptions'] & {
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

type SubscriptionListQuery = {
  readonly id: string
  readonly accountId: string
  readonly sourceId: string
  readonly destinationId: string
  readonly after: string
  readonly limit: number
}

const SUBSCRIPTION_CONDITIONS: Record<
  keyof SubscriptionFilter,
  (arg: Arg<SubscriptionListQuery>) => RawBuilder<unknown>
> = {
  accountId: (arg) => sql`sources.account_id = ${arg('accountId')}`,
  sourceId: (arg) => sql`subscriptions.source_id = ${arg('sourceId')}`,
  destinationId: (arg) => sql`subscriptions.destination_id = ${arg('destinationId')}`,
  stuck: () => sql`subscriptions.attempts > 0`,
}
const SUBSCRIPTION_FILTER_NAMES = Object.keys(
  SUBSCRIPTION_CONDITIONS,
) as (keyof SubscriptionFilter)[]

/** Lists subscriptions with the state of their queues: the first queued message shows how each is doing. */
export function createSubscriptionListStorage(
  engine: Engine,
  compiler: StatementCompiler,
): SubscriptionListMethods {
  const sqlStatement = createSqlWriter(compiler)
  const select = (conditions: RawBuilder<unknown>, limit: RawBuilder<unknown>) => sql`
    select subscriptions.*, sources.account_id, sources.name as source_name,
      destinations.name as destination_name, destinations.url, destinations.verified_at,
      (
        select count(*) from deliveries
        where subscription_id = subscriptions.id and deliveries.status = 'queued'
      ) as queued, (
        select messages.received_at from deliveries
          join messages on messages.id = deliveries.message_id
        where subscription_id = subscriptions.id and deliveries.status = 'queued'
        order by queue_position, message_id limit 1
      ) as oldest_at, head.message_id as head_id, tried.at as tried_at, tried.outcome, tried.http_status, tried.detail
    from subscriptions
      join sources on sources.id = subscriptions.source_id
      join destinations on destinations.id = subscriptions.destination_id
      left join deliveries head on head.status = 'queued'
        and head.subscription_id = subscriptions.id and head.message_id = (
          select message_id from deliveries
          where subscription_id = subscriptions.id and deliveries.status = 'queued'
          order by queue_position, message_id limit 1
        )
      left join attempts tried on tried.message_id = head.message_id
        and tried.position = head.position and tried.number = head.attempts
    where ${conditions} order by subscriptions.id ${limit}`

  const find = sqlStatement<{ id: string }, SubscriptionListRow>((arg) =>
    select(sql`subscriptions.id = ${arg('id')}`, sql`limit 1`),
  )
  const lists = createCache<Statement<SubscriptionListQuery, SubscriptionListRow>>()
  const createList = (filterNames: readonly (keyof SubscriptionFilter)[]) =>
    sqlStatement<SubscriptionListQuery, SubscriptionListRow>((arg) => {
      const conditions = [
        sql`subscriptions.id > ${arg('after')}`,
        ...filterNames.map((filterName) => SUBSCRIPTION_CONDITIONS[filterName](arg)),
      ]
      return select(sql.join(conditions, sql` and `), sql`limit ${arg('limit')}`)
    })

  return {
    async searchSubscriptions({ after = '', limit, ...filter }) {
      const filterNames = SUBSCRIPTION_FILTER_NAMES.filter(
        (name) => filter[name] !== undefined && filter[name] !== false,
      )
      const values = { ...filter, after, limit } as unknown as SubscriptionListQuery
      const list = lists(String(filterNames), () => createList(filterNames))
      return (await engine.scan(list(values))).map(toSubscriptionListItem)
    },

    async findSubscriptionListItem(id) {
      const [row] = await engine.read(find({ id }))
      return row === undefined ? null : toSubscriptionListItem(row)
    },
  }
}

const toSubscriptionListItem = (row: SubscriptionListRow): SubscriptionListItem => ({
  id: row.id,
  status: row.status,
  attempts: row.attempts,
  dueAt: row.due_at,
  leasedBy: row.leased_by,
  leasedUntil: row.leased_until,
  queued: Number(row.queued),
  accountId: row.account_id,
  dataModel: parseDataModel(row.data_model),
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
