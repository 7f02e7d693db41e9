import { z } from 'zod'
import { ok } from '../domain/failure.ts'
import { type Brownout, LEGACY_KEY_TYPES, type Sunset } from '../domain/sunset.ts'
import type { LegacyKeyStatus } from '../service/keys/sunsets.ts'
import type { StoredSunset } from '../service/ports/sunsets.ts'
import { defineNoContentOperation, defineOperation, type Operation } from './define.ts'
import {
  accountFilter,
  accountId,
  createdAt,
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  id,
  instant,
  instantOrNull,
  name,
  optionalBooleanParameter,
  optionalIdParameter,
  pageParameters,
  parsePage,
  readPage,
} from './fields.ts'

const legacyKeyType = z.enum(LEGACY_KEY_TYPES).meta({ id: 'LegacyKeyType' })

const INTERVAL_FORM = 'must be a start and an end such as 2027-01-31T12:00:00Z/2027-01-31T13:00:00Z'

/** A time interval of ISO 8601. */
const brownout = z
  .codec(z.string(), z.object({ startsAt: z.number(), endsAt: z.number() }), {
    decode(text, context): Brownout {
      const ends = text.split('/').map((end) => z.iso.datetime({ offset: true }).safeParse(end))
      const [startsAt, endsAt] = ends.map(({ data = '' }) => Date.parse(data))
      if (ends.length === 2 && startsAt && endsAt) return { startsAt, endsAt }
      context.issues.push({ code: 'custom', input: text, message: INTERVAL_FORM })
      return z.NEVER
    },
    encode: ({ startsAt, endsAt }) =>
      `${new Date(startsAt).toISOString()}/${new Date(endsAt).toISOString()}`,
  })
  .meta({ type: 'string', example: '2026-12-21T09:30:00.000Z/2026-12-21T10:30:00.000Z' })

const brownouts = z.array(brownout).readonly().meta({
  title: 'Brownouts',
  description:
    'Windows in which the keys are refused, each at most a day: start and end, separated by a slash',
})

const schedule = {
  deprecatedAt: instant('Time from which the keys are deprecated'),
  sunsetAt: instant('Time from which the keys are refused'),
  documentationUrl: z.string().nullable(),
  brownouts,
} satisfies Record<keyof Sunset, z.ZodType>

const nullableId = z.string().nullable()

const storedSunset = z
  .object({
    id,
    accountId,
    keyType: legacyKeyType,
    sourceId: nullableId.meta({ description: 'Its keys alone; null for those of the account' }),
    siteId: nullableId.meta({ description: 'Its keys alone; null for those of the account' }),
    ...schedule,
    createdAt,
  } satisfies Record<keyof StoredSunset, z.ZodType>)
  .meta({ id: 'Sunset' })

const legacyKey = z
  .object({
    id,
    accountId,
    keyType: legacyKeyType,
    name,
    publicId: z.string(),
    ownerId: z.string(),
    ownerEmail: z.string(),
    sourceId: nullableId,
    sourceName: z.string().nullable(),
    siteId: nullableId,
    siteName: z.string().nullable(),
    userAgent: z.string().nullable().meta({ description: 'User-Agent of a recent use' }),
    lastUsedAt: instantOrNull('Time of the last use, to the minute'),
    firstOAuthUseAt: instantOrNull(
      'Time of the first use of OAuth for the source or site; of a key without either, by the owner',
    ),
    lastOAuthUseAt: instantOrNull('Time of the last such use'),
    ready: z.boolean().meta({ description: 'True if that was within the last seven days' }),
    sunsetAt: instantOrNull('Time from which it is refused'),
  } satisfies Record<keyof LegacyKeyStatus, z.ZodType>)
  .meta({ id: 'LegacyKey' })

const KEY_COLUMNS = [
  'name',
  'keyType',
  'ownerEmail',
  'sourceName',
  'siteName',
  'userAgent',
  'lastUsedAt',
  'firstOAuthUseAt',
  'lastOAuthUseAt',
  'ready',
  'sunsetAt',
  'id',
]

const toBoolean = (text: 'true' | 'false' | undefined) =>
  text === undefined ? undefined : text === 'true'

const target = {
  accountId: existingId.meta({ example: EXAMPLE_IDS.account }),
  keyType: legacyKeyType,
}
const dates = {
  deprecatedAt: instant(
    'Time from which the keys are deprecated; by default that of the sunset that this one replaces, otherwise now',
  ).optional(),
  sunsetAt: instant('Time from which the keys are refused').meta({
    example: '2099-12-31T12:00:00.000Z',
  }),
}

