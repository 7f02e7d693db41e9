import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
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
  description: 'What it may do on its surface, and how often: `read` changes nothing',
})

export const key = z
  .object({
    id,
    accountId,
    ownerId: z.string().openapi({ description: 'The user who answers for it' }),
    dialect,
    sourceId: z.string().nullable(),
    siteId: z.string().nullable(),
    developerId: z.string().nullable(),
    name,
    description: z.string(),
    reference: z.string().openapi({ description: 'What it is called elsewhere' }),
    publicId: z
      .string()
      .openapi({ description: 'What is presented beside the secret, or names it' }),
    status: keyStatus,
    disabledBy: z.enum(['developer', 'customer', 'operator']).nullable().openapi({
      description: 'Who alone can enable it again',
    }),
    access,
    createdAt,
    assignedAt: instantOrNull('When an office took it into use'),
    expiresAt: instantOrNull('When it ends by itself'),
    disabledAt: instantOrNull('Since when it is disabled'),
    revokedAt: instantOrNull('When it was revoked, for ever'),
    secretReplacedAt: instantOrNull('When its secret was last replaced'),
    previousSecretEndsAt: instantOrNull('Until when the secret before it works too'),
    lastUsedAt: instantOrNull('When it was last used, to the minute'),
    eventId: z.string().openapi({
      description:
        'Its last change. Send it as `seen` with an edit: what others changed is not overwritten.',
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
      leftAt: instantOrNull('When they left; null for who has not'),
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
      description: 'Shown now. It is not shown again, unless keys of its dialect can be viewed.',
    }),
  })
  .openapi('RevealedKey')

