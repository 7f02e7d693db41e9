import type { MessageStorage, MessageSummary } from '../service/ports.ts'
import type { Compiler, Engine } from './engine.ts'
import type { Rows } from './rows.ts'

/** The outbox: a message and its deliveries are there together or not at all. */
export function createMessages(engine: Engine, compiler: Compiler, rows: Rows): MessageStorage {
  const add = rows.insert('messages', [
    'id',
    'serial',
    'key_id',
    'source_id',
    'data_model',
    'event_type',
    'test',
    'received_at',
    'sealed_payload',
  ])
  const addDelivery = rows.insert('deliveries', [
    'message_id',
    'position',
    'id',
    'attempt_id',
    'subscription_id',
    'destination_id',
    'status',
  ])

  const list = compiler.taking<{ accountId: string | null; before: string; limit: number }>()(
    (db, arg) =>
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
        .where((eb) =>
          eb.or([
            eb(eb.cast<string>(eb.val(arg('accountId')), 'text'), 'is', null),
            eb('sources.account_id', '=', arg('accountId')),
          ]),
        )
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
      const rows = await engine.read(
        list({ accountId: accountId ?? null, before: after ?? '~', limit }),
      )
      const messages: MessageSummary[] = []
      for (const row of rows) {
        messages.push({
          id: row.id,
          serial: row.serial,
          accountId: row.account_id,
          sourceId: row.source_id,
          dataModel: row.data_model,
          eventType: row.event_type,
          test: row.test === 1,
          receivedAt: row.received_at,
          deliveries: await engine.read(listDeliveries({ messageId: row.id })),
        })
      }
      return messages
    },

    async findPayload(messageId) {
      const [row] = await engine.read(payload({ id: messageId }))
      return row?.sealed_payload ?? null
    },
  }
}
