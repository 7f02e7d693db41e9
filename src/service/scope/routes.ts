import type { FeedStorage, OperatorStorage } from '../ports.ts'
import { type Own, withOwn } from './own.ts'

type Feeds = Pick<FeedStorage, 'findFeed' | 'purgeFeed'>
type Verbs = Feeds &
  Pick<
    OperatorStorage,
    | 'addSource'
    | 'listSources'
    | 'findSource'
    | 'addDestination'
    | 'setDestinationUrl'
    | 'setDestinationVerified'
    | 'verifyDestination'
    | 'setDestinationToken'
    | 'findSealedToken'
    | 'listDestinations'
    | 'findDestination'
    | 'findReceiver'
    | 'addSubscription'
    | 'setSubscriptionStatus'
    | 'listSubscriptions'
    | 'findSubscription'
  >

/**
 * Sources, destinations and subscriptions, where no other account exists. A subscription may lead from
 * a source of this account to a destination of another: an operator has joined them. Who sends must
 * know who receives, so of that destination `findReceiver` tells its name and whether it is verified.
 * Where it is and what was agreed on with it is for its own account, and so is every change of it.
 */
export function scopeRoutes(storage: OperatorStorage & Feeds, own: Own): Verbs {
  return {
    addSource: (source, event) =>
      withOwn(own.row(source), () => storage.addSource(source, event), false),
    listSources: (page) => own.list(page, storage.listSources),
    findSource: own.source,

    addDestination: (destination, event) =>
      withOwn(own.row(destination), () => storage.addDestination(destination, event), false),
    setDestinationUrl: (id, url, event) =>
      withOwn(own.destination(id), () => storage.setDestinationUrl(id, url, event), false),
    setDestinationVerified: (id, at, event) =>
      withOwn(own.destination(id), () => storage.setDestinationVerified(id, at, event), false),
    verifyDestination: (id, met, at, event) =>
      withOwn(own.destination(id), () => storage.verifyDestination(id, met, at, event), false),
    setDestinationToken: (id, sealedToken, method, event) =>
      withOwn(
        own.destination(id),
        () => storage.setDestinationToken(id, sealedToken, method, event),
        false,
      ),
    findSealedToken: (id) => withOwn(own.destination(id), () => storage.findSealedToken(id), null),
    listDestinations: (page) => own.list(page, storage.listDestinations),
    findDestination: own.destination,
    findReceiver: (id) => withOwn(own.subscription(id), () => storage.findReceiver(id), null),

    // Both ends: nobody sends to another account unless an operator has joined them.
    async addSubscription(subscription, event) {
      if ((await own.source(subscription.sourceId)) === null) return false
      const work = () => storage.addSubscription(subscription, event)
      return withOwn(own.destination(subscription.destinationId), work, false)
    },
    setSubscriptionStatus: (id, status, event) =>
      withOwn(own.subscription(id), () => storage.setSubscriptionStatus(id, status, event), false),
    listSubscriptions: (page) => own.list(page, storage.listSubscriptions),
    findSubscription: own.subscription,
    findFeed: (id) => withOwn(own.subscription(id), () => storage.findFeed(id), null),
    purgeFeed: (id, event) =>
      withOwn(own.subscription(id), () => storage.purgeFeed(id, event), false),
  }
}
