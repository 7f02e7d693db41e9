import { type Kysely, type RawBuilder, sql } from 'kysely'
import type {
  MessageFilter,
  MessageIdStorage,
  MessageStorage,
  MessageSummary,
} from '../service/ports/messages.ts'
import { createEventInsert, selectAccountId, toEventRow } from './audited-changes.ts'
import type { Engine, Statement, StatementCompiler, StatementRow, Step } from './engine.ts'
import { createMessagePeriods } from './message-periods.ts'
import {
  createCache,
  createRowInsert,
  createSqlWriter,
  LAST_ID,
  type TableStatements,
} from './statements.ts'
import { listColumns, type Tables } from './tables.ts'

const NEW_DELIVERY_COLUMNS = [
  'message_id',
  'position',
  'id',
  'attempt_id',
  'subscription_id',
  'destination_id',
] as const satisfies readonly (keyof Tables['deliveries'])[]

/**
 * Selects the position behind everything queued for the subscription. Requests at the same time may get the
 * same position: then the messages' ids decide.
 */
export const selectNextPlace = (subscriptionId: unknown) => sql`(
  select coalesce(max(queued.queue_position), 0) + 1 from deliveries queued
  where queued.subscription_id = ${subscriptionId} and queued.status = 'queued')`

/** The number of parts that one statement deletes: 2.8 MB. */
const DELETED_PARTS = 4

