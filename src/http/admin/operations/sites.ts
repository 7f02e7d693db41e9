import { z } from '@hono/zod-openapi'
import type { Site } from '../../../service/ports/accounts.ts'
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

const site = z
  .object({ id, accountId, name, createdAt } satisfies Record<keyof Site, z.ZodType>)
  .openapi('Site')

export const siteOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/sites',
    serviceMethods: ['sites.list'],
    summary: 'List sites, oldest first',
    query: z.strictObject({ ...pageParameters, ...accountFilter }),
    response: createListSchema(site),
    run: ({ services, query: { accountId, ...page } }) =>
      readPage(page, (pageQuery) => services.sites.list({ ...pageQuery, accountId })),
  }),
  defineOperation({
    method: 'post',
    path: '/sites',
    serviceMethods: ['sites.add'],
    summary: 'Add a site',
    body: z.strictObject({ id: newId, accountId: existingId, name }),
    examples: {
      'A building': {
        id: EXAMPLE_IDS.fresh,
        accountId: EXAMPLE_IDS.account,
        name: 'Main building',
      },
    },
    response: site,
    creates: true,
    run: ({ services, body }) => services.sites.add(body),
  }),
  defineOperation({
    method: 'get',
    path: '/sites/{id}',
    serviceMethods: ['sites.find'],
    summary: 'Get a site',
    response: site,
    run: ({ services, id }) => services.sites.find(id),
  }),
  defineOperation({
    method: 'put',
    path: '/sites/{id}/name',
    serviceMethods: ['sites.rename'],
    summary: 'Rename a site',
    body: z.strictObject({ name }),
    examples: { 'A new name': { name: 'Main building, first floor' } },
    response: site,
    run: ({ services, id, body }) => services.sites.rename(id, body.name),
  }),
  defineNoContentOperation({
    method: 'delete',
    path: '/sites/{id}',
    serviceMethods: ['sites.delete'],
    summary: 'Delete a site',
    text: 'Only if no key belongs to it, not even a revoked key.',
    run: ({ services, id }) => services.sites.delete(id),
  }),
]
