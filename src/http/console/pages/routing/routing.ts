import type { ConsoleRouter } from '../../router.ts'
import { mountDestinationPages } from './destination.ts'
import { mountDestinationListPages } from './destinations.ts'
import { mountSourceListPages, mountSourcePages } from './sources.ts'
import { mountSubscriptionPages } from './subscription.ts'
import { mountSubscribePages, mountSubscriptionListPages } from './subscriptions.ts'

/** Who sends, who receives, and what is between them. A word in a path comes before an id. */
export function mountRoutingPages(router: ConsoleRouter, deps: RoutingPageDeps): void {
  mountSourceListPages(router)
  mountSourcePages(router)
  mountDestinationListPages(router)
  mountDestinationPages(router, deps)
  mountSubscriptionListPages(router)
  mountSubscribePages(router)
  mountSubscriptionPages(router)
}

/** What the handshake says of this server. */
export interface RoutingPageDeps {
  readonly applicationName: string
}