export const sunsetOperations: readonly Operation[] = [
  defineOperation({
    id: 'sunset.keys',
    method: 'get',
    path: '/legacy-keys',
    serviceMethods: ['sunsets.listKeys'],
    summary: 'List the keys that OAuth replaces, and who still uses them',
    text: 'Revoked keys are left out. A key is ready if OAuth was used for its source or site within the last seven days; for a key that has neither, if its owner has used OAuth. Uses are written within a minute.',
    query: z.strictObject({
      ...pageParameters,
      ...accountFilter,
      keyType: legacyKeyType.optional(),
      ready: optionalBooleanParameter.meta({ description: 'Only keys that are ready, or not' }),
      unused: optionalBooleanParameter.meta({
        description: 'Only keys that were not used within the last seven days, or that were',
      }),
    }),
    response: createListSchema(legacyKey),
    columns: KEY_COLUMNS,
    commandLines: ['sunset keys --key-type redox --ready false'],
    run: ({ services, query: { accountId, keyType, ready, unused, ...page } }) =>
      readPage(page, (pageQuery) =>
        services.sunsets.listKeys({
          ...pageQuery,
          accountId,
          keyType,
          ready: toBoolean(ready),
          unused: toBoolean(unused),
        }),
      ),
  }),
  defineOperation({
    id: 'sunset.plan',
    method: 'get',
    path: '/sunsets/plan',
    serviceMethods: ['sunsets.plan'],
    summary: 'Show what a sunset would mean',
    text: 'Lists the keys that are not ready for it, and proposes brownouts. Nothing is stored.',
    query: z.strictObject({
      ...target,
      keyType: legacyKeyType.meta({ example: 'redox' }),
      sourceId: optionalIdParameter,
      siteId: optionalIdParameter,
      ...dates,
      ...pageParameters,
    }),
    response: z.object({
      deprecatedAt: schedule.deprecatedAt,
      sunsetAt: schedule.sunsetAt,
      brownouts,
      ...createListSchema(legacyKey).shape,
    }),
    columns: KEY_COLUMNS,
    commandLines: ['sunset plan --account 0199aa… --key-type redox --sunset-at 2099-12-31'],
    note: ({ brownouts }) =>
      brownouts.length === 0
        ? null
        : `Proposed brownouts: --brownouts ${brownouts.map(String).join(',')}`,
    async run({ services, query: { limit, after, ...input } }) {
      const { pageQuery, toPage } = parsePage({ limit, after })
      const preview = await services.sunsets.plan(input, pageQuery)
      if (!preview.ok) return preview
      const { keys, ...sunset } = preview.value
      return ok({ ...sunset, ...toPage(keys) })
    },
  }),
  defineOperation({
    id: 'sunset.set',
    method: 'post',
    path: '/sunsets',
    serviceMethods: ['sunsets.set'],
    summary: 'Set a sunset',
    text: 'Retires the keys of a type: those of the account, or of a source or site, whose own sunset replaces that of the account. Setting it again replaces it. It takes effect at the next request.',
    body: z.strictObject({
      ...target,
      sourceId: existingId.optional(),
      siteId: existingId.optional(),
      ...dates,
      documentationUrl: z.string().optional().meta({
        title: 'Documentation URL',
        description: 'An https page for the users of the keys, which answers link to',
      }),
      brownouts: brownouts.optional(),
    }),
    examples: {
      'All Redox-style keys of an account': {
        accountId: EXAMPLE_IDS.account,
        keyType: 'redox',
        sunsetAt: '2099-12-31T12:00:00.000Z',
        documentationUrl: 'https://clinic.example/move-to-oauth',
        brownouts: ['2099-12-17T12:00:00.000Z/2099-12-17T13:00:00.000Z'],
      },
    },
    response: storedSunset,
    async describeImpact({ services, body: { accountId, keyType, sourceId, siteId } }) {
      const limit = 100
      const filter = { accountId, keyType, sourceId, siteId, ready: false, limit }
      const keys = await services.sunsets.listKeys(filter)
      return keys.length === 0
        ? null
        : `it retires keys that are not ready (${keys.length}${keys.length === limit ? ' or more' : ''}), which \`latchkey sunset plan\` lists`
    },
    run: ({ services, body }) => services.sunsets.set(body),
  }),
  defineOperation({
    id: 'sunset.list',
    method: 'get',
    path: '/sunsets',
    serviceMethods: ['sunsets.list'],
    summary: 'List sunsets, oldest first',
    query: z.strictObject({ ...pageParameters, ...accountFilter }),
    response: createListSchema(storedSunset),
    columns: [
      'id',
      'accountId',
      'keyType',
      'sourceId',
      'siteId',
      'deprecatedAt',
      'sunsetAt',
      'brownouts',
    ],
    run: ({ services, query: { accountId, ...page } }) =>
      readPage(page, (pageQuery) => services.sunsets.list({ ...pageQuery, accountId })),
  }),
  defineNoContentOperation({
    id: 'sunset.cancel',
    method: 'delete',
    path: '/sunsets/{id}',
    serviceMethods: ['sunsets.cancel'],
    summary: 'Cancel a sunset',
    text: 'Its keys work again at the next request, even after the sunset, and answers announce nothing.',
    run: ({ services, id }) => services.sunsets.cancel(id),
  }),
]
