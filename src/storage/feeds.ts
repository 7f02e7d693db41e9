import { sql } from 'kysely'
import type { FeedStorage, Head, Lease, Tried } from '../service/ports.ts'
import type { Compiler, Engine } from './engine.ts'
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
  const due = written<{ now: number; limit: number }, { id: string }>(
    (arg) => sql`
      with recursive waiting (id) as (
        select min(subscription_id) from deliveries where status = 'queued'
        union all
        select (
          select min(subscription_id) from deliveries
          where status = 'queued' and subscription_id > waiting.id
        ) from waiting where waiting.id is not null
      )
      select subscriptions.id from waiting join subscriptions on subscriptions.id = waiting.id
      where subscriptions.status = 'active' and due_at <= ${arg('now')}
        and (leased_until is null or leased_until <= ${arg('now')})
      order by due_at, subscriptions.id limit ${arg('limit')}`,
  )
  const lease = written<Lease & { now: number }>(
    (arg) => sql`
      update subscriptions set leased_by = ${arg('by')}, leased_until = ${arg('until')}
      where id = ${arg('feedId')} and status = 'active' and due_at <= ${arg('now')}
        and (leased_until is null or leased_until <= ${arg('now')})
        and exists (
          select 1 from deliveries where subscription_id = ${arg('feedId')} and status = 'queued'
        )`,
  )
  const dueAt = written<{ feedId: string; now: number }, { dueAt: number }>(
    (arg) => sql`
      select due_at as "dueAt" from subscriptions
      where id = ${arg('feedId')} and status = 'active'
        and (leased_until is null or leased_until <= ${arg('now')})
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

  const head = written<{ feedId: string; by: string }, HeadRow>(
    (arg) => sql`
      select deliveries.message_id, deliveries.position, subscriptions.attempts as failures,
        messages.serial, messages.data_model, messages.event_type, messages.test,
        messages.received_at, messages.sealed_payload, messages.source_id,
        sources.name as source_name, deliveries.destination_id, destinations.url,
        destinations.development, destinations.verification_token,
        destinations.verification_method
      from deliveries
        join subscriptions on subscriptions.id = deliveries.subscription_id
        join messages on messages.id = deliveries.message_id
        join sources on sources.id = messages.source_id
        join destinations on destinations.id = deliveries.destination_id
      where deliveries.subscription_id = ${arg('feedId')} and deliveries.status = 'queued'
        and subscriptions.status = 'active' and subscriptions.leased_by = ${arg('by')}
      order by deliveries.place, deliveries.message_id limit 1`,
  )
  const hops = written<{ messageId: string }, Head['hops'][number]>(
    (arg) => sql`
      select deliveries.id as "logId", deliveries.attempt_id as "attemptId",
        deliveries.destination_id as "destinationId", destinations.name as "destinationName"
      from deliveries join destinations on destinations.id = deliveries.destination_id
      where deliveries.message_id = ${arg('messageId')} order by deliveries.position`,
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
    async listDueFeeds(now, limit) {
      return (await engine.read(due({ now, limit }))).map(({ id }) => id)
    },

    async leaseFeed(wish, now) {
      const [changed] = await engine.atomic([lease({ ...wish, now })])
      return changed === 1
    },

    async findDueAt(feedId, now) {
      const [row] = await engine.read(dueAt({ feedId, now }))
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
      const [row] = await engine.read(head({ feedId, by }))
      if (row === undefined) return null
      return toHead(row, await engine.read(hops({ messageId: row.message_id })))
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
        waitUntil({ ...tried, dueAt }),
      ])
      return changed[3] === 1
    },
  }
}

type HeadRow = Pick<
  Tables['messages'],
  'serial' | 'data_model' | 'event_type' | 'test' | 'received_at' | 'sealed_payload' | 'source_id'
> &
  Pick<Tables['deliveries'], 'message_id' | 'position' | 'destination_id'> &
  Pick<
    Tables['destinations'],
    'url' | 'development' | 'verification_token' | 'verification_method'
  > & { failures: number; source_name: string }

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
