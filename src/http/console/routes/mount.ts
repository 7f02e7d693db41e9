import type { Area } from '../area.ts'
import type { RouteScreenDeps } from './deps.ts'
import { mountDestination } from './destination.ts'
import { mountDestinations } from './destinations.ts'
import { mountFeed } from './feed.ts'
import { mountFeeds } from './feeds.ts'
import { mountSource } from './source.ts'
import { mountSources } from './sources.ts'
import { mountSubscribe } from './subscribe.ts'

/** Who sends, who receives, and what is between them. A word in a path comes before an id. */
export function mountRouteScreens(area: Area, deps: RouteScreenDeps): void {
  mountSources(area)
  mountSource(area)
  mountDestinations(area)
  mountDestination(area, deps)
  mountFeeds(area)
  mountSubscribe(area)
  mountFeed(area)
}
