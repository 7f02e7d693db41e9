import { z } from 'zod'
import { formatCredential } from '../domain/credential-format.ts'
import { ok } from '../domain/failure.ts'
import { getKeyTypeTraits } from '../domain/key-type.ts'
import type { Services } from '../service/actor-services.ts'
import type { CreatedKey } from '../service/keys/input.ts'
import { findCredentialParts } from '../service/keys/keys.ts'
import type { ServiceResult } from '../service/service-result.ts'
import { defineNoContentOperation, defineOperation, type Operation } from './define.ts'
import {
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  instant,
  instantOrNull,
  name,
  newId,
  pageParameters,
  toWholeList,
} from './fields.ts'
import { keyFileOperations } from './imports.ts'
import {
  access,
  dailyKeyUses,
  day,
  KEY_COUNT_LIMIT,
  key,
  keyFilterFields,
  keyListItem,
  keySetReport,
  keyType,
  keyWithSecret,
  newOAuthClient,
  oauthClientChanges,
  order,
  party,
  toKeyCriteria,
} from './key-fields.ts'

/** Adds the form in which a vendor's program sends the secret. A secret that the caller sent is left out. */
async function showSecret(
  services: Pick<Services, 'developers' | 'users'>,
  sent: string | undefined,
  result: ServiceResult<CreatedKey>,
) {
  if (!result.ok) return result
  const { key, secret } = result.value
  if (sent !== undefined || secret === null) return ok({ key, secret: null, credential: null })
  const parts = await findCredentialParts(services, key)
  return ok({ key, secret, credential: formatCredential(key.keyType, { ...parts, secret }) })
}

const formatRecovery = ({ key }: z.input<typeof keyWithSecret>) =>
  getKeyTypeTraits(key.keyType).secret === 'viewable'
    ? `latchkey keys view-secret ${key.id}`
    : `latchkey keys rotate-secret ${key.id}`

const secret = z.string().optional().meta({
  description: 'A secret that another system issued; omit it to generate one',
  format: 'password',
})
const MAX_OVERLAP_SECONDS = 366 * 86_400
const keyDescriptionFields = {
  description: z.string().optional(),
  reference: z.string().optional().meta({ description: 'Name in another system' }),
}

const partyChoice = z.strictObject({
  by: party.optional().meta({ description: 'On whose behalf', default: 'operator' }),
})