const DAY_MS = 86_400_000

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
    description: 'In its name, public id or reference, or its owner’s e-mail address',
  }),
  dialect: dialect.optional(),
  status: keyStatus.optional(),
  siteId: optionalIdParameter,
  ownerId: optionalIdParameter,
  developerId: optionalIdParameter,
  unusedSince: instant('Not used since then').optional(),
  expiresAfter: instant('It will expire, after this moment and before `expiresBefore`').optional(),
  expiresBefore: instant('It will expire before this moment').optional(),
  ownerLeft: optionalBooleanParameter.openapi({ description: 'Whether its owner has left' }),
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
  description: 'One that another system issued; made here where it is left out',
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
    summary: 'List and search keys of every dialect',
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
    text: `Up to ${KEY_COUNT_LIMIT}: that many are \`${KEY_COUNT_LIMIT}\` or more.`,
    query: z.strictObject(keyFilterFields),
    response: z.object({ count: z.number().int() }),
    run: async ({ services, query }) =>
      ok({ count: await services.keys.count(toKeyCriteria(query), KEY_COUNT_LIMIT) }),
  }),
  defineOperation({
    method: 'post',
    path: '/keys',
    serviceMethods: ['keys.create'],
    summary: 'Create a key, and be shown its secret',
    text:
      'What a key belongs to is its dialect’s: a source for `redox`, a site for `xenrad`, a developer for ' +
      '`opendental` and `opendental-portal`; its owner alone for `xdent` and `practice`.',
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
        description: 'What another system has called it; made here where it is left out',
      }),
      secret,
      expiresAt: instant('When it ends by itself').optional(),
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
      'For a person, until a date': {
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
    summary: 'Look at a key',
    text: 'By its id or its public id, here as below.',
    response: key,
    run: ({ services, id }) => services.keys.find(id),
  }),
  defineOperation({
    method: 'patch',
    path: '/keys/{id}',
    serviceMethods: ['keys.edit'],
    summary: 'Edit a key',
    text: 'What is left out stays as it is.',
    body: z.strictObject({
      name: name.optional(),
      ...keyDescriptionFields,
      ownerId: existingId.optional(),
      access: access.optional(),
      expiresAt: instantOrNull('When it ends by itself; null for never').optional(),
      seen: z.string().optional().openapi({
        description:
          '`eventId` of the key as you saw it: if others changed it since, 409, and nothing is changed',
      }),
    }),
    examples: {
      'What it is for': { description: 'Sends reminders', seen: EXAMPLE_IDS.keyEvent },
      'It never ends by itself': { expiresAt: null },
    },
    response: key,
    run: ({ services, id, body }) => services.keys.edit(id, body),
  }),
  defineOperation({
    method: 'get',
    path: '/keys/{id}/uses',
    serviceMethods: ['keys.uses'],
    summary: 'Count the uses of a key, a day at a time',
    text: 'Days without a use are left out.',
    query: z.strictObject({
      from: day.openapi({ example: '2026-11-01', description: 'The first day, in UTC' }),
    }),
    response: createListSchema(dailyKeyUses),
    run: async ({ services, id, query }) => {
      const uses = await services.keys.uses(id, query.from)
      return uses.ok ? toWholeList(uses.value) : uses
    },
  }),
  defineOperation({
    method: 'post',
    path: '/keys/{id}/view',
    serviceMethods: ['keys.viewSecret'],
    summary: 'Be shown the secret of a key again',
    text: 'Where its dialect has it: `opendental` and `practice`. Each view is in the audit.',
    response: keyWithSecret,
    run: ({ services, id }) => services.keys.viewSecret(id),
  }),
  defineOperation({
    method: 'post',
    path: '/keys/{id}/rotate',
    serviceMethods: ['keys.rotateSecret'],
    summary: 'Replace the secret of a key',
    text:
      'Without an overlap the old secret, and every token issued before, end at once; with one, both ' +
      'secrets work until then.',
    body: z.strictObject({
      secret,
      overlapSeconds: z
        .number()
        .int()
        .min(1)
        .max(MAX_OVERLAP_SECONDS)
        .optional()
        .openapi({ description: 'How long the old secret works too' }),
      seen: z.string().optional().openapi({
        description: '`eventId` of the key as you saw it: sent again, the request rotates nothing',
      }),
    }),
    examples: {
      'A day for the change-over': { overlapSeconds: 86_400, seen: EXAMPLE_IDS.keyEvent },
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
    summary: 'Assign a customer key to an office, or take it back',
    text: 'For `opendental`: a key opens nothing before.',
    body: z.strictObject({
      siteId: existingId.nullable().openapi({ description: 'The office; null takes it back' }),
    }),
    examples: { 'To an office': { siteId: EXAMPLE_IDS.site }, 'Taken back': { siteId: null } },
    response: key,
    run: ({ services, id, body }) => services.keys.assign(id, body.siteId),
  }),
  defineOperation({
    method: 'post',
    path: '/keys/{id}/disable',
    serviceMethods: ['keys.disable'],
    summary: 'Disable a key',
    text: 'In force at the next request.',
    response: key,
    run: ({ services, id }) => services.keys.disable(id),
  }),
  defineOperation({
    method: 'post',
    path: '/keys/{id}/enable',
    serviceMethods: ['keys.enable'],
    summary: 'Enable a key again',
    text: 'Not one that its developer or customer has disabled: they alone undo that.',
    response: key,
    run: ({ services, id }) => services.keys.enable(id),
  }),
  defineOperation({
    method: 'post',
    path: '/keys/{id}/revoke',
    serviceMethods: ['keys.revoke'],
    summary: 'Revoke a key, for ever',
    text: 'It stays listed.',
    response: key,
    run: ({ services, id }) => services.keys.revoke(id),
  }),
  defineNoContentOperation({
    method: 'delete',
    path: '/keys/{id}',
    serviceMethods: ['keys.deleteKey'],
    summary: 'Delete a key',
    text: 'Where its dialect has it: `xdent` and `practice`. The audit keeps what was.',
    run: ({ services, id }) => services.keys.deleteKey(id),
  }),
]
