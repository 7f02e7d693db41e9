import { z } from '@hono/zod-openapi'
import { ok, type Result } from '../../../domain/failure.ts'
import { DamagedCursor, isUuid, toStoredId } from '../../../domain/id.ts'
import type { Page } from '../../../service/ports.ts'

/** RFC 3339 on the wire, with milliseconds and in UTC; epoch milliseconds in the house. */
const moment = z.codec(z.iso.datetime({ offset: true }), z.number(), {
  decode: (text) => Date.parse(text),
  encode: (at) => new Date(at).toISOString(),
})

const WIRE = { type: 'string', format: 'date-time', example: '2026-11-21T09:30:00.000Z' } as const

export const instant = (description: string) => moment.openapi({ ...WIRE, description })

/** Null for never, or for not yet. */
export const instantOrNull = (description: string) =>
  moment.nullable().openapi({ ...WIRE, type: ['string', 'null'], description })

/** The id that a new thing is to have. */
export const newId = z.uuid().optional().openapi({
  description: 'Its id, a UUID of yours: sent again, the request makes no second one (409)',
})

export const id = z.string().openapi({ description: 'Its id' })
export const accountId = z.string().openapi({ description: 'The account that it belongs to' })
export const createdAt = instant('When it was made')
export const name = z.string().openapi({ description: 'What people call it: one line' })

const LIMIT = { default: 100, most: 500 } as const

const limit = z
  .string()
  .regex(/^[1-9]\d{0,2}$/, `must be a number from 1 to ${LIMIT.most}`)
  .transform(Number)
  .refine((n) => n <= LIMIT.most, `must be a number from 1 to ${LIMIT.most}`)
  .optional()
  .openapi({
    type: 'integer',
    minimum: 1,
    maximum: LIMIT.most,
    default: LIMIT.default,
    description: 'How many items the answer has at most',
  })

/** The parameters of every list. */
export const paging = {
  limit,
  after: z.string().min(1).max(400).optional().openapi({
    description: '`next` of the page before; left out for the first page',
  }),
}

/** The id of something that exists. A UUID may be in upper or lower case. */
export const existingId = z.string().overwrite(toStoredId)
export const isId = existingId.min(1).max(128).optional()

export const ofAccount = {
  accountId: isId.openapi({ description: 'Of this account only' }),
}

/** Of a query, where everything is text. */
export const isTrue = z.literal(['true', 'false']).optional().openapi({ type: 'boolean' })

export const listOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(item).readonly(),
    next: z.string().nullable().openapi({
      description: 'The `after` of the next page; null where this is the last one',
    }),
  })

/** One page of a list whose items are found by the id of the one before. */
export async function paged<Item extends { readonly id: string }>(
  query: { readonly limit?: number | undefined; readonly after?: string | undefined },
  read: (page: Page) => Promise<Item[]>,
): Promise<Result<{ items: Item[]; next: string | null }, never>> {
  if (query.after !== undefined && !isUuid(query.after)) throw new DamagedCursor()
  const most = query.limit ?? LIMIT.default
  const found = await read({ after: query.after, limit: most + 1 })
  const items = found.slice(0, most)
  return ok({ items, next: found.length > most ? (items.at(-1)?.id ?? null) : null })
}

/** All of a list that is never long. */
export const whole = <Item>(items: readonly Item[]) => ok({ items, next: null })
