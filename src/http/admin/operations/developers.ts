import { z } from '@hono/zod-openapi'
import type { Developer } from '../../../service/ports/accounts.ts'
import { defineNoContentOperation, defineOperation, type Operation } from '../operation.ts'
import {
  accountFilter,
  accountId,
  createdAt,
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  id,
  name,
  newId,
  pageParameters,
  readPage,
} from './fields.ts'

const developerKey = z.string().openapi({
  description: 'The vendor’s public id of the developer; not a secret',
})

const developer = z
  .object({ id, accountId, name, developerKey, createdAt } satisfies Record<
    keyof Developer,
    z.ZodType
  >)
  .openapi('Developer')

export const developerOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/developers',
    serviceMethods: ['developers.list'],
    summary: 'List developers, oldest first',
    query: z.strictObject({ ...pageParameters, ...accountFilter }),
    response: createListSchema(developer),
    run: ({ services, query: { accountId, ...page } }) =>
      readPage(page, (pageQuery) => services.developers.list({ ...pageQuery, accountId })),
  }),
  defineOperation({
    method: 'post',
    path: '/developers',
    serviceMethods: ['developers.add'],
    summary: 'Add a developer',
    body: z.strictObject({
      id: newId,
      accountId: existingId,
      name,
      developerKey: developerKey.optional(),
    }),
    examples: {
      'A developer': {
        id: EXAMPLE_IDS.fresh,
        accountId: EXAMPLE_IDS.account,
        name: 'Bright Recall',
      },
    },
    response: developer,
    creates: true,
    run: ({ services, body }) => services.developers.add(body),
  }),
  defineOperation({
    method: 'get',
    path: '/developers/{id}',
    serviceMethods: ['developers.find'],
    summary: 'Get a developer',
    response: developer,
    run: ({ services, id }) => services.developers.find(id),
  }),
  defineOperation({
    method: 'put',
    path: '/developers/{id}/name',
    serviceMethods: ['developers.rename'],
    summary: 'Rename a developer',
    body: z.strictObject({ name }),
    examples: { 'A new name': { name: 'Bright Recall Ltd' } },
    response: developer,
    run: ({ services, id, body }) => services.developers.rename(id, body.name),
  }),
  defineNoContentOperation({
    method: 'delete',
    path: '/developers/{id}',
    serviceMethods: ['developers.delete'],
    summary: 'Delete a developer',
    text: 'Only if no key belongs to it, not even a revoked key.',
    run: ({ services, id }) => services.developers.delete(id),
  }),
]
