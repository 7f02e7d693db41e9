import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { MessageFilter, MessageStorage, MessageSummary } from '../service/ports.ts'
import type { Compiler, Engine, RowOf, Statement } from './engine.ts'
import { accountOf, addEventWhere, toRow } from './event-rows.ts'
import { LAST_ID, type Rows } from './rows.ts'
import type { Tables } from './tables.ts'

type NewDelivery = Omit<
  Tables['deliveries'],
  'status' | 'place' | 'attempts' | 'settled_at' | 'event_id'
>

/**
 * Behind everything that is queued in the feed. What two requests add at the same time may share a
 * place: then the messages' ids decide.
 */
export const lastPlace = (subscriptionId: unknown) => sql`(
  select coalesce(max(queued.place), 0) + 1 from deliveries queued
  where queued.subscription_id = ${subscriptionId} and queued.status = 'queued')`

/** The outbox: a message and its deliveries are there together or not at all. */
export function createMessages(engine: Engine, compiler: Compiler, rows: Rows): MessageStorage {
  const add = rows.insert('messages')
  const addDelivery = compiler.taking<NewDelivery>()((_, arg) => {
    const insert = sql`
      insert into deliveries
        (message_id, position, id, attempt_id, subscription_id, destination_id, status, place)
      values (${arg('message_id')}, ${arg('position')}, ${arg('id')}, ${arg('attempt_id')},
        ${arg('subscription_id')}, ${arg('destination_id')}, 'queued',
        ${lastPlace(arg('subscription_id'))})`
    return { compile: () => insert.compile(compiler.db) }
  })

  const addEvent = addEventWhere(compiler, (arg) => ({
    account: accountOf('messages'),
    where: sql`from messages where messages.id = ${arg('subject')}`,
  }))

  const find = compiler.taking<{ id: string }>()((db, arg) =>
    summaries(db).where('messages.id', '=', arg('id')),
  )
  // A statement for each set of questions, so that each uses the index that it can.
  type Asked = Omit<Required<MessageFilter>, 'test'> & {
    test: number
    before: string
    limit: number
  }
  const lists = new Map<string, Statement<Asked, RowOf<typeof find>>>()
  function listBy(filter: MessageFilter) {
    const asked = FILTERS.filter((name) => filter[name] !== undefined)
    const indexed = INDEXED.find((status) => status === filter.status)
    const named = [...asked, indexed].join()
    const known = lists.get(named)
    if (known !== undefined) return known
    const list = compiler.taking<Asked>()((db, arg) => {
      let query = summaries(db)
        .where('messages.id', '<', arg('before'))
        .orderBy('messages.id', 'desc')
        .limit(arg('limit'))
      const hop: RawBuilder<unknown>[] = []
      for (const name of asked) {
        if (name === 'accountId')
          query = query.where('sources.account_id', '=', arg(name) as string)
        else if (name === 'sourceId')
          query = query.where('messages.source_id', '=', arg(name) as string)
        else if (name === 'test') query = query.where('messages.test', '=', arg(name))
        else if (name === 'status' && indexed) hop.push(sql`hop.status = ${sql.lit(indexed)}`)
        else hop.push(sql`${sql.ref(HOPS[name])} = ${arg(name)}`)
      }
      if (hop.length === 0) return query
      // Few of all are so: they are read from their index, and each message by its id.
      if (indexed) {
        return query.where(sql<boolean>`messages.id in (
          select hop.message_id from deliveries hop where ${sql.join(hop, sql` and `)})`)
      }
      return query.where(sql<boolean>`exists (
        select 1 from deliveries hop
        where hop.message_id = messages.id and ${sql.join(hop, sql` and `)})`)
    })
    lists.set(named, list)
    return list
  }

  const listDeliveries = compiler.taking<{ messageId: string }>()((db, arg) =>
    db
      .selectFrom('deliveries')
      .innerJoin('destinations', 'destinations.id', 'deliveries.destination_id')
      .select([
        'deliveries.id',
        'deliveries.subscription_id as subscriptionId',
        'deliveries.destination_id as destinationId',
        'destinations.name as destinationName',
        'deliveries.status',
        'deliveries.attempts',
        'deliveries.settled_at as settledAt',
      ])
      .where('deliveries.message_id', '=', arg('messageId'))
      .orderBy('deliveries.position'),
  )

  const payload = compiler.taking<{ id: string }>()((db, arg) =>
    db
      .selectFrom('messages')
      .select('sealed_payload')
      .where('id', '=', arg('id'))
      .where('erased_at', 'is', null),
  )

  const attempts = compiler.taking<{ messageId: string; limit: number }>()((db, arg) =>
    db
      .selectFrom('attempts')
      .innerJoin('deliveries', (join) =>
        join
          .onRef('deliveries.message_id', '=', 'attempts.message_id')
          .onRef('deliveries.position', '=', 'attempts.position'),
      )
      .select([
        'deliveries.destination_id as destinationId',
        'attempts.number',
        'attempts.at',
        'attempts.ms',
        'attempts.outcome',
        'attempts.http_status as httpStatus',
        'attempts.detail',
      ])
      .where('attempts.message_id', '=', arg('messageId'))
      .orderBy('attempts.at', 'desc')
      .orderBy('attempts.number', 'desc')
      .orderBy('attempts.position', 'desc')
      .limit(arg('limit')),
  )

  return {
    async addMessage(message, event) {
      await engine.atomic([
        add({
          id: message.id,
          serial: message.serial,
          key_id: message.keyId,
          source_id: message.sourceId,
          data_model: message.dataModel,
          event_type: message.eventType,
          test: message.test ? 1 : 0,
          received_at: message.receivedAt,
          sealed_payload: message.sealedPayload,
          erased_at: null,
        }),
        ...message.deliveries.map((delivery, position) =>
          addDelivery({
            message_id: message.id,
            position,
            id: delivery.id,
            attempt_id: delivery.attemptId,
            subscription_id: delivery.subscriptionId,
            destination_id: delivery.destinationId,
          }),
        ),
        ...(event === undefined ? [] : [addEvent(toRow(event))]),
      ])
    },

    async listMessages({ after, limit, ...filter }) {
      const test = filter.test === true ? 1 : 0
      const asked = { ...filter, test, before: after ?? LAST_ID, limit } as Asked
      return Promise.all((await engine.read(listBy(filter)(asked))).map(toSummary))
    },

    async findMessage(id) {
      const [row] = await engine.read(find({ id }))
      return row === undefined ? null : toSummary(row)
    },

    async findPayload(messageId) {
      const [row] = await engine.read(payload({ id: messageId }))
      return row?.sealed_payload ?? null
    },

    listAttempts: async (messageId, limit) => engine.read(attempts({ messageId, limit })),
  }

  async function toSummary(row: RowOf<typeof find>): Promise<MessageSummary> {
    return {
      id: row.id,
      serial: row.serial,
      accountId: row.account_id,
      sourceId: row.source_id,
      dataModel: row.data_model,
      eventType: row.event_type,
      test: row.test === 1,
      receivedAt: row.received_at,
      deliveries: await engine.read(listDeliveries({ messageId: row.id })),
    }
  }
}

const FILTERS = [
  'accountId',
  'sourceId',
  'destinationId',
  'subscriptionId',
  'status',
  'test',
] as const satisfies readonly (keyof MessageFilter)[]

/** Each has an index of its own, which a statement uses where it spells the status out. */
const INDEXED = ['queued', 'skipped'] as const

const HOPS = {
  destinationId: 'hop.destination_id',
  subscriptionId: 'hop.subscription_id',
  status: 'hop.status',
}

const summaries = (db: Kysely<Tables>) =>
  db
    .selectFrom('messages')
    .innerJoin('sources', 'sources.id', 'messages.source_id')
    .select([
      'messages.id',
      'messages.serial',
      'messages.source_id',
      'messages.data_model',
      'messages.event_type',
      'messages.test',
      'messages.received_at',
      'sources.account_id',
    ])
