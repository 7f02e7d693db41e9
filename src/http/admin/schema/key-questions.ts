import { z } from '@hono/zod-openapi'
import type { KeyOrder, KeyQuestions } from '../../../service/ports/lists.ts'
import { instant, isId, isTrue, ofAccount } from './common.ts'
import { dialect, keyStatus } from './keys.ts'

/** A count goes no further. */
export const COUNTED = 10_000

const ORDERS = [
  'newest',
  'oldest',
  'name',
  'lastUsed',
  'leastUsed',
  'expiry',
] as const satisfies readonly KeyOrder[]

export const order = z.enum(ORDERS).optional().openapi({ default: 'newest' })

/** What may be asked of keys. */
export const questions = {
  ...ofAccount,
  text: z.string().min(1).max(200).optional().openapi({
    description: 'In its name, public id or reference, or its owner’s e-mail address',
  }),
  dialect: dialect.optional(),
  status: keyStatus.optional(),
  siteId: isId,
  ownerId: isId,
  developerId: isId,
  unusedSince: instant('Not used since then').optional(),
  expiresAfter: instant('It will expire, after this moment and before `expiresBefore`').optional(),
  expiresBefore: instant('It will expire before this moment').optional(),
  ownerLeft: isTrue.openapi({ description: 'Whether its owner has left' }),
}

type Asked = z.output<z.ZodObject<typeof questions>>

export function questionsOf({
  expiresAfter,
  expiresBefore,
  ownerLeft,
  ...same
}: Asked): KeyQuestions {
  const expires =
    expiresBefore === undefined ? undefined : { now: expiresAfter ?? 0, before: expiresBefore }
  return { ...same, expires, ownerLeft: ownerLeft === undefined ? undefined : ownerLeft === 'true' }
}
