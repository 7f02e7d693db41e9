import { z } from 'zod'
import { ok, type Result } from '../domain/failure.ts'
import { InvalidCursorError, isUuid, toStoredId } from '../domain/id.ts'
import type { Page } from '../service/ports/lists.ts'

/** RFC 3339 in UTC with milliseconds on the wire; epoch milliseconds in the code. */
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
  instantCodec.meta({ ...INSTANT_FORMAT, description })

/** An instant, or null for never or not yet. */
export const instantOrNull = (description: string) =>
  instantCodec.nullable().meta({ ...INSTANT_FORMAT, type: ['string', 'null'], description })

/** The id that the caller chooses for a new resource. */
export const newId = z.uuid().optional().meta({
  description: 'The id, a UUID of your choice',
})

export const id = z.string()
export const accountId = z.string().meta({ description: 'Id of the account' })
export const createdAt = instant('Time of creation')
export const name = z.string()

const PAGE_LIMITS = { default: 100, maximum: 500 } as const

const limit = z
  .string()
  .regex(/^[1-9]\d{0,2}$/, `must be a number from 1 to ${PAGE_LIMITS.maximum}`)
  .transform(Number)
  .refine((n) => n <= PAGE_LIMITS.maximum, `must be a number from 1 to ${PAGE_LIMITS.maximum}`)
  .optional()
  .meta({
    type: 'integer',
    minimum: 1,
    maximum: PAGE_LIMITS.maximum,
    default: PAGE_LIMITS.default,
    description: 'Maximum number of items',
  })

/** The parameters of every list. */
export const pageParameters = {
  limit,
  after: z.string().min(1).max(400).optional().meta({
    description: '`next` of the previous page; omit it for the first page',
  }),
}

/** The id of an existing resource. A UUID may be in upper or lower case. */
export const existingId = z.string().overwrite(toStoredId)
export const optionalIdParameter = existingId.min(1).max(128).optional()

export const accountFilter = {
  accountId: optionalIdParameter.meta({ description: 'Only of this account' }),
}

/** A boolean of a query, where every value is text. */
export const optionalBooleanParameter = z
  .literal(['true', 'false'])
  .optional()
  .meta({ type: 'boolean' })

export const createListSchema = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(item).readonly(),
    next: z.string().nullable().meta({
      description: 'The `after` of the next page; null on the last page',
    }),
  })

interface PageQuery {
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

/** Reads one page of a list whose cursor is the id of the previous page's last item. */
export async function readPage<Item extends { readonly id: string }>(
  query: PageQuery,
  read: (page: Page) => Promise<Item[]>,
): Promise<Result<{ items: Item[]; next: string | null }, never>> {
  const { pageQuery, toPage } = parsePage(query)
  return ok(toPage(await read(pageQuery)))
}

/** Returns the query of a page, which reads one item more than the page has, and a function that makes the page. */
export function parsePage({ limit = PAGE_LIMITS.default, after }: PageQuery) {
  if (after !== undefined && !isUuid(after)) throw new InvalidCursorError()
  return {
    pageQuery: { after, limit: limit + 1 } satisfies Page,
    toPage<Item extends { readonly id: string }>(found: readonly Item[]) {
      const items = found.slice(0, limit)
      return { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null }
    },
  }
}

/** Wraps a short list, which has no further page. */
export const toWholeList = <Item>(items: readonly Item[]) => ok({ items, next: null })

/** Creates an id for the examples. Tests of the examples replace it with the id of a real resource. */
const createExampleId = (n: number) => `019aa000-0000-7000-8000-${String(n).padStart(12, '0')}`

export const EXAMPLE_IDS = {
  account: createExampleId(1),
  user: createExampleId(2),
  site: createExampleId(3),
  developer: createExampleId(4),
  allowlistEntry: createExampleId(5),
  source: createExampleId(6),
  destination: createExampleId(7),
  subscription: createExampleId(8),
  key: createExampleId(9),
  keyEvent: createExampleId(10),
  message: createExampleId(11),
  request: createExampleId(12),
  token: createExampleId(13),
  sunset: createExampleId(14),
  import: createExampleId(15),
  /** The id of a resource that the example creates. */
  fresh: createExampleId(99),
} as const
