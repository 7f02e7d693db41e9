import { sql } from 'kysely'
import { MAX_JITTERED_WAIT_MS, MAX_LEASE_MS, MAX_STORED_ATTEMPTS } from '../domain/delivery.ts'
import { getLatestDeadline } from '../domain/instant.ts'
import type {
  LeasedAttempt,
  QueueHead,
  QueueLease,
  QueueRef,
  QueueStorage,
} from '../service/ports/routing.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { type Arg, createSqlWriter, isPast } from './statements.ts'
import type { Tables } from './tables.ts'

type DeliveryMethods = Pick<
  QueueStorage,
  | 'listDueQueues'
  | 'leaseQueue'
  | 'findDueAt'
  | 'renewLeases'
  | 'releaseQueue'
  | 'findQueueHead'
  | 'settleDelivered'
  | 'settleFailed'
>

/** Leases subscriptions, reads the head of their queues, and settles attempts. */
export function createDeliveryStorage(
  engine: Engine,
  compiler: StatementCompiler,
): DeliveryMethods {
  const sqlStatement = createSqlWriter(compiler)
  // Steps in the index from one subscription with queued messages to the next, however many messages
  // wait and however many subscriptions have none.
  const selectDue = sqlStatement<DeadlineArgs & { all: number; perDestination: number }, QueueRef>(
    (arg) => sql`
      with recursive waiting (id) as (
        select min(subscription_id) from deliveries where status = 'queued'
        union all
        select (
          select min(subscription_id) from deliveries
          where status = 'queued' and subscription_id > waiting.id
        ) from waiting where waiting.id is not null
      ), due as (
        select subscriptions.id, destination_id, due_at, row_number() over (
          partition by destination_id order by due_at, subscriptions.id
        ) as turn
        from waiting join subscriptions on subscriptions.id = waiting.id
        where subscriptions.status = 'active' and ${isDue(arg)} and ${isUnleased(arg)}
      )
      select id, destination_id as "destinationId" from due where turn <= ${arg('perDestination')}
      order by due_at, id limit ${arg('all')}`,
  )
  const lease = sqlStatement<QueueLease & DeadlineArgs>(
    (arg) => sql`
      update subscriptions set leased_by = ${arg('by')}, leased_until = ${arg('until')}
      where id = ${arg('subscriptionId')} and status = 'active' and ${isDue(arg)} and ${isUnleased(arg)}
        and exists (
          select 1 from deliveries where subscription_id = ${arg('subscriptionId')} and status = 'queued'
        )`,
  )
  const dueAt = sqlStatement<DeadlineArgs & { subscriptionId: string }, { dueAt: number }>(
    (arg) => sql`
      select case when ${isDue(arg)} then 0 else due_at end as "dueAt" from subscriptions
      where id = ${arg('subscriptionId')} and status = 'active' and ${isUnleased(arg)}
        and exists (
          select 1 from deliveries where subscription_id = ${arg('subscriptionId')} and status = 'queued'
        )`,
  )
  const renew = sqlStatement<{ by: string; until: number }>(
    (arg) => sql`
      update subscriptions set leased_until = ${arg('until')} where leased_by = ${arg('by')}`,
  )
  const release = sqlStatement<{ id: string; by: string }>(
    (arg) => sql`
      update subscriptions set leased_by = null, leased_until = null
      where id = ${arg('id')} and leased_by = ${arg('by')}`,
  )

  // One row for each destination of the message. Only the subscription's own row has the payload, which
  // may be long.
  const selectHead = sqlStatement<{ subscriptionId: string; by: string }, QueueHeadRow>(
    (arg) => sql`
      with head as (
        select deliveries.message_id, deliveries.position, subscriptions.attempts as failures
        from deliveries join subscriptions on subscriptions.id = deliveries.subscription_id
        where deliveries.subscription_id = ${arg('subscriptionId')} and deliveries.status = 'queued'
          and subscriptions.status = 'active' and subscriptions.leased_by = ${arg('by')}
        order by deliveries.queue_position, deliveries.message_id limit 1
      )
      select head.message_id, head.position, head.failures, messages.serial, messages.data_model,
        messages.event_type, messages.test, messages.received_at, messages.source_id,
        sources.name as source_name, hops.position as hop_position, hops.id as log_id,
        hops.attempt_id, hops.destination_id, destinations.name as destination_name,
        destinations.url, destinations.development, destinations.verification_token,
        destinations.verification_method,
        case when hops.position = head.position then messages.sealed_payload else '' end
          as sealed_payload, messages.payload_part_count
      from head
        join messages on messages.id = head.message_id
        join sources on sources.id = messages.source_id
        join deliveries hops on hops.message_id = head.message_id
        join destinations on destinations.id = hops.destination_id
      order by hops.position`,
  )

  const attempts = createAttemptStatements(compiler)

  return {
    listDueQueues: async (now, most) =>
      engine.read(selectDue({ ...createDeadlineArgs(now), ...most })),

    async leaseQueue(leaseRequest, now) {
      const [changed] = await engine.atomic([
        lease({ ...leaseRequest, ...createDeadlineArgs(now) }),
      ])
      return changed === 1
    },

    async findDueAt(subscriptionId, now) {
      const [row] = await engine.read(dueAt({ subscriptionId, ...createDeadlineArgs(now) }))
      return row?.dueAt ?? null
    },

    async renewLeases(by, until) {
      const [changed = 0] = await engine.atomic([renew({ by, until })])
      return changed
    },

    async releaseQueue(id, by) {
      const [changed] = await engine.atomic([release({ id, by })])
      return changed === 1
    },

    async findQueueHead(subscriptionId, by) {
      const rows = await engine.read(selectHead({ subscriptionId, by }))
      const own = rows.find((row) => row.hop_position === row.position)
      return own === undefined ? null : toQueueHead(own, rows.map(toHop))
    },

    async settleDelivered({ attempt, ...delivery }, erasure) {
      const at = attempt.at + attempt.ms
      const [, , changed] = await engine.atomic([
        attempts.resetRetries(delivery),
        attempts.countLateAttempt(delivery),
        attempts.markDelivered({ ...delivery, at }),
        attempts.insertAttempt({ ...delivery, ...attempt }),
        ...(erasure?.isShared ? [attempts.lockMessage(delivery)] : []),
        ...(erasure === null ? [] : [attempts.erasePayload({ ...delivery, at })]),
      ])
      return changed === 1
    },

    async settleFailed({ attempt, ...delivery }, dueAt) {
      const changed = await engine.atomic([
        attempts.lockSubscription(delivery),
        attempts.countAttempt(delivery),
        attempts.insertAttempt({ ...delivery, ...attempt }),
        attempts.deleteOldAttempts({ ...delivery, most: MAX_STORED_ATTEMPTS }),
        attempts.scheduleRetry({ ...delivery, dueAt }),
      ])
      return changed[4] === 1
    },
  }
}