export const keyOperations: readonly Operation[] = [
  defineOperation({
    id: 'keys.list',
    method: 'get',
    path: '/keys',
    columns: [
      'name',
      'keyType',
      'status',
      'disabledBy',
      'accountName',
      'siteName',
      'owner.email',
      'owner.deactivatedAt',
      'lastUsedAt',
      'expiresAt',
      'id',
    ],
    commandLines: [
      'keys list --key-type xdent --status enabled',
      'keys list --json | jq -r .items[].publicId',
    ],
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
    id: 'keys.count',
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
  // Before `/keys/{id}`, which has the same form.
  ...keyFileOperations,
  defineOperation({
    id: 'keys.create',
    method: 'post',
    path: '/keys',
    serviceMethods: ['keys.create'],
    summary: 'Create a key and return its secret',
    text:
      'A key belongs to a source for `redox`, to a site for `xenrad`, to a developer for `opendental` and ' +
      '`opendental-portal`, and only to its owner for `xdent` and `practice`. An `oauth` key is an OAuth ' +
      'client, which may use several sources and sites.',
    body: z.strictObject({
      id: newId,
      keyType,
      ownerId: existingId,
      name,
      ...keyDescriptionFields,
      sourceId: existingId.optional(),
      siteId: existingId.optional(),
      developerId: existingId.optional(),
      access: access.optional(),
      publicId: existingId.optional().meta({
        description: 'An id that another system issued; omit it to generate one',
      }),
      secret,
      expiresAt: instant('Time of expiry').optional(),
      oauthClient: newOAuthClient,
    }),
    examples: {
      'For an imaging site': {
        id: EXAMPLE_IDS.fresh,
        keyType: 'xenrad',
        ownerId: EXAMPLE_IDS.user,
        siteId: EXAMPLE_IDS.site,
        name: 'Nightly report export',
        access: 'read',
      },
      'With an expiry': {
        id: EXAMPLE_IDS.fresh,
        keyType: 'xdent',
        ownerId: EXAMPLE_IDS.user,
        name: 'Recall reminders',
        expiresAt: '2099-12-31T23:59:59.000Z',
      },
      'An OAuth client that signs assertions': {
        id: EXAMPLE_IDS.fresh,
        keyType: 'oauth',
        ownerId: EXAMPLE_IDS.user,
        name: 'Results feed',
        oauthClient: {
          jwksUrl: 'https://vendor.example/jwks.json',
          scopes: ['fhir:production', 'system/Observation.rs'],
        },
      },
    },
    response: keyWithSecret,
    creates: true,
    formatRecovery,
    run: async ({ services, body }) =>
      showSecret(services, body.secret, await services.keys.create(body)),
  }),
  defineOperation({
    id: 'keys.show',
    method: 'get',
    path: '/keys/{id}',
    serviceMethods: ['keys.find'],
    summary: 'Get a key',
    text: '`id` is the id or the public id, here and below.',
    response: key,
    run: ({ services, id }) => services.keys.find(id),
  }),
  defineOperation({
    id: 'keys.edit',
    method: 'patch',
    path: '/keys/{id}',
    serviceMethods: ['keys.edit'],
    summary: 'Edit a key',
    text: 'What you omit stays unchanged.',
    body: z.strictObject({
      name: name.optional(),
      ...keyDescriptionFields,
      ownerId: existingId.optional(),
      access: access.optional(),
      expiresAt: instantOrNull('Time of expiry; null for never').optional(),
      oauthClient: oauthClientChanges,
      seen: z.string().optional().meta({
        description: '`eventId` of the key as you read it. A key that changed since is not edited.',
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
    id: 'keys.uses',
    method: 'get',
    path: '/keys/{id}/uses',
    serviceMethods: ['keys.listDailyUses'],
    summary: 'Count the uses of a key by day',
    text: 'Days without a use are omitted.',
    query: z.strictObject({
      from: day.meta({ example: '2026-11-01', description: 'The first day, in UTC' }),
    }),
    columns: ['day', 'uses'],
    response: createListSchema(dailyKeyUses),
    run: async ({ services, id, query }) => {
      const uses = await services.keys.listDailyUses(id, query.from)
      return uses.ok ? toWholeList(uses.value) : uses
    },
  }),
  defineOperation({
    id: 'keys.viewSecret',
    method: 'post',
    path: '/keys/{id}/view-secret',
    note: () => 'The audit records that you have viewed it.',
    serviceMethods: ['keys.viewSecret'],
    summary: 'View the secret of a key again',
    text: 'For `opendental` and `practice` only. Each view is recorded in the audit.',
    response: keyWithSecret,
    run: async ({ services, id }) =>
      showSecret(services, undefined, await services.keys.viewSecret(id)),
  }),
  defineOperation({
    id: 'keys.rotateSecret',
    method: 'post',
    path: '/keys/{id}/rotate-secret',
    serviceMethods: ['keys.rotateSecret'],
    summary: 'Rotate the secret of a key',
    text:
      'Without an overlap, the old secret and every token issued before stop working at once. With an ' +
      'overlap, both secrets work until it ends. An earlier overlap ends at once.',
    body: z.strictObject({
      secret,
      overlapSeconds: z
        .number()
        .int()
        .min(1)
        .max(MAX_OVERLAP_SECONDS)
        .optional()
        .meta({ description: 'Time that the old secret works too' }),
      seen: z.string().optional().meta({
        description: '`eventId` of the key as you read it. A repeated request rotates nothing.',
      }),
    }),
    examples: {
      'With an overlap of one day': { overlapSeconds: 86_400, seen: EXAMPLE_IDS.keyEvent },
      'At once': {},
    },
    response: keyWithSecret,
    formatRecovery,
    note: ({ endedOverlapAt }) =>
      typeof endedOverlapAt !== 'string'
        ? null
        : `An earlier overlap, until ${endedOverlapAt}, has ended: the secret before the last one no longer works.`,
    run: async ({ services, id, body: { secret, overlapSeconds, seen } }) => {
      const overlapMs = overlapSeconds === undefined ? undefined : overlapSeconds * 1000
      const rotated = await services.keys.rotateSecret(id, { secret, overlapMs, seen })
      if (!rotated.ok) return rotated
      const shown = await showSecret(services, secret, rotated)
      return shown.ok ? ok({ ...shown.value, endedOverlapAt: rotated.value.endedOverlapAt }) : shown
    },
  }),
  defineOperation({
    id: 'keys.testJwks',
    method: 'post',
    path: '/keys/{id}/test-jwks',
    serviceMethods: ['keys.testJwks'],
    summary: 'Test the JWK Set of an OAuth client',
    text:
      'Fetches the set anew, and says of each key which algorithms it verifies, or why it is refused. ' +
      '`problem` is the reason for which no key can be used.',
    response: keySetReport,
    isSuccess: ({ problem }) => problem === null,
    run: ({ services, id }) => services.keys.testJwks(id),
  }),
  defineOperation({
    id: 'keys.assign',
    method: 'post',
    path: '/keys/{id}/assign',
    serviceMethods: ['keys.assign'],
    summary: 'Assign a customer key to an office',
    text: 'For `opendental` only: an unassigned key is refused.',
    body: z.strictObject({ siteId: existingId.meta({ description: 'Id of the office' }) }),
    examples: { 'To an office': { siteId: EXAMPLE_IDS.site } },
    response: key,
    run: ({ services, id, body }) => services.keys.assign(id, body.siteId),
  }),
  defineOperation({
    id: 'keys.unassign',
    method: 'post',
    path: '/keys/{id}/unassign',
    serviceMethods: ['keys.assign'],
    summary: 'Take a customer key back from its office',
    text: 'The key opens no data from the next request on.',
    response: key,
    run: ({ services, id }) => services.keys.assign(id, null),
  }),
  defineOperation({
    id: 'keys.disable',
    method: 'post',
    path: '/keys/{id}/disable',
    serviceMethods: ['keys.disable'],
    summary: 'Disable a key',
    text: 'Takes effect at the next request.',
    body: partyChoice,
    examples: { 'For the customer': { by: 'customer' } },
    response: key,
    run: ({ services, id, body }) => services.keys.disable(id, body.by),
  }),
  defineOperation({
    id: 'keys.enable',
    method: 'post',
    path: '/keys/{id}/enable',
    serviceMethods: ['keys.enable'],
    summary: 'Enable a key',
    text: 'Each party enables only what it has disabled.',
    body: partyChoice,
    examples: { 'For the customer': { by: 'customer' } },
    response: key,
    run: ({ services, id, body }) => services.keys.enable(id, body.by),
  }),
  defineOperation({
    id: 'keys.revoke',
    method: 'post',
    path: '/keys/{id}/revoke',
    isIrreversible: true,
    serviceMethods: ['keys.revoke'],
    summary: 'Revoke a key',
    text: 'This is final. The key stays listed.',
    response: key,
    run: ({ services, id }) => services.keys.revoke(id),
  }),
  defineNoContentOperation({
    id: 'keys.delete',
    method: 'delete',
    path: '/keys/{id}',
    isIrreversible: true,
    serviceMethods: ['keys.delete'],
    summary: 'Delete a key',
    text: 'For `xdent` and `practice` only. The audit keeps its events.',
    run: ({ services, id }) => services.keys.delete(id),
  }),
]