/** The outbox: a message and its deliveries are inserted together or not at all. */
export function createMessageStorage(
  engine: Engine,
  compiler: StatementCompiler,
  rows: TableStatements,
): MessageStorage {
  const add = createRowInsert(engine, compiler, 'messages', listColumns('messages'))
  const periods = createMessagePeriods(engine, compiler)
  const sqlStatement = createSqlWriter(compiler)
  const addDelivery = createRowInsert(
    engine,
    compiler,
    'deliveries',
    NEW_DELIVERY_COLUMNS,
    (value) => ({
      status: sql`'queued'`,
      queue_position: selectNextPlace(value('subscription_id')),
    }),
  )

  const addEvent = createEventInsert(compiler, (arg) => ({
    account: selectAccountId('messages'),
    where: sql`from messages where messages.id = ${arg('subject')}`,
  }))

  const find = compiler.withArguments<{ id: string }>()((db, arg) =>
    selectSummaries(db).where('messages.id', '=', arg('id')),
  )
  // Each set of filters has a statement of its own, so that each uses the index that it can.
  type MessageQuery = Omit<Required<MessageFilter>, 'test'> & {
    test: number
    from: string
    before: string
    limit: number
  }
  const lists = createCache<Statement<MessageQuery, StatementRow<typeof find>>>()
  const createList = (
    criteria: readonly (typeof MESSAGE_FILTER_NAMES)[number][],
    indexed: (typeof INDEXED_STATUSES)[number] | undefined,
  ) =>
    compiler.withArguments<MessageQuery>()((db, arg) => {
      let query = selectSummaries(db)
        .where('messages.id', '>', arg('from'))
        .where('messages.id', '<', arg('before'))
        .orderBy('messages.id', 'desc')
        .limit(arg('limit'))
      const deliveryConditions: RawBuilder<unknown>[] = []
      for (const name of criteria) {
        if (name === 'accountId')
          query = query.where('sources.account_id', '=', arg(name) as string)
        else if (name === 'sourceId')
          query = query.where('messages.source_id', '=', arg(name) as string)
        else if (name === 'test') query = query.where('messages.test', '=', arg(name))
        else if (name === 'status' && indexed)
          deliveryConditions.push(sql`hop.status = ${sql.lit(indexed)}`)
        else deliveryConditions.push(sql`${sql.ref(DELIVERY_COLUMNS[name])} = ${arg(name)}`)
      }
      if (indexed === undefined && criteria.includes('subscriptionId')) {
        // A column of the message's row is read sooner than its deliveries. A subscription may have been deleted.
        query = query.where(sql<boolean>`messages.source_id = coalesce(
          (select source_id from subscriptions where id = ${arg('subscriptionId')}), messages.source_id)`)
      }
      if (deliveryConditions.length === 0) return query
      if (indexed === undefined) {
        // PostgreSQL joins the table of an EXISTS, and reads all of it if it misjudges the conditions.
        return query.where(sql<boolean>`(
          select 1 from deliveries hop
          where hop.message_id = messages.id and ${sql.join(deliveryConditions, sql` and `)}
          limit 1) = 1`)
      }
      const owners = Object.entries(SUBSCRIPTION_COLUMNS)
        .filter(([name]) => criteria.some((one) => one === name))
        .map(([name, column]) => sql`${sql.ref(column)} = ${arg(name as keyof MessageQuery)}`)
      if (indexed === 'queued' && owners.length > 0) {
        // No subscription with queued messages is deleted.
        deliveryConditions.push(sql`hop.subscription_id in (
          select subscriptions.id
          from subscriptions join sources on sources.id = subscriptions.source_id
          where ${sql.join(owners, sql` and `)})`)
      }
      // The page can be chosen among the deliveries if no condition on the message is left.
      const isPage = criteria.every(
        (name) =>
          name in DELIVERY_COLUMNS || (indexed === 'queued' && name in SUBSCRIPTION_COLUMNS),
      )
      const limit = isPage ? sql`limit ${arg('limit')}` : sql``
      // Without MATERIALIZED, an engine may look for the few among all deliveries, from the newest one.
      return query.where(sql<boolean>`messages.id in (
        with hops as materialized (
          select hop.message_id from deliveries hop
          where ${sql.join(deliveryConditions, sql` and `)})
        select distinct message_id from hops
        where message_id > ${arg('from')} and message_id < ${arg('before')}
        order by message_id desc ${limit})`)
    })

  const listDeliveries = compiler.withArguments<{ messageId: string }>()((db, arg) =>
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

  const selectPayload = compiler.withArguments<{ id: string }>()((db, arg) =>
    db
      .selectFrom('messages')
      .select(['sealed_payload as sealedPayload', 'payload_part_count as payloadPartCount'])
      .where('id', '=', arg('id'))
      .where('erased_at', 'is', null),
  )

  const addPart = rows.insert('payload_parts')
  const selectPart = compiler.withArguments<{ messageId: string; part: number }>()((db, arg) =>
    db
      .selectFrom('payload_parts')
      .select('sealed')
      .where('message_id', '=', arg('messageId'))
      .where('part', '=', arg('part')),
  )
  /** Breaks the column's CHECK, and so rejects the message, if a part is missing. */
  const requireParts = sqlStatement<{ id: string }>(
    (arg) => sql`
      update messages set payload_part_count = case when payload_part_count = (
        select count(*) from payload_parts where message_id = ${arg('id')}
      ) then payload_part_count else -1 end
      where id = ${arg('id')}`,
  )
  const deleteParts = sqlStatement<{ messageId: string }>(
    (arg) => sql`
      delete from payload_parts where message_id = ${arg('messageId')} and part in (
        select part from payload_parts where message_id = ${arg('messageId')}
        order by part desc limit ${sql.lit(DELETED_PARTS)}
      ) and not exists (
        select 1 from messages where id = ${arg('messageId')} and erased_at is null)`,
  )
  const selectUnneeded = sqlStatement<
    { abandonedBefore: number; limit: number },
    { message_id: string }
  >(
    (arg) => sql`
      select payload_parts.message_id from payload_parts
        left join messages on messages.id = payload_parts.message_id
      where part = 0 and (messages.erased_at is not null
        or (messages.id is null and payload_parts.created_at < ${arg('abandonedBefore')}))
      limit ${arg('limit')}`,
  )

  const selectAttempts = compiler.withArguments<{ messageId: string; limit: number }>()((db, arg) =>
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
      const steps: Step[] = [
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
          payload_part_count: message.payloadPartCount,
        }),
      ]
      for (const [position, delivery] of message.deliveries.entries()) {
        steps.push(
          addDelivery({
            message_id: message.id,
            position,
            id: delivery.id,
            attempt_id: delivery.attemptId,
            subscription_id: delivery.subscriptionId,
            destination_id: delivery.destinationId,
          }),
        )
      }
      if (message.payloadPartCount > 0) steps.push(requireParts({ id: message.id }))
      const periodSteps = periods.createSteps(message)
      steps.push(...periodSteps)
      if (event !== undefined) steps.push(addEvent(toEventRow(event)))
      await engine.atomic(steps)
      if (periodSteps.length > 0) periods.remember(message)
    },

    async listMessages({ after = LAST_ID, limit, ...filter }) {
      const criteria = MESSAGE_FILTER_NAMES.filter((name) => filter[name] !== undefined)
      const indexed = INDEXED_STATUSES.find((status) => status === filter.status)
      const list = lists(String([...criteria, indexed]), () => createList(criteria, indexed))
      const test = filter.test === true ? 1 : 0
      const rows: StatementRow<typeof find>[] = []
      const whole = { from: '', before: after }
      const ranges = indexed === undefined ? periods.listRanges(filter, after) : [whole]
      for await (const range of ranges) {
        const query = { ...filter, ...range, test, limit: limit - rows.length } as MessageQuery
        rows.push(...(await engine.scan(list(query))))
        if (rows.length >= limit) break
      }
      return Promise.all(rows.map(toMessageSummary))
    },

    async findMessage(id) {
      const [row] = await engine.read(find({ id }))
      return row === undefined ? null : toMessageSummary(row)
    },

    async findPayload(messageId) {
      const [row] = await engine.read(selectPayload({ id: messageId }))
      return row ?? null
    },

    async addPayloadPart(message_id, part, sealed, created_at) {
      await engine.atomic([addPart({ message_id, part, created_at, sealed })])
    },

    async findPayloadPart(messageId, part) {
      const [row] = await engine.read(selectPart({ messageId, part }))
      return row?.sealed ?? null
    },

    async deletePayloadParts(messageId) {
      const [deleted = 0] = await engine.atomic([deleteParts({ messageId })])
      return deleted
    },

    async listUnneededPayloads(abandonedBefore, limit) {
      const rows = await engine.scan(selectUnneeded({ abandonedBefore, limit }))
      return rows.map((row) => row.message_id)
    },

    listAttempts: async (messageId, limit) => engine.read(selectAttempts({ messageId, limit })),
  }

  async function toMessageSummary(row: StatementRow<typeof find>): Promise<MessageSummary> {
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

const MESSAGE_FILTER_NAMES = [
  'accountId',
  'sourceId',
  'destinationId',
  'subscriptionId',
  'status',
  'test',
] as const satisfies readonly (keyof MessageFilter)[]

/**
 * Statuses that few deliveries have, with an index of their own, which a statement uses only if it has the
 * status as a literal: the newest such deliveries are read from it, and then their messages.
 */
const INDEXED_STATUSES = ['queued', 'skipped'] as const

const SUBSCRIPTION_COLUMNS = {
  accountId: 'sources.account_id',
  sourceId: 'subscriptions.source_id',
  destinationId: 'subscriptions.destination_id',
}

const DELIVERY_COLUMNS = {
  destinationId: 'hop.destination_id',
  subscriptionId: 'hop.subscription_id',
  status: 'hop.status',
}

const selectSummaries = (db: Kysely<Tables>) =>
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

/** Stores the next block of message ids that no process has claimed. */
export function createMessageIdStorage(
  engine: Engine,
  compiler: StatementCompiler,
): MessageIdStorage {
  const read = compiler.withoutArguments((db) => db.selectFrom('message_id_blocks').select('next'))
  const move = compiler.withArguments<{ from: number; to: number }>()((db, arg) =>
    db
      .updateTable('message_id_blocks')
      .set({ next: arg('to') })
      .where('next', '=', arg('from')),
  )

  return {
    async findNextIdBlock() {
      const [row] = await engine.read(read)
      if (row === undefined) throw new Error('message_id_blocks has no row')
      return row.next
    },

    async moveNextIdBlock(from, to) {
      const [changed] = await engine.atomic([move({ from, to })])
      return changed === 1
    },
  }
}
