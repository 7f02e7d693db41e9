import { z } from '@hono/zod-openapi'
import type { Attention } from '../../../service/overview.ts'
import type { KeyCensus } from '../../../service/ports/survey.ts'
import { instant } from './common.ts'
import { listedFeed } from './feeds.ts'
import { dialect, listedKey } from './keys.ts'

export const traffic = z
  .object({
    from: instant('When the span begins'),
    dialect: dialect.nullable().openapi({ description: 'Null where none was claimed' }),
    outcome: z.string().openapi({ description: '`admitted`, or the reason of the refusal' }),
    requests: z.number().int(),
  })
  .openapi('Traffic')

export const census = z
  .object({
    dialect,
    usable: z.number().int().openapi({ description: 'Enabled, and not expired' }),
    used: z.number().int().openapi({ description: 'Used in the last 30 days' }),
  } satisfies Record<keyof KeyCensus, z.ZodType>)
  .openapi('KeyCensus')

const some = <Item extends z.ZodType>(item: Item) =>
  z.object({
    count: z.number().int(),
    more: z.boolean().openapi({ description: 'Whether there are more than were counted' }),
    told: z.array(item).readonly().openapi({ description: 'The first of them' }),
  })

export const attention = z
  .object({
    expiring: some(listedKey),
    unused: some(listedKey),
    ownerLeft: some(listedKey),
    stuck: some(listedFeed),
  } satisfies Record<keyof Attention, z.ZodType>)
  .openapi('Attention')
