import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
import { DAY_MS } from '../../../domain/instant.ts'
import { KEY_TYPE_NAMES } from '../../../domain/key-type.ts'
import type { KeySummary } from '../../../service/ports/keys.ts'
import type { KeyCriteria, KeyListItem, KeyOrder } from '../../../service/ports/lists.ts'
import { defineNoContentOperation, defineOperation, type Operation } from '../operation.ts'
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
  newId,
  optionalBooleanParameter,
  optionalIdParameter,
  pageParameters,
  toWholeList,
} from './fields.ts'

export const dialect = z.enum(KEY_TYPE_NAMES)
export const keyStatus = z.enum(['enabled', 'disabled', 'revoked'])
export const access = z.enum(['read', 'standard', 'enterprise']).openapi({
  description: 'What the key may do: `read` allows reading only',
})

export const key = z
  .object({
    id,
    accountId,
    ownerId: z.string().openapi({ description: 'Id of the user who is responsible for the key' }),
    dialect,
    sourceId: z.string().nullable(),
    siteId: z.string().nullable(),
    developerId: z.string().nullable(),
    name,
    description: z.string(),
    reference: z.string().openapi({ description: 'Name in another system' }),
    publicId: z
      .string()
      .openapi({ description: 'Public id, which is presented with the secret or identifies it' }),
    status: keyStatus,
    disabledBy: z.enum(['developer', 'customer', 'operator']).nullable().openapi({
      description: 'The only party that can enable it again',
    }),
    access,
    createdAt,
    assignedAt: instantOrNull('Time of assignment to an office'),
    expiresAt: instantOrNull('Time of expiry'),
    disabledAt: instantOrNull('Time of disabling'),
    revokedAt: instantOrNull('Time of revocation, which is final'),
    secretReplacedAt: instantOrNull('Time of the last secret rotation'),
    previousSecretEndsAt: instantOrNull('Time until which the previous secret works too'),
    lastUsedAt: instantOrNull('Time of the last use, to the minute'),
    eventId: z.string().openapi({
      description:
        'Id of the last change. Send it as `seen` with an edit, so that changes of others are not overwritten.',
    }),
  } satisfies Record<keyof KeySummary, z.ZodType>)
  .openapi('Key')

const nullableText = z.string().nullable()

/** A key in a list, with the names of the resources that it belongs to. */
export const keyListItem = z
  .object({
    ...key.shape,
    accountName: z.string(),
    owner: z.object({
      email: z.string(),
      username: nullableText,
      leftAt: instantOrNull('Time of deactivation; null if the user is active'),
    }),
    siteName: nullableText,
    sourceName: nullableText,
    developerName: nullableText,
  } satisfies Record<keyof KeyListItem, z.ZodType>)
  .openapi('ListedKey')

export const keyWithSecret = z
  .object({
    key,
    secret: z.string().openapi({
      description: 'Shown once, unless keys of its type can be viewed again.',
    }),
  })
  .openapi('RevealedKey')

/** Days since 1970, as a date of RFC 3339. */
export const day = z
  .codec(z.iso.date(), z.number(), {
    decode: (text) => Date.parse(text) / DAY_MS,
    encode: (number) => new Date(number * DAY_MS).toISOString().slice(0, 10),
  })
  .openapi({ type: 'string', format: 'date', description: 'In UTC' })

export const dailyKeyUses = z.object({ day, uses: z.number().int() }).openapi('UsesOfDay')

/** The highest count; counting more would read the whole table. */
export const KEY_COUNT_LIMIT = 10_000

const KEY_ORDER_NAMES = [
  'newest',
  'oldest',
  'name',
  'lastUsed',
  'leastUsed',
  'expiry',
] as const satisfies readonly KeyOrder[]

export const order = z.enum(KEY_ORDER_NAMES).optional().openapi({ default: 'newest' })

/** The filters of key lists and counts. */
export const keyFilterFields = {
  ...accountFilter,
  text: z.string().min(1).max(200).optional().openapi({
    description: 'Part of the name, public id, reference, or the owner’s e-mail address',
  }),
  dialect: dialect.optional(),
  status: keyStatus.optional(),
  siteId: optionalIdParameter,
  ownerId: optionalIdParameter,
  developerId: optionalIdParameter,
  unusedSince: instant('Not used since this time').optional(),
  expiresAfter: instant('Expires after this time and before `expiresBefore`').optional(),
  expiresBefore: instant('Expires before this time').optional(),
  ownerLeft: optionalBooleanParameter.openapi({
    description: 'True for keys whose owner is deactivated',
  }),
}

