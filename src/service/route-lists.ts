import { ok } from '../domain/failure.ts'
import { type Done, notFound } from './operator.ts'
import type { FeedQuestions, ListedFeed, ListStorage } from './ports/lists.ts'
import type { KeySummary, OperatorStorage, Page } from './ports.ts'

export interface RouteListsDeps {
  readonly storage: Pick<
    ListStorage & OperatorStorage,
    'listFeeds' | 'findListedFeed' | 'findKeyOfSource' | 'findSource'
  >
}

/** Routes as people look at them. */
export const createRouteLists = ({ storage }: RouteListsDeps) => ({
  listFeeds: (page: Page & FeedQuestions) => storage.listFeeds(page),

  async findListedFeed(id: string): Promise<Done<ListedFeed>> {
    const feed = await storage.findListedFeed(id)
    return feed === null ? notFound(`there is no subscription ${id}`) : ok(feed)
  },

  /** Null where the source has no key that is not revoked. */
  async findKeyOf(sourceId: string): Promise<Done<KeySummary | null>> {
    const source = await storage.findSource(sourceId)
    if (source === null) return notFound(`there is no source ${sourceId}`)
    return ok(await storage.findKeyOfSource(sourceId))
  },
})
