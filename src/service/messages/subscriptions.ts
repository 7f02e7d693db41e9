import { DATA_MODELS, isDataModel } from '../../domain/catalog.ts'
import type { Page, SubscriptionFilter, SubscriptionListItem } from '../ports/lists.ts'
import type { NewSubscription, SubscriptionTarget } from '../ports/routing.ts'
import type { ManagementDeps } from '../scope/storage.ts'
import {
  createAuditEvent,
  deleteResource,
  failConflict,
  failInvalid,
  failNotFound,
  formatIdConflict,
  parseId,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'

/** Manages subscriptions: which destinations receive a source's messages, each with its queue. */
export function createSubscriptions(deps: ManagementDeps) {
  const { storage, random, clock } = deps

  const find = async (id: string): Promise<ServiceResult<SubscriptionListItem>> =>
    requireFound(await storage.findSubscriptionListItem(id), 'subscription', id)

  return {
    /** Subscribes a destination to one data model of a source, or to all if omitted. */
    async create(input: {
      sourceId: string
      destinationId: string
      dataModel?: string | undefined
      id?: string | undefined
    }): Promise<ServiceResult<SubscriptionListItem>> {
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
      const subscription: NewSubscription = {
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
      if (isAdded) return find(subscription.id)
      return failConflict(
        `this source is subscribed to that destination for that data model already${formatIdConflict(input.id, 'a subscription')}`,
      )
    },

    async setStatus(
      id: string,
      status: NewSubscription['status'],
    ): Promise<ServiceResult<SubscriptionListItem>> {
      const action = status === 'active' ? 'subscription.resumed' : 'subscription.paused'
      const event = createAuditEvent(deps, action, id)
      const isChanged = await storage.setSubscriptionStatus(id, status, event)
      return isChanged ? find(id) : failNotFound(`there is no subscription ${id}`)
    },

    /** Refused while a message is queued. It must be sent, or the queue purged, first. */
    async delete(id: string): Promise<ServiceResult<void>> {
      const subscription = await find(id)
      if (!subscription.ok) return subscription
      const { source, destination } = subscription.value
      const reason = 'messages are queued in it: let them be sent, or empty the queue first'
      return deleteResource(deps, 'subscription', id, {
        facts: { sourceId: source.id, destinationId: destination.id },
        reason,
      })
    },

    /** Removes all queued messages. They are never sent. */
    async purgeQueue(id: string): Promise<ServiceResult<SubscriptionListItem>> {
      const event = createAuditEvent(deps, 'subscription.purged', id)
      const isPurged = await storage.purgeQueue(id, event)
      return isPurged ? find(id) : failNotFound(`there is no subscription ${id}`)
    },

    /** Lists subscriptions with their names, queue and last attempt. */
    list: (page: Page & SubscriptionFilter) => storage.searchSubscriptions(page),
    find,

    /** Finds the destination of a subscription, which may be another account's. */
    findTarget: async (id: string): Promise<ServiceResult<SubscriptionTarget>> =>
      requireFound(await storage.findSubscriptionTarget(id), 'subscription', id),
  }
}

export type Subscriptions = ReturnType<typeof createSubscriptions>
