import { sql } from 'kysely'
import { KEPT_ATTEMPTS, LONGEST_LEASE_MS, LONGEST_WAIT_MS } from '../domain/delivery.ts'
import { latestPending } from '../domain/instant.ts'
import type { FeedRef, FeedStorage, Head, Lease, Tried } from '../service/ports.ts'
import type { Compiler, Engine } from './engine.ts'
import { isPast } from './past.ts'
import type { Tables } from './tables.ts'
import { type Arg, writer } from './written.ts'

type Verbs = Pick<
  FeedStorage,
  | 'listDueFeeds'
  | 'leaseFeed'
  | 'findDueAt'
  | 'renewLeases'
  | 'releaseFeed'
  | 'findHead'
  | 'settleDelivered'
  | 'settleFailed'
>

/** How a feed is worked at: leased, its first message tried, and what came of that written down. */
export function createFeeds(engine: Engine, compiler: Compiler): Verbs {
  const written = writer(compiler)
  // From one feed that has something queued to the next: as many steps in the index as there are such
  // feeds, however many messages wait and however many feeds have none.
  const due = written<Times & { all: number; ofOne: number }, FeedRef>(
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
        where subscriptions.status = 'active' and ${isDue(arg)} and ${isFree(arg)}
      )
      select id, destination_id as "destinationId" from due where turn <= ${arg('ofOne')}
      order by due_at, id limit ${arg('all')}`,
  )
  const lease = written<Lease & Times>(
    (arg) => sql`
      update subscriptions set leased_by = ${arg('by')}, leased_until = ${arg('until')}
      where id = ${arg('feedId')} and status = 'active' and ${isDue(arg)} and ${isFree(arg)}
        and exists (
          select 1 from deliveries where subscription_id = ${arg('feedId')} and status = 'queued'
        )`,
  )
  const dueAt = written<Times & { feedId: string }, { dueAt: number }>(
    (arg) => sql`
      select case when ${isDue(arg)} then 0 else due_at end as "dueAt" from subscriptions
      where id = ${arg('feedId')} and status = 'active' and ${isFree(arg)}
        and exists (
          select 1 from deliveries where subscription_id = ${arg('feedId')} and status = 'queued'
        )`,
  )
  const renew = written<{ by: string; until: number }>(
    (arg) => sql`
      update subscriptions set leased_until = ${arg('until')} where leased_by = ${arg('by')}`,
  )
  const release = written<{ id: string; by: string }>(
    (arg) => sql`
      update subscriptions set leased_by = null, leased_until = null
      where id = ${arg('id')} and leased_by = ${arg('by')}`,
  )

  // A row for each destination of the message. What is long, the payload, is in the feed's own alone.
  const head = written<{ feedId: string; by: string }, HeadRow>(
    (arg) => sql`
      with head as (
        select deliveries.message_id, deliveries.position, subscriptions.attempts as failures
        from deliveries join subscriptions on subscriptions.id = deliveries.subscription_id
        where deliveries.subscription_id = ${arg('feedId')} and deliveries.status = 'queued'
          and subscriptions.status = 'active' and subscriptions.leased_by = ${arg('by')}
        order by deliveries.place, deliveries.message_id limit 1
      )
      select head.message_id, head.position, head.failures, messages.serial, messages.data_model,
        messages.event_type, messages.test, messages.received_at, messages.source_id,
        sources.name as source_name, hops.position as hop_position, hops.id as log_id,
        hops.attempt_id, hops.destination_id, destinations.name as destination_name,
        destinations.url, destinations.development, destinations.verification_token,
        destinations.verification_method,
        case when hops.position = head.position then messages.sealed_payload else '' end
          as sealed_payload
      from head
        join messages on messages.id = head.message_id
        join sources on sources.id = messages.source_id
        join deliveries hops on hops.message_id = head.message_id
        join destinations on destinations.id = hops.destination_id
      order by hops.position`,
  )

  // ── What came of an attempt ───────────────────────────────────────────────────────────────────
  // Each list changes the feed's row first: PostgreSQL locks it until the commit, so that what holds
  // in the first statement holds in all. So it is with the message's row, whose last delivery is one of many.

  type Settling = Pick<Tried, 'feedId' | 'by' | 'messageId' | 'position'>
  const isHeld = (arg: Arg<Settling>) => sql`exists (
    select 1 from subscriptions where id = ${arg('feedId')} and leased_by = ${arg('by')})`
  const isTheOne = (arg: Arg<Settling>) => sql`
    message_id = ${arg('messageId')} and position = ${arg('position')}`

  const hold = written<Settling>(
    (arg) => sql`
      update subscriptions set leased_by = leased_by
      where id = ${arg('feedId')} and leased_by = ${arg('by')}`,
  )
  const holdMessage = written<Settling>(
    (arg) => sql`update messages set serial = serial where id = ${arg('messageId')}`,
  )
  const count = written<Settling>(
    (arg) => sql`
      update deliveries set attempts = attempts + 1 where ${isTheOne(arg)} and ${isHeld(arg)}`,
  )
  const keep = written<Settling & Tried['attempt']>(
    (arg) => sql`
      insert into attempts (message_id, position, number, at, ms, outcome, http_status, detail)
      select message_id, position, attempts, cast(${arg('at')} as bigint),
        cast(${arg('ms')} as bigint), cast(${arg('outcome')} as text),
        cast(${arg('httpStatus')} as bigint), cast(${arg('detail')} as text)
      from deliveries where ${isTheOne(arg)} and ${isHeld(arg)}`,
  )
  const trim = written<Settling & { most: number }>(
    (arg) => sql`
      delete from attempts where ${isTheOne(arg)} and ${isHeld(arg)} and number <= (
        select deliveries.attempts - ${arg('most')} from deliveries where ${isTheOne(arg)}
      )`,
  )
  const deliver = written<Settling & { at: number }>(
    (arg) => sql`
      update deliveries set status = 'delivered', settled_at = ${arg('at')}
      where ${isTheOne(arg)} and status = 'queued' and ${isHeld(arg)}`,
  )
  const erase = written<Settling & { at: number }>(
    (arg) => sql`
      update messages set sealed_payload = '', erased_at = ${arg('at')}
      where id = ${arg('messageId')} and ${isHeld(arg)} and not exists (
        select 1 from deliveries where message_id = ${arg('messageId')} and status = 'queued'
      )`,
  )
  const goOn = written<Settling>(
    (arg) => sql`
      update subscriptions set attempts = 0, due_at = 0
      where id = ${arg('feedId')} and leased_by = ${arg('by')}`,
  )
  const waitUntil = written<Settling & { dueAt: number }>(
    (arg) => sql`
      update subscriptions set attempts = attempts + 1, due_at = ${arg('dueAt')},
        leased_by = null, leased_until = null
      where id = ${arg('feedId')} and leased_by = ${arg('by')} and exists (
        select 1 from deliveries where ${isTheOne(arg)} and status = 'queued'
      )`,
  )

  return {
    listDueFeeds: async (now, most) => engine.read(due({ ...timesAt(now), ...most })),

    async leaseFeed(wish, now) {
      const [changed] = await engine.atomic([lease({ ...wish, ...timesAt(now) })])
      return changed === 1
    },

    async findDueAt(feedId, now) {
      const [row] = await engine.read(dueAt({ feedId, ...timesAt(now) }))
      return row?.dueAt ?? null
    },

    async renewLeases(by, until) {
      const [changed = 0] = await engine.atomic([renew({ by, until })])
      return changed
    },

    async releaseFeed(id, by) {
      const [changed] = await engine.atomic([release({ id, by })])
      return changed === 1
    },

    async findHead(feedId, by) {
      const rows = await engine.read(head({ feedId, by }))
      const own = rows.find((row) => row.hop_position === row.position)
      return own === undefined ? null : toHead(own, rows.map(toHop))
    },

    async settleDelivered({ attempt, ...tried }, isErased) {
      const at = attempt.at + attempt.ms
      const changed = await engine.atomic([
        hold(tried),
        count(tried),
        keep({ ...tried, ...attempt }),
        deliver({ ...tried, at }),
        goOn(tried),
        ...(isErased ? [holdMessage(tried), erase({ ...tried, at })] : []),
      ])
      return changed[3] === 1
    },

    async settleFailed({ attempt, ...tried }, dueAt) {
      const changed = await engine.atomic([
        hold(tried),
        count(tried),
        keep({ ...tried, ...attempt }),
        trim({ ...tried, most: KEPT_ATTEMPTS }),
        waitUntil({ ...tried, dueAt }),
      ])
      return changed[4] === 1
    },
  }
}

/** Now, and the latest instants at which a wait or a lease can end. */
interface Times {
  readonly now: number
  readonly latestDue: number
  readonly latestLease: number
}

const timesAt = (now: number): Times => ({
  now,
  latestDue: latestPending(LONGEST_WAIT_MS, now),
  latestLease: latestPending(LONGEST_LEASE_MS, now),
})

const isDue = (arg: Arg<Times>) => isPast('due_at', arg('now'), arg('latestDue'))
const isFree = (arg: Arg<Times>) =>
  sql`(leased_until is null or ${isPast('leased_until', arg('now'), arg('latestLease'))})`

type HeadRow = Pick<
  Tables['messages'],
  'serial' | 'data_model' | 'event_type' | 'test' | 'received_at' | 'sealed_payload' | 'source_id'
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

const toHead = (row: HeadRow, hops: Head['hops']): Head => ({
  messageId: row.message_id,
  position: row.position,
  failures: row.failures,
  serial: row.serial,
  dataModel: row.data_model,
  eventType: row.event_type,
  test: row.test === 1,
  receivedAt: row.received_at,
  sealedPayload: row.sealed_payload,
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

const toHop = (row: HeadRow): Head['hops'][number] => ({
  logId: row.log_id,
  attemptId: row.attempt_id,
  destinationId: row.destination_id,
  destinationName: row.destination_name,
})
