import type { Kysely } from 'kysely'
import type { MessageStorage, MessageSummary } from '../service/ports.ts'
import type { Compiler, Engine, RowOf } from './engine.ts'
import { LAST_ID, type Rows } from './rows.ts'
import type { Tables } from './tables.ts'

/** The outbox: a message and its deliveries are there together or not at all. */
export function createMessages(engine: Engine, compiler: Compiler, rows: Rows): MessageStorage {
  const add = rows.insert('messages')
  const addDelivery = rows.insert('deliveries')

  const find = compiler.taking<{ id: string }>()((db, arg) =>
    summaries(db).where('messages.id', '=', arg('id')),
  )
  const list = compiler.taking<{ before: string; limit: number }>()((db, arg) =>
    summaries(db)
      .where('messages.id', '<', arg('before'))
      .orderBy('messages.id', 'desc')
      .limit(arg('limit')),
  )
  const listOf = compiler.taking<{ accountId: string; before: string; limit: number }>()(
    (db, arg) =>
      summaries(db)
        .where('sources.account_id', '=', arg('accountId'))
        .where('messages.id', '<', arg('before'))
        .orderBy('messages.id', 'desc')
        .limit(arg('limit')),
  )

  const listDeliveries = compiler.taking<{ messageId: string }>()((db, arg) =>
    db
      .selectFrom('deliveries')
      .innerJoin('destinations', 'destinations.id', 'deliveries.destination_id')
      .select([
        'deliveries.id',
        'deliveries.destination_id as destinationId',
        'destinations.name as destinationName',
        'deliveries.status',
      ])
      .where('deliveries.message_id', '=', arg('messageId'))
      .orderBy('deliveries.position'),
  )

  const payload = compiler.taking<{ id: string }>()((db, arg) =>
    db.selectFrom('messages').select('sealed_payload').where('id', '=', arg('id')),
  )

  return {
    async addMessage(message) {
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
        }),
        ...message.deliveries.map((delivery, position) =>
          addDelivery({
            message_id: message.id,
            position,
            id: delivery.id,
            attempt_id: delivery.attemptId,
            subscription_id: delivery.subscriptionId,
            destination_id: delivery.destinationId,
            status: 'queued',
          }),
        ),
      ])
    },

    async listMessages({ accountId, after, limit }) {
      const page = { before: after ?? LAST_ID, limit }
      const step = accountId === undefined ? list(page) : listOf({ ...page, accountId })
      return Promise.all((await engine.read(step)).map(toSummary))
    },

    async findMessage(id) {
      const [row] = await engine.read(find({ id }))
      return row === undefined ? null : toSummary(row)
    },

    async findPayload(messageId) {
      const [row] = await engine.read(payload({ id: messageId }))
      return row?.sealed_payload ?? null
    },
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
