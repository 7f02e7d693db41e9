import { z } from 'zod'
import { ok } from '../domain/failure.ts'
import { HOUR_MS } from '../domain/instant.ts'
import type { AttentionSummary } from '../service/accounts/dashboard.ts'
import type { KeyTypeCount } from '../service/ports/dashboard.ts'
import { defineOperation, type Operation } from './define.ts'
import { accountFilter, createListSchema, instant, toWholeList } from './fields.ts'
import { keyListItem, keyType } from './key-fields.ts'
import { subscription } from './subscriptions.ts'

const trafficCount = z
  .object({
    from: instant('Start of the span'),
    keyType: keyType.nullable().meta({ description: 'Null if the request named no key type' }),
    outcome: z.string().meta({ description: '`admitted`, or the reason of the refusal' }),
    requests: z.number().int(),
  })
  .meta({ id: 'Traffic' })

const keyTypeCount = z
  .object({
    keyType,
    usable: z.number().int().meta({ description: 'Enabled and not expired' }),
    used: z.number().int().meta({ description: 'Used in the last 30 days' }),
  } satisfies Record<keyof KeyTypeCount, z.ZodType>)
  .meta({ id: 'KeyCensus' })

const createAttentionList = <Item extends z.ZodType>(item: Item) =>
  z.object({
    count: z.number().int(),
    more: z.boolean().meta({ description: 'True if counting stopped at `count`' }),
    items: z.array(item).readonly().meta({ description: 'The first items' }),
  })

export const attentionLists = z
  .object({
    expiring: createAttentionList(keyListItem),
    unused: createAttentionList(keyListItem),
    ownerLeft: createAttentionList(keyListItem),
    stuck: createAttentionList(subscription),
  } satisfies Record<keyof AttentionSummary, z.ZodType>)
  .meta({ id: 'Attention' })

const hours = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, 'must be a number of hours')
  .transform(Number)
  .meta({ type: 'integer', description: 'Length of each span in hours', example: '24' })

export const dashboardOperations: readonly Operation[] = [
  defineOperation({
    id: 'dashboard.traffic',
    method: 'get',
    path: '/dashboard/traffic',
    commandLines: ['dashboard traffic --since 2027-01-31 --hours 24'],
    serviceMethods: ['dashboard.sumTraffic'],
    summary: 'Count requests and refusals over time',
    text: 'By span, key type and outcome, up to a minute ago. Spans without requests are omitted.',
    query: z.strictObject({
      ...accountFilter,
      since: instant('From this hour on').meta({ example: '2026-11-01T00:00:00.000Z' }),
      hours,
    }),
    columns: ['from', 'keyType', 'outcome', 'requests'],
    response: createListSchema(trafficCount),
    run: async ({ services, query: { since, hours, accountId } }) => {
      const fromHour = Math.floor(since / HOUR_MS)
      const sums = await services.dashboard.sumTraffic({ fromHour, hours, accountId })
      return toWholeList(
        sums.map(({ span, ...sum }) => ({ ...sum, from: (fromHour + span * hours) * HOUR_MS })),
      )
    },
  }),
  defineOperation({
    id: 'dashboard.keys',
    method: 'get',
    path: '/dashboard/keys',
    serviceMethods: ['dashboard.countKeysByType'],
    summary: 'Count usable and used keys by type',
    columns: ['keyType', 'usable', 'used'],
    response: createListSchema(keyTypeCount),
    run: async ({ services }) => toWholeList(await services.dashboard.countKeysByType()),
  }),
  defineOperation({
    id: 'dashboard.attention',
    method: 'get',
    path: '/dashboard/attention',
    serviceMethods: ['dashboard.findAttention'],
    summary: 'List resources that need attention',
    text: 'Keys that expire soon, are unused, or have a deactivated owner; subscriptions that are stuck.',
    columns: [
      'name',
      'owner.email',
      'source',
      'destination',
      'status',
      'lastUsedAt',
      'expiresAt',
      'id',
    ],
    note: (lists) =>
      Object.values(lists).every(({ count }) => count === 0) ? 'Nothing needs attention.' : null,
    response: attentionLists,
    run: async ({ services }) => ok(await services.dashboard.findAttention()),
  }),
]
