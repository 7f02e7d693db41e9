import { z } from '@hono/zod-openapi'
import { ok, type Result } from '../../../domain/failure.ts'
import { InvalidCursorError, isUuid, toStoredId } from '../../../domain/id.ts'
import type { Page } from '../../../service/ports/lists.ts'

/** RFC 3339 on the wire, with milliseconds and in UTC; epoch milliseconds in the house. */
const instantCodec = z.codec(z.iso.datetime({ offset: true }), z.number(), {
  decode: (text) => Date.parse(text),
  encode: (at) => new Date(at).toISOString(),
})

const INSTANT_FORMAT = {
  type: 'string',
  format: 'date-time',
  example: '2026-11-21T09:30:00.000Z',
} as const

export const instant = (description: string) =>
  instantCodec.openapi({ ...INSTANT_FORMAT, description })

/** Null for never, or for not yet. */
export const instantOrNull = (description: string) =>
  instantCodec.nullable().openapi({ ...INSTANT_FORMAT, type: ['string', 'null'], description })

/** The id that a new thing is to have. */
export const newId = z.uuid().optional().openapi({
  description: 'Its id, a UUID of yours: sent again, the request makes no second one (409)',
})

export const id = z.string().openapi({ description: 'Its id' })
export const accountId = z.string().openapi({ description: 'The account that it belongs to' })
export const createdAt = instant('When it was made')
export const name = z.string().openapi({ description: 'What people call it: one line' })

const PAGE_LIMITS = { default: 100, most: 500 } as const

const limit = z
  .string()
  .regex(/^[1-9]\d{0,2}$/, `must be a number from 1 to ${PAGE_LIMITS.most}`)
  .transform(Number)
  .refine((n) => n <= PAGE_LIMITS.most, `must be a number from 1 to ${PAGE_LIMITS.most}`)
  .optional()
  .openapi({
    type: 'integer',
    minimum: 1,
    maximum: PAGE_LIMITS.most,
    default: PAGE_LIMITS.default,
    description: 'How many items the answer has at most',
  })

/** The parameters of every list. */
export const pageParameters = {
  limit,
  after: z.string().min(1).max(400).optional().openapi({
    description: '`next` of the page before; left out for the first page',
  }),
}

/** The id of something that exists. A UUID may be in upper or lower case. */
export const existingId = z.string().overwrite(toStoredId)
export const optionalIdParameter = existingId.min(1).max(128).optional()

export const accountFilter = {
  accountId: optionalIdParameter.openapi({ description: 'Of this account only' }),
}

/** Of a query, where everything is text. */
export const optionalBooleanParameter = z
  .literal(['true', 'false'])
  .optional()
  .openapi({ type: 'boolean' })

export const createListSchema = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(item).readonly(),
    next: z.string().nullable().openapi({
      description: 'The `after` of the next page; null where this is the last one',
    }),
  })

/** One page of a list whose items are found by the id of the one before. */
export async function readPage<Item extends { readonly id: string }>(
  query: { readonly limit?: number | undefined; readonly after?: string | undefined },
  read: (page: Page) => Promise<Item[]>,
): Promise<Result<{ items: Item[]; next: string | null }, never>> {
  if (query.after !== undefined && !isUuid(query.after)) throw new InvalidCursorError()
  const pageLimit = query.limit ?? PAGE_LIMITS.default
  const found = await read({ after: query.after, limit: pageLimit + 1 })
  const items = found.slice(0, pageLimit)
  return ok({ items, next: found.length > pageLimit ? (items.at(-1)?.id ?? null) : null })
}

/** All of a list that is never long. */
export const toWholeList = <Item>(items: readonly Item[]) => ok({ items, next: null })

/** The ids of the examples. They are nobody's: where examples are tried, others stand in for them. */
const createExampleId = (n: number) => `019aa000-0000-7000-8000-${String(n).padStart(12, '0')}`

export const EXAMPLE_IDS = {
  account: createExampleId(1),
  user: createExampleId(2),
  site: createExampleId(3),
  developer: createExampleId(4),
  address: createExampleId(5),
  source: createExampleId(6),
  destination: createExampleId(7),
  subscription: createExampleId(8),
  key: createExampleId(9),
  keyEvent: createExampleId(10),
  message: createExampleId(11),
  request: createExampleId(12),
  token: createExampleId(13),
  /** Of what is about to be made. */
  fresh: createExampleId(99),
} as const
