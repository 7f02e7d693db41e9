import type { AttemptSummary, MessageStorage } from '../ports/messages.ts'
import type { QueueStorage } from '../ports/routing.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import { type AccountScope, HIDDEN_DETAIL, rejectOutOfScope, runIfOwned } from './account-scope.ts'

type QueueVerbs = Pick<QueueStorage, 'findQueue' | 'purgeQueue'>
type RoutingVerbs = QueueVerbs &
  Pick<
    ResourceStorage,
    | 'addSource'
    | 'listSources'
    | 'findSource'
    | 'addDestination'
    | 'setDestinationUrl'
    | 'setDestinationVerified'
    | 'verifyDestination'
    | 'setVerificationToken'
    | 'findSealedVerificationToken'
    | 'listDestinations'
    | 'findDestination'
    | 'findSubscriptionTarget'
    | 'addSubscription'
    | 'setSubscriptionStatus'
    | 'listSubscriptions'
    | 'findSubscription'
  >

/**
 * Scopes sources, destinations and subscriptions to one account. An operator may have subscribed a
 * destination of another account to a source of this one. The sender must know the receiver, so
 * `findSubscriptionTarget` returns that destination's name and verification. Its URL, its token and
 * all changes are limited to its own account.
 */
export function scopeRouting(
  storage: ResourceStorage & QueueVerbs,
  scope: AccountScope,
): RoutingVerbs {
  return {
    addSource: (source, event) =>
      runIfOwned(scope.row(source), () => storage.addSource(source, event), false),
    listSources: (page) => scope.list(page, storage.listSources),
    findSource: scope.source,

    addDestination: (destination, event) =>
      runIfOwned(scope.row(destination), () => storage.addDestination(destination, event), false),
    setDestinationUrl: (id, url, event) =>
      runIfOwned(scope.destination(id), () => storage.setDestinationUrl(id, url, event), false),
    setDestinationVerified: (id, at, event) =>
      runIfOwned(scope.destination(id), () => storage.setDestinationVerified(id, at, event), false),
    verifyDestination: (id, challenged, at, event) =>
      runIfOwned(
        scope.destination(id),
        () => storage.verifyDestination(id, challenged, at, event),
        false,
      ),
    setVerificationToken: (id, sealedToken, method, event) =>
      runIfOwned(
        scope.destination(id),
        () => storage.setVerificationToken(id, sealedToken, method, event),
        false,
      ),
    findSealedVerificationToken: (id) =>
      runIfOwned(scope.destination(id), () => storage.findSealedVerificationToken(id), null),
    listDestinations: (page) => scope.list(page, storage.listDestinations),
    findDestination: scope.destination,
    findSubscriptionTarget: (id) =>
      runIfOwned(scope.subscription(id), () => storage.findSubscriptionTarget(id), null),

    // Checks both ends: only an operator may subscribe another account's destination.
    async addSubscription(subscription, event) {
      if ((await scope.source(subscription.sourceId)) === null) return false
      const work = () => storage.addSubscription(subscription, event)
      return runIfOwned(scope.destination(subscription.destinationId), work, false)
    },
    setSubscriptionStatus: (id, status, event) =>
      runIfOwned(
        scope.subscription(id),
        () => storage.setSubscriptionStatus(id, status, event),
        false,
      ),
    listSubscriptions: (page) => scope.list(page, storage.listSubscriptions),
    findSubscription: scope.subscription,
    findQueue: (id) => runIfOwned(scope.subscription(id), () => storage.findQueue(id), null),
    purgeQueue: (id, event) =>
      runIfOwned(scope.subscription(id), () => storage.purgeQueue(id, event), false),
  }
}

type MessageVerbs = MessageStorage & Omit<QueueStorage, 'findQueue' | 'purgeQueue'>

/** Scopes messages to one account, by their source. */
export function scopeMessages(
  storage: MessageStorage & QueueStorage & Pick<ResourceStorage, 'findDestination'>,
  scope: AccountScope,
): MessageVerbs {
  return {
    listMessages: (page) => scope.list(page, storage.listMessages),
    findMessage: scope.message,
    findPayload: (id) => runIfOwned(scope.message(id), () => storage.findPayload(id), null),
    listAttempts: (id, limit) =>
      runIfOwned(
        scope.message(id),
        async () => hideForeignDetails(await storage.listAttempts(id, limit)),
        [],
      ),
    replayMessage: (id, destinationId, event) =>
      runIfOwned(scope.message(id), () => storage.replayMessage(id, destinationId, event), 0),
    skipMessage: (id, destinationId, event) =>
      runIfOwned(scope.message(id), () => storage.skipMessage(id, destinationId, event), 0),

    // Without an event, the message is not a user's test. Receiving and sending messages is the
    // server's own work, for all accounts.
    async addMessage(message, event) {
      const isTest = event !== undefined && (await scope.source(message.sourceId)) !== null
      return isTest ? storage.addMessage(message, event) : rejectOutOfScope('addMessage')()
    },
    listDueQueues: rejectOutOfScope('listDueQueues'),
    findDueAt: rejectOutOfScope('findDueAt'),
    leaseQueue: rejectOutOfScope('leaseQueue'),
    renewLeases: rejectOutOfScope('renewLeases'),
    releaseQueue: rejectOutOfScope('releaseQueue'),
    findQueueHead: rejectOutOfScope('findQueueHead'),
    settleDelivered: rejectOutOfScope('settleDelivered'),
    settleFailed: rejectOutOfScope('settleFailed'),
    erasePayloads: rejectOutOfScope('erasePayloads'),
  }

  /** Hides why another account's destination was not reached, because that may reveal its location. */
  async function hideForeignDetails(
    attempts: readonly AttemptSummary[],
  ): Promise<AttemptSummary[]> {
    const ids = [...new Set(attempts.map(({ destinationId }) => destinationId))]
    const ownedDestinations = await Promise.all(ids.map(scope.destination))
    const foreign = new Set(ids.filter((_, n) => ownedDestinations[n] === null))
    const revealsLocation = ({ destinationId, outcome }: AttemptSummary) =>
      foreign.has(destinationId) && (outcome === 'failed' || outcome === 'forbidden')
    return attempts.map((attempt) =>
      revealsLocation(attempt) ? { ...attempt, detail: HIDDEN_DETAIL } : attempt,
    )
  }
}