type KeyFilterInput = z.output<z.ZodObject<typeof keyFilterFields>>

export function toKeyCriteria({
  expiresAfter,
  expiresBefore,
  ownerLeft,
  ...criteria
}: KeyFilterInput): KeyCriteria {
  const expires =
    expiresBefore === undefined ? undefined : { now: expiresAfter ?? 0, before: expiresBefore }
  return {
    ...criteria,
    expires,
    ownerLeft: ownerLeft === undefined ? undefined : ownerLeft === 'true',
  }
}

const secret = z.string().optional().openapi({
  description: 'A secret that another system issued; omit it to generate one',
})
const MAX_OVERLAP_SECONDS = 366 * 86_400
const keyDescriptionFields = {
  description: z.string().optional(),
  reference: z.string().optional(),
}

export const keyOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/keys',
    serviceMethods: ['keys.search'],
    summary: 'List and search keys',
    query: z.strictObject({ ...keyFilterFields, order, ...pageParameters }),
    response: createListSchema(keyListItem),
    run: async ({ services, query: { order = 'newest', limit = 100, after, ...filter } }) => {
      const found = await services.keys.search({ ...toKeyCriteria(filter), order, limit, after })
      return ok({ items: found.keys, next: found.next })
    },
  }),
  defineOperation({
    method: 'get',
    path: '/keys/count',
    serviceMethods: ['keys.count'],
    summary: 'Count keys',
    text: `Counts up to ${KEY_COUNT_LIMIT}: \`${KEY_COUNT_LIMIT}\` means that many or more.`,
    query: z.strictObject(keyFilterFields),
    response: z.object({ count: z.number().int() }),
    run: async ({ services, query }) =>
      ok({ count: await services.keys.count(toKeyCriteria(query), KEY_COUNT_LIMIT) }),
  }),
  defineOperation({
    method: 'post',
    path: '/keys',
    serviceMethods: ['keys.create'],
    summary: 'Create a key and return its secret',
    text:
      'A key belongs to a source for `redox`, to a site for `xenrad`, to a developer for `opendental` and ' +
      '`opendental-portal`, and only to its owner for `xdent` and `practice`.',
    body: z.strictObject({
      id: newId,
      dialect,
      ownerId: existingId,
      name,
      ...keyDescriptionFields,
      sourceId: existingId.optional(),
      siteId: existingId.optional(),
      developerId: existingId.optional(),
      access: access.optional(),
      publicId: existingId.optional().openapi({
        description: 'An id that another system issued; omit it to generate one',
      }),
      secret,
      expiresAt: instant('Time of expiry').optional(),
    }),
    examples: {
      'For an imaging site': {
        id: EXAMPLE_IDS.fresh,
        dialect: 'xenrad',
        ownerId: EXAMPLE_IDS.user,
        siteId: EXAMPLE_IDS.site,
        name: 'Nightly report export',
        access: 'read',
      },
      'With an expiry': {
        id: EXAMPLE_IDS.fresh,
        dialect: 'xdent',
        ownerId: EXAMPLE_IDS.user,
        name: 'Recall reminders',
        expiresAt: '2099-12-31T23:59:59.000Z',
      },
    },
    response: keyWithSecret,
    creates: true,
    run: ({ services, body }) => services.keys.create(body),
  }),
  defineOperation({
    method: 'get',
    path: '/keys/{id}',
    serviceMethods: ['keys.find'],
    summary: 'Get a key',
    text: '`id` is the id or the public id, here and below.',
    response: key,
    run: ({ services, id }) => services.keys.find(id),
  }),
  defineOperation({
    method: 'patch',
    path: '/keys/{id}',
    serviceMethods: ['keys.edit'],
    summary: 'Edit a key',
    text: 'Omitted members stay unchanged.',
    body: z.strictObject({
      name: name.optional(),
      ...keyDescriptionFields,
      ownerId: existingId.optional(),
      access: access.optional(),
      expiresAt: instantOrNull('Time of expiry; null for never').optional(),
      seen: z.string().optional().openapi({
        description:
          '`eventId` of the key as you read it. If it has changed since, the response is 409 and nothing changes.',
      }),
    }),
    examples: {
      'A description': { description: 'Sends reminders', seen: EXAMPLE_IDS.keyEvent },
      'No expiry': { expiresAt: null },
    },
    response: key,
    run: ({ services, id, body }) => services.keys.edit(id, body),
  }),
  defineOperation({
    method: 'get',
    path: '/keys/{id}/uses',
    serviceMethods: ['keys.listDailyUses'],
    summary: 'Count the uses of a key by day',
    text: 'Days without a use are omitted.',
    query: z.strictObject({
      from: day.openapi({ example: '2026-11-01', description: 'The first day, in UTC' }),
    }),
    response: createListSchema(dailyKeyUses),
    run: async ({ services, id, query }) => {
      const uses = await services.keys.listDailyUses(id, query.from)
      return uses.ok ? toWholeList(uses.value) : uses
    },
  }),
  defineOperation({
    method: 'post',
    path: '/keys/{id}/view',
    serviceMethods: ['keys.viewSecret'],
    summary: 'View the secret of a key again',
    text: 'For `opendental` and `practice` only. Each view is recorded in the audit.',
    response: keyWithSecret,
    run: ({ services, id }) => services.keys.viewSecret(id),
  }),
  defineOperation({
    method: 'post',
    path: '/keys/{id}/rotate',
    serviceMethods: ['keys.rotateSecret'],
    summary: 'Rotate the secret of a key',
    text:
      'Without an overlap, the old secret and every token issued before stop working at once. With an ' +
      'overlap, both secrets work until it ends.',
    body: z.strictObject({
      secret,
      overlapSeconds: z
        .number()
        .int()
        .min(1)
        .max(MAX_OVERLAP_SECONDS)
        .optional()
        .openapi({ description: 'Seconds that the old secret works too' }),
      seen: z.string().optional().openapi({
        description: '`eventId` of the key as you read it. A repeated request rotates nothing.',
      }),
    }),
    examples: {
      'With an overlap of one day': { overlapSeconds: 86_400, seen: EXAMPLE_IDS.keyEvent },
      'At once': {},
    },
    response: keyWithSecret,
    run: ({ services, id, body: { secret, overlapSeconds, seen } }) => {
      const overlapMs = overlapSeconds === undefined ? undefined : overlapSeconds * 1000
      return services.keys.rotateSecret(id, { secret, overlapMs, seen })
    },
  }),
  defineOperation({
    method: 'post',
    path: '/keys/{id}/assign',
    serviceMethods: ['keys.assign'],
    summary: 'Assign a customer key to an office, or unassign it',
    text: 'For `opendental` only: an unassigned key is refused.',
    body: z.strictObject({
      siteId: existingId
        .nullable()
        .openapi({ description: 'Id of the office; null unassigns the key' }),
    }),
    examples: { 'To an office': { siteId: EXAMPLE_IDS.site }, Unassign: { siteId: null } },
    response: key,
    run: ({ services, id, body }) => services.keys.assign(id, body.siteId),
  }),
  defineOperation({
    method: 'post',
    path: '/keys/{id}/disable',
    serviceMethods: ['keys.disable'],
    summary: 'Disable a key',
    text: 'Takes effect at the next request.',
    response: key,
    run: ({ services, id }) => services.keys.disable(id),
  }),
  defineOperation({
    method: 'post',
    path: '/keys/{id}/enable',
    serviceMethods: ['keys.enable'],
    summary: 'Enable a key',
    text: 'A key that its developer or customer has disabled can only be enabled by them.',
    response: key,
    run: ({ services, id }) => services.keys.enable(id),
  }),
  defineOperation({
    method: 'post',
    path: '/keys/{id}/revoke',
    serviceMethods: ['keys.revoke'],
    summary: 'Revoke a key',
    text: 'This is final. The key stays listed.',
    response: key,
    run: ({ services, id }) => services.keys.revoke(id),
  }),
  defineNoContentOperation({
    method: 'delete',
    path: '/keys/{id}',
    serviceMethods: ['keys.delete'],
    summary: 'Delete a key',
    text: 'For `xdent` and `practice` only. The audit keeps its events.',
    run: ({ services, id }) => services.keys.delete(id),
  }),
]
