import { z } from '@hono/zod-openapi'
import { defineNoContentOperation, defineOperation, type Operation } from '../operation.ts'
import { developer, developerKey, site } from './accounts.ts'
import {
  accountFilter,
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  name,
  newId,
  pageParameters,
  readPage,
} from './fields.ts'

const accountId = existingId

export const siteOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/sites',
    serviceMethods: ['directory.listSites'],
    summary: 'List sites, the oldest first',
    query: z.strictObject({ ...pageParameters, ...accountFilter }),
    response: createListSchema(site),
    run: ({ services, query: { accountId, ...page } }) =>
      readPage(page, (pageQuery) => services.directory.listSites({ ...pageQuery, accountId })),
  }),
  defineOperation({
    method: 'post',
    path: '/sites',
    serviceMethods: ['directory.addSite'],
    summary: 'Add a site',
    body: z.strictObject({ id: newId, accountId, name }),
    examples: {
      'A building': {
        id: EXAMPLE_IDS.fresh,
        accountId: EXAMPLE_IDS.account,
        name: 'Main building',
      },
    },
    response: site,
    creates: true,
    run: ({ services, body }) => services.directory.addSite(body),
  }),
  defineOperation({
    method: 'get',
    path: '/sites/{id}',
    serviceMethods: ['directory.findSite'],
    summary: 'Look at a site',
    response: site,
    run: ({ services, id }) => services.directory.findSite(id),
  }),
  defineOperation({
    method: 'put',
    path: '/sites/{id}/name',
    serviceMethods: ['directory.renameSite'],
    summary: 'Rename a site',
    body: z.strictObject({ name }),
    examples: { 'Another name': { name: 'Main building, first floor' } },
    response: site,
    run: ({ services, id, body }) => services.directory.renameSite(id, body.name),
  }),
  defineNoContentOperation({
    method: 'delete',
    path: '/sites/{id}',
    serviceMethods: ['directory.deleteSite'],
    summary: 'Delete a site',
    text: 'Only one that no key has, be it revoked.',
    run: ({ services, id }) => services.directory.deleteSite(id),
  }),
]

export const developerOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/developers',
    serviceMethods: ['directory.listDevelopers'],
    summary: 'List developers, the oldest first',
    query: z.strictObject({ ...pageParameters, ...accountFilter }),
    response: createListSchema(developer),
    run: ({ services, query: { accountId, ...page } }) =>
      readPage(page, (pageQuery) => services.directory.listDevelopers({ ...pageQuery, accountId })),
  }),
  defineOperation({
    method: 'post',
    path: '/developers',
    serviceMethods: ['directory.addDeveloper'],
    summary: 'Add a developer',
    body: z.strictObject({ id: newId, accountId, name, developerKey: developerKey.optional() }),
    examples: {
      'A maker of programs': {
        id: EXAMPLE_IDS.fresh,
        accountId: EXAMPLE_IDS.account,
        name: 'Bright Recall',
      },
    },
    response: developer,
    creates: true,
    run: ({ services, body }) => services.directory.addDeveloper(body),
  }),
  defineOperation({
    method: 'get',
    path: '/developers/{id}',
    serviceMethods: ['directory.findDeveloper'],
    summary: 'Look at a developer',
    response: developer,
    run: ({ services, id }) => services.directory.findDeveloper(id),
  }),
  defineOperation({
    method: 'put',
    path: '/developers/{id}/name',
    serviceMethods: ['directory.renameDeveloper'],
    summary: 'Rename a developer',
    body: z.strictObject({ name }),
    examples: { 'Another name': { name: 'Bright Recall Ltd' } },
    response: developer,
    run: ({ services, id, body }) => services.directory.renameDeveloper(id, body.name),
  }),
  defineNoContentOperation({
    method: 'delete',
    path: '/developers/{id}',
    serviceMethods: ['directory.deleteDeveloper'],
    summary: 'Delete a developer',
    text: 'Only one that no key has, be it revoked.',
    run: ({ services, id }) => services.directory.deleteDeveloper(id),
  }),
]