type SettlingArgs = Pick<LeasedAttempt, 'subscriptionId' | 'by' | 'messageId' | 'position'>
const isLeaseHeld = (arg: Arg<SettlingArgs>) => sql`exists (
  select 1 from subscriptions where id = ${arg('subscriptionId')} and leased_by = ${arg('by')})`
const isThisDelivery = (arg: Arg<SettlingArgs>) => sql`
  message_id = ${arg('messageId')} and position = ${arg('position')}`

/**
 * Creates the statements that settle an attempt. Each list changes the subscription's row first:
 * PostgreSQL locks it until the commit, so that its guard holds for the whole list. The row of a message
 * with more destinations is locked for the same reason before the payload is erased.
 */
function createAttemptStatements(compiler: StatementCompiler) {
  const sqlStatement = createSqlWriter(compiler)
  return {
    lockSubscription: sqlStatement<SettlingArgs>(
      (arg) => sql`
      update subscriptions set leased_by = leased_by
      where id = ${arg('subscriptionId')} and leased_by = ${arg('by')}`,
    ),
    lockMessage: sqlStatement<SettlingArgs>(
      (arg) => sql`update messages set serial = serial where id = ${arg('messageId')}`,
    ),
    countAttempt: sqlStatement<SettlingArgs>(
      (arg) => sql`
      update deliveries set attempts = attempts + 1 where ${isThisDelivery(arg)} and ${isLeaseHeld(arg)}`,
    ),
    /** Counts an attempt whose delivery was removed from the queue meanwhile. */
    countLateAttempt: sqlStatement<SettlingArgs>(
      (arg) => sql`
      update deliveries set attempts = attempts + 1
      where ${isThisDelivery(arg)} and status <> 'queued' and ${isLeaseHeld(arg)}`,
    ),
    insertAttempt: sqlStatement<SettlingArgs & LeasedAttempt['attempt']>(
      (arg) => sql`
      insert into attempts (message_id, position, number, at, ms, outcome, http_status, detail)
      select message_id, position, attempts, cast(${arg('at')} as bigint),
        cast(${arg('ms')} as bigint), cast(${arg('outcome')} as text),
        cast(${arg('httpStatus')} as bigint), cast(${arg('detail')} as text)
      from deliveries where ${isThisDelivery(arg)} and ${isLeaseHeld(arg)}`,
    ),
    deleteOldAttempts: sqlStatement<SettlingArgs & { most: number }>(
      (arg) => sql`
      delete from attempts where ${isThisDelivery(arg)} and ${isLeaseHeld(arg)} and number <= (
        select deliveries.attempts - ${arg('most')} from deliveries where ${isThisDelivery(arg)}
      )`,
    ),
    markDelivered: sqlStatement<SettlingArgs & { at: number }>(
      (arg) => sql`
      update deliveries set attempts = attempts + 1, status = 'delivered', settled_at = ${arg('at')}
      where ${isThisDelivery(arg)} and status = 'queued' and ${isLeaseHeld(arg)}`,
    ),
    erasePayload: sqlStatement<SettlingArgs & { at: number }>(
      (arg) => sql`
      update messages set sealed_payload = '', erased_at = ${arg('at')}
      where id = ${arg('messageId')} and ${isLeaseHeld(arg)} and not exists (
        select 1 from deliveries where message_id = ${arg('messageId')} and status = 'queued'
      )`,
    ),
    resetRetries: sqlStatement<SettlingArgs>(
      (arg) => sql`
      update subscriptions set attempts = 0, due_at = 0
      where id = ${arg('subscriptionId')} and leased_by = ${arg('by')}`,
    ),
    scheduleRetry: sqlStatement<SettlingArgs & { dueAt: number }>(
      (arg) => sql`
      update subscriptions set attempts = attempts + 1, due_at = ${arg('dueAt')},
        leased_by = null, leased_until = null
      where id = ${arg('subscriptionId')} and leased_by = ${arg('by')} and exists (
        select 1 from deliveries where ${isThisDelivery(arg)} and status = 'queued'
      )`,
    ),
  }
}

