import { z } from '@hono/zod-openapi'
import type { ListedFeed } from '../../../service/ports/lists.ts'
import { accountId, id, instant, instantOrNull, name } from './common.ts'
import { outcome } from './messages.ts'
import { feed, url } from './routes.ts'

/** As a list tells it: between whom, how much waits, and what came of the last attempt. */
export const listedFeed = z
  .object({
    ...feed.shape,
    accountId,
    dataModel: z.string().nullable().openapi({ description: 'Null for every data model' }),
    source: z.object({ id, name }),
    destination: z.object({
      id,
      name,
      url,
      verifiedAt: instantOrNull('Since when it may be sent messages'),
    }),
    headId: z.string().nullable().openapi({ description: 'The message that is to go next' }),
    oldestAt: instantOrNull('When what waits longest was received'),
    lastAttempt: z
      .object({
        at: instant('When it began'),
        outcome,
        httpStatus: z.number().int().nullable(),
        detail: z.string(),
      })
      .nullable()
      .openapi({ description: 'Of what is to go next' }),
  } satisfies Record<keyof ListedFeed, z.ZodType>)
  .openapi('ListedFeed')
