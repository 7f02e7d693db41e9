import { z } from '@hono/zod-openapi'
import type { Developer, Site } from '../../../service/ports.ts'
import { accountId, createdAt, id, name } from './common.ts'

export const site = z
  .object({ id, accountId, name, createdAt } satisfies Record<keyof Site, z.ZodType>)
  .openapi('Site')

export const developerKey = z.string().openapi({
  description: 'What the vendor calls the developer by; no secret',
})

export const developer = z
  .object({ id, accountId, name, developerKey, createdAt } satisfies Record<
    keyof Developer,
    z.ZodType
  >)
  .openapi('Developer')
