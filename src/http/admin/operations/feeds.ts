import { z } from '@hono/zod-openapi'
import { type Operation, operation } from '../operation.ts'
import { isId, isTrue, listOf, ofAccount, paged, paging } from '../schema/common.ts'
import { listedFeed } from '../schema/feeds.ts'

export const feeds: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/feeds',
    verbs: ['routes.listFeeds'],
    summary: 'List feeds, and how each is doing',
    query: z.strictObject({
      ...paging,
      ...ofAccount,
      sourceId: isId,
      destinationId: isId,
      stuck: isTrue.openapi({
        description: 'Only those whose first message was tried in vain',
      }),
    }),
    answer: listOf(listedFeed),
    run: ({ desk, query: { limit, after, stuck, ...asked } }) =>
      paged({ limit, after }, (page) =>
        desk.routes.listFeeds({ ...page, ...asked, stuck: stuck === 'true' || undefined }),
      ),
  }),
  operation({
    method: 'get',
    path: '/feeds/{id}',
    verbs: ['routes.findListedFeed'],
    summary: 'Look at a feed',
    text: '`id` is that of its subscription.',
    answer: listedFeed,
    run: ({ desk, id }) => desk.routes.findListedFeed(id),
  }),
]
