import { DATA_MODELS, isDataModel } from '../../domain/catalog.ts'
import { ok } from '../../domain/failure.ts'
import type { EditStorage } from '../ports/accounts.ts'
import type { ListStorage, Page, SubscriptionFilter, SubscriptionListItem } from '../ports/lists.ts'
import type {
  QueueStorage,
  SubscriptionQueue,
  SubscriptionSummary,
  SubscriptionTarget,
} from '../ports/routing.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import {
  type ActorDeps,
  createAuditEvent,
  failConflict,
  failInvalid,
  failNotFound,
  formatIdConflict,
  parseId,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'

export interface SubscriptionsDeps extends ActorDeps {
  readonly storage: ResourceStorage &
    QueueStorage &
    Pick<EditStorage, 'deleteSubscription'> &
    Pick<ListStorage, 'searchSubscriptions' | 'findSubscriptionListItem'>
}

/** Manages subscriptions: which destinations receive a source's messages, each with its queue. */
export function createSubscriptions(deps: SubscriptionsDeps) {
  const { storage, random, clock } = deps

  const find = async (id: string): Promise<ServiceResult<SubscriptionSummary>> =>
    requireFound(await storage.findSubscription(id), 'subscription', id)

  const findQueue = async (id: string): Promise<ServiceResult<SubscriptionQueue>> =>
    requireFound(await storage.findQueue(id), 'subscription', id)

  return {
    /** Subscribes a destination to one data model of a source, or to all if omitted. */
    async create(input: {
      sourceId: string
      destinationId: string
      dataModel?: string | undefined
      id?: string | undefined
    }): Promise<ServiceResult<SubscriptionSummary>> {
      const id = parseId(input.id, random)
      if (!id.ok) return id
      const { sourceId, destinationId, dataModel = null } = input
      if (dataModel !== null && !isDataModel(dataModel)) {
        const modelNames = DATA_MODELS.map((entry) => entry.dataModel).join(', ')
        return failInvalid(
          `there is no data model ${JSON.stringify(dataModel)}; there are: ${modelNames}`,
        )
      }
      const source = requireFound(await storage.findSource(sourceId), 'source', sourceId)
      if (!source.ok) return source
      const destination = requireFound(
        await storage.findDestination(destinationId),
        'destination',
        destinationId,
      )
      if (!destination.ok) return destination
      const subscription: SubscriptionSummary = {
        id: id.value,
        sourceId,
        destinationId,
        dataModel,
        status: 'active',
        createdAt: clock(),
      }
      const facts = { sourceId, destinationId, dataModel }
      const event = createAuditEvent(deps, 'subscription.created', subscription.id, facts)
      const isAdded = await storage.addSubscription(subscription, event)
      if (isAdded) return ok(subscription)
      return failConflict(
        `this source is subscribed to that destination for that data model already${formatIdConflict(input.id, 'a subscription')}`,
      )
    },

    async setStatus(
      id: string,
      status: SubscriptionSummary['status'],
    ): Promise<ServiceResult<{ id: string; status: SubscriptionSummary['status'] }>> {
      const action = status === 'active' ? 'subscription.resumed' : 'subscription.paused'
      const event = createAuditEvent(deps, action, id)
      const isChanged = await storage.setSubscriptionStatus(id, status, event)
      return isChanged ? ok({ id, status }) : failNotFound(`there is no subscription ${id}`)
    },

    /** Refused while a message is queued. It must be sent, or the queue purged, first. */
    async delete(id: string): Promise<ServiceResult<void>> {
      const subscription = await find(id)
      if (!subscription.ok) return subscription
      const { sourceId, destinationId } = subscription.value
      const event = createAuditEvent(deps, 'subscription.removed', id, { sourceId, destinationId })
      return (await storage.deleteSubscription(id, event))
        ? ok(undefined)
        : failConflict('messages are queued in it: let them be sent, or empty the queue first')
    },

    findQueue,

    /** Removes all queued messages. They are never sent. */
    async purgeQueue(id: string): Promise<ServiceResult<SubscriptionQueue>> {
      const event = createAuditEvent(deps, 'subscription.purged', id)
      const isPurged = await storage.purgeQueue(id, event)
      return isPurged ? findQueue(id) : failNotFound(`there is no subscription ${id}`)
    },

    list: (page: Page & { sourceId?: string | undefined; accountId?: string | undefined }) =>
      storage.listSubscriptions(page),
    find,

    /** Finds the destination of a subscription, which may be another account's. */
    findTarget: async (id: string): Promise<ServiceResult<SubscriptionTarget>> =>
      requireFound(await storage.findSubscriptionTarget(id), 'subscription', id),

    /** Lists subscriptions with their names, queue and last attempt. */
    search: (page: Page & SubscriptionFilter) => storage.searchSubscriptions(page),
    findListItem: async (id: string): Promise<ServiceResult<SubscriptionListItem>> =>
      requireFound(await storage.findSubscriptionListItem(id), 'subscription', id),
  }
}

export type Subscriptions = ReturnType<typeof createSubscriptions>
