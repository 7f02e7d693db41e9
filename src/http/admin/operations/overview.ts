import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
import { type Operation, operation } from '../operation.ts'
import { instant, listOf, ofAccount, whole } from '../schema/common.ts'
import { attention, census, traffic } from '../schema/overview.ts'

const HOUR_MS = 3_600_000

const hours = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, 'must be a number of hours')
  .transform(Number)
  .openapi({ type: 'integer', description: 'How long each span is', example: '24' })

export const overview: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/overview/traffic',
    verbs: ['overview.traffic'],
    summary: 'Count requests and refusals over time',
    text: 'By span, dialect and outcome, as of a minute ago; spans without requests are left out.',
    query: z.strictObject({
      ...ofAccount,
      since: instant('From this hour on').openapi({ example: '2026-11-01T00:00:00.000Z' }),
      hours,
    }),
    answer: listOf(traffic),
    run: async ({ desk, query: { since, hours, accountId } }) => {
      const fromHour = Math.floor(since / HOUR_MS)
      const sums = await desk.overview.traffic({ fromHour, hours, accountId })
      return whole(
        sums.map(({ span, ...sum }) => ({ ...sum, from: (fromHour + span * hours) * HOUR_MS })),
      )
    },
  }),
  operation({
    method: 'get',
    path: '/overview/keys',
    verbs: ['overview.keys'],
    summary: 'Count keys by dialect, and those that are in use',
    answer: listOf(census),
    run: async ({ desk }) => whole(await desk.overview.keys()),
  }),
  operation({
    method: 'get',
    path: '/overview/attention',
    verbs: ['overview.attention'],
    summary: 'See what wants looking after',
    text: 'Keys about to expire, unused, or of somebody who left; feeds that are stuck.',
    answer: attention,
    run: async ({ desk }) => ok(await desk.overview.attention()),
  }),
]
