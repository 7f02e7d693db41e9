import type { AttemptRecord } from '../../../src/service/ports/messages.ts'
import type { LeasedAttempt, QueueHead } from '../../../src/service/ports/routing.ts'
import type { StorageFixture } from './fixtures.ts'

export const DELIVERED_ATTEMPT: AttemptRecord = {
  at: 1_000,
  ms: 12,
  outcome: 'delivered',
  httpStatus: 204,
  detail: '',
}
export const REFUSED_ATTEMPT: AttemptRecord = {
  at: 1_000,
  ms: 34,
  outcome: 'refused',
  httpStatus: 500,
  detail: '🏥 "it\'s" broken',
}
export const FAILED_ATTEMPT: AttemptRecord = {
  at: 2_000,
  ms: 60_000,
  outcome: 'failed',
  httpStatus: null,
  detail: 'no answer',
}

/** Creates the functions by which tests fill, lease and read queues. */
export function createQueueFixture(fixture: StorageFixture) {
  const { addDestination, addSubscription, addTenant } = fixture

  /** Adds a source with subscriptions to `count` destinations. */
  async function seedQueues(count = 1) {
    const owned = await addTenant()
    const hops = []
    for (let n = 0; n < count; n++) {
      const to = await addDestination(owned.accountId, {
        name: `EMR ${n}`,
        url: `https://emr/${n}`,
      })
      hops.push(await addSubscription(owned.sourceId, to.id))
    }
    const [first] = hops
    if (first === undefined) throw new Error('a subscription is wanted')
    return { owned, hops, subscriptionId: first.id, destinationId: first.destinationId }
  }

  const leaseQueue = (subscriptionId: string, by: string, { now = 100, until = 200 } = {}) =>
    fixture.storage.leaseQueue({ subscriptionId, by, until }, now)
  const findQueueHead = (subscriptionId: string, by: string) =>
    fixture.storage.findQueueHead(subscriptionId, by)
  const requireQueueHead = async (subscriptionId: string, by: string): Promise<QueueHead> => {
    const found = await findQueueHead(subscriptionId, by)
    if (found === null) throw new Error('the subscription has nothing to send')
    return found
  }
  /** Starts an attempt at the message at the head of the queue. */
  const startAttempt = async (
    subscriptionId: string,
    by: string,
    attempt: AttemptRecord,
  ): Promise<LeasedAttempt> => {
    const { messageId, position } = await requireQueueHead(subscriptionId, by)
    return { subscriptionId, by, messageId, position, attempt }
  }
  const listDueQueueIds = async (now: number, most = { all: 10_000, perDestination: 10_000 }) =>
    (await fixture.storage.listDueQueues(now, most)).map(({ id }) => id)
  const isQueueDue = async (subscriptionId: string, now: number) =>
    (await listDueQueueIds(now)).includes(subscriptionId)
  const listDeliveryStatuses = async (messageId: string) =>
    (await fixture.storage.findMessage(messageId))?.deliveries.map(({ status }) => status)

  return {
    seedQueues,
    leaseQueue,
    findQueueHead,
    requireQueueHead,
    startAttempt,
    listDueQueueIds,
    isQueueDue,
    listDeliveryStatuses,
  }
}
