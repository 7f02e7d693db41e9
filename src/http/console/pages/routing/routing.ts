import type { ConsoleRouter } from '../../router.ts'
import { mountDestinationPages } from './destinations.ts'
import { mountSourcePages } from './sources.ts'
import { mountSubscriptionPages } from './subscription.ts'
import { mountSubscriptionListPages } from './subscriptions.ts'

/** Mounts the pages of sources, destinations and subscriptions. Fixed paths precede `/:id`. */
export function mountRoutingPages(router: ConsoleRouter, deps: RoutingPageDeps): void {
  mountSourcePages(router)
  mountDestinationPages(router, deps)
  mountSubscriptionListPages(router)
  mountSubscriptionPages(router)
}

export interface RoutingPageDeps {
  /** The name of this server in the handshake with destinations. */
  readonly applicationName: string
}
