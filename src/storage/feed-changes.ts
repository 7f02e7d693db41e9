import { sql } from 'kysely'
import type { Feed, FeedStorage } from '../service/ports.ts'
import type { Audit } from './audit.ts'
import type { Compiler, Engine } from './engine.ts'
import { accountOf, addEventWhere, toRow } from './event-rows.ts'
import { lastPlace } from './messages.ts'
import { type Arg, writer } from './written.ts'

type Verbs = Pick<
  FeedStorage,
  'findFeed' | 'replayMessage' | 'skipMessage' | 'purgeFeed' | 'erasePayloads'
>

/** Deliveries of one message: to one destination, or to all (null). */
interface Chosen {
  readonly messageId: string
  readonly destinationId: string | null
}

/** What people change about a feed and what is queued in it, and what is left when all is done. */
export function createFeedChanges(engine: Engine, compiler: Compiler, audit: Audit): Verbs {
  const written = writer(compiler)

  const find = written<{ id: string }, Feed>(
    (arg) => sql`
      select id, status, attempts, due_at as "dueAt", leased_by as "leasedBy",
        leased_until as "leasedUntil", (
          select count(*) from deliveries
          where subscription_id = ${arg('id')} and deliveries.status = 'queued'
        ) as queued
      from subscriptions where id = ${arg('id')}`,
  )

  const isChosen = (arg: Arg<Chosen>) => sql`
    message_id = ${arg('messageId')} and (
      cast(${arg('destinationId')} as text) is null or destination_id = ${arg('destinationId')}
    )`
  const replay = written<Chosen & { eventId: string }>(
    (arg) => sql`
      update deliveries set status = 'queued', settled_at = null, event_id = ${arg('eventId')},
        place = ${lastPlace(sql.ref('deliveries.subscription_id'))}
      where ${isChosen(arg)} and status <> 'queued' and exists (
        select 1 from messages where id = ${arg('messageId')} and erased_at is null
      )`,
  )
  // First, for who settles an attempt locks its feed first too.
  const freeFeeds = written<Chosen>(
    (arg) => sql`
      update subscriptions set attempts = 0, due_at = 0 where id in (
        select subscription_id from deliveries where ${isChosen(arg)} and status = 'queued'
      )`,
  )
  const skip = written<Chosen & { eventId: string; at: number }>(
    (arg) => sql`
      update deliveries set status = 'skipped', settled_at = ${arg('at')},
        event_id = ${arg('eventId')}
      where ${isChosen(arg)} and status = 'queued'`,
  )
  /** The event of a change of deliveries, if there was one. */
  const addIfChanged = addEventWhere(compiler, (arg) => ({
    account: accountOf('messages'),
    where: sql`
      from messages where messages.id = ${arg('subject')} and exists (
        select 1 from deliveries
        where message_id = ${arg('subject')} and event_id = ${arg('id')}
      )`,
  }))

  const empty = written<{ id: string; eventId: string }>(
    (arg) => sql`
      update subscriptions set attempts = 0, due_at = 0, event_id = ${arg('eventId')}
      where id = ${arg('id')}`,
  )
  const skipAll = written<{ id: string; eventId: string; at: number }>(
    (arg) => sql`
      update deliveries set status = 'skipped', settled_at = ${arg('at')},
        event_id = ${arg('eventId')}
      where subscription_id = ${arg('id')} and status = 'queued'`,
  )

  const erase = written<{ settledUntil: number; now: number }>(
    (arg) => sql`
      update messages set sealed_payload = '', erased_at = ${arg('now')}
      where erased_at is null and received_at <= ${arg('settledUntil')} and not exists (
        select 1 from deliveries where message_id = messages.id
          and (status = 'queued' or settled_at > ${arg('settledUntil')})
      )`,
  )

  return {
    async findFeed(id) {
      const [row] = await engine.read(find({ id }))
      return row ?? null
    },

    async replayMessage(messageId, destinationId, event) {
      const [changed = 0] = await engine.atomic([
        replay({ messageId, destinationId, eventId: event.id }),
        addIfChanged(toRow(event)),
      ])
      return changed
    },

    async skipMessage(messageId, destinationId, event) {
      const chosen = { messageId, destinationId }
      const [, changed = 0] = await engine.atomic([
        freeFeeds(chosen),
        skip({ ...chosen, eventId: event.id, at: event.at }),
        addIfChanged(toRow(event)),
      ])
      return changed
    },

    purgeFeed: (id, event) =>
      audit.change('subscriptions', empty({ id, eventId: event.id }), event, [
        skipAll({ id, eventId: event.id, at: event.at }),
      ]),

    async erasePayloads(settledUntil, now) {
      const [changed = 0] = await engine.atomic([erase({ settledUntil, now })])
      return changed
    },
  }
}