/** Has the current time, and the latest instants at which a wait or a lease can end. */
interface DeadlineArgs {
  readonly now: number
  readonly latestDue: number
  readonly latestLease: number
}

const createDeadlineArgs = (now: number): DeadlineArgs => ({
  now,
  latestDue: getLatestDeadline(MAX_JITTERED_WAIT_MS, now),
  latestLease: getLatestDeadline(MAX_LEASE_MS, now),
})

const isDue = (arg: Arg<DeadlineArgs>) => isPast('due_at', arg('now'), arg('latestDue'))
const isUnleased = (arg: Arg<DeadlineArgs>) =>
  sql`(leased_until is null or ${isPast('leased_until', arg('now'), arg('latestLease'))})`

type QueueHeadRow = Pick<
  Tables['messages'],
  | 'serial'
  | 'data_model'
  | 'event_type'
  | 'test'
  | 'received_at'
  | 'sealed_payload'
  | 'payload_part_count'
  | 'source_id'
> &
  Pick<Tables['deliveries'], 'message_id' | 'position' | 'attempt_id' | 'destination_id'> &
  Pick<
    Tables['destinations'],
    'url' | 'development' | 'verification_token' | 'verification_method'
  > & {
    failures: number
    source_name: string
    hop_position: number
    log_id: string
    destination_name: string
  }

const toQueueHead = (row: QueueHeadRow, hops: QueueHead['hops']): QueueHead => ({
  messageId: row.message_id,
  position: row.position,
  failures: row.failures,
  serial: row.serial,
  dataModel: row.data_model,
  eventType: row.event_type,
  test: row.test === 1,
  receivedAt: row.received_at,
  sealedPayload: row.sealed_payload,
  payloadPartCount: row.payload_part_count,
  source: { id: row.source_id, name: row.source_name },
  destination: {
    id: row.destination_id,
    url: row.url,
    development: row.development === 1,
    sealedToken: row.verification_token,
    method: row.verification_method,
  },
  hops,
})

const toHop = (row: QueueHeadRow): QueueHead['hops'][number] => ({
  logId: row.log_id,
  attemptId: row.attempt_id,
  destinationId: row.destination_id,
  destinationName: row.destination_name,
})
