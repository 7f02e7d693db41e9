import { z } from '@hono/zod-openapi'
import { EXAMPLE } from '../ids.ts'
import { type Operation, operation, silent } from '../operation.ts'
import { existingId, listOf, name, newId, ofAccount, paged, paging } from '../schema/common.ts'
import { developer, developerKey, site } from '../schema/places.ts'

const accountId = existingId

export const sites: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/sites',
    verbs: ['places.listSites'],
    summary: 'List sites, the oldest first',
    query: z.strictObject({ ...paging, ...ofAccount }),
    answer: listOf(site),
    run: ({ desk, query: { accountId, ...page } }) =>
      paged(page, (its) => desk.places.listSites({ ...its, accountId })),
  }),
  operation({
    method: 'post',
    path: '/sites',
    verbs: ['places.addSite'],
    summary: 'Add a site',
    body: z.strictObject({ id: newId, accountId, name }),
    examples: {
      'A building': { id: EXAMPLE.fresh, accountId: EXAMPLE.account, name: 'Main building' },
    },
    answer: site,
    creates: true,
    run: ({ desk, body }) => desk.places.addSite(body),
  }),
  operation({
    method: 'get',
    path: '/sites/{id}',
    verbs: ['places.findSite'],
    summary: 'Look at a site',
    answer: site,
    run: ({ desk, id }) => desk.places.findSite(id),
  }),
  operation({
    method: 'put',
    path: '/sites/{id}/name',
    verbs: ['places.renameSite'],
    summary: 'Rename a site',
    body: z.strictObject({ name }),
    examples: { 'Another name': { name: 'Main building, first floor' } },
    answer: site,
    run: ({ desk, id, body }) => desk.places.renameSite(id, body.name),
  }),
  silent({
    method: 'delete',
    path: '/sites/{id}',
    verbs: ['places.removeSite'],
    summary: 'Delete a site',
    text: 'Only one that no key has, be it revoked.',
    run: ({ desk, id }) => desk.places.removeSite(id),
  }),
]

export const developers: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/developers',
    verbs: ['places.listDevelopers'],
    summary: 'List developers, the oldest first',
    query: z.strictObject({ ...paging, ...ofAccount }),
    answer: listOf(developer),
    run: ({ desk, query: { accountId, ...page } }) =>
      paged(page, (its) => desk.places.listDevelopers({ ...its, accountId })),
  }),
  operation({
    method: 'post',
    path: '/developers',
    verbs: ['places.addDeveloper'],
    summary: 'Add a developer',
    body: z.strictObject({ id: newId, accountId, name, developerKey: developerKey.optional() }),
    examples: {
      'A maker of programs': {
        id: EXAMPLE.fresh,
        accountId: EXAMPLE.account,
        name: 'Bright Recall',
      },
    },
    answer: developer,
    creates: true,
    run: ({ desk, body }) => desk.places.addDeveloper(body),
  }),
  operation({
    method: 'get',
    path: '/developers/{id}',
    verbs: ['places.findDeveloper'],
    summary: 'Look at a developer',
    answer: developer,
    run: ({ desk, id }) => desk.places.findDeveloper(id),
  }),
  operation({
    method: 'put',
    path: '/developers/{id}/name',
    verbs: ['places.renameDeveloper'],
    summary: 'Rename a developer',
    body: z.strictObject({ name }),
    examples: { 'Another name': { name: 'Bright Recall Ltd' } },
    answer: developer,
    run: ({ desk, id, body }) => desk.places.renameDeveloper(id, body.name),
  }),
  silent({
    method: 'delete',
    path: '/developers/{id}',
    verbs: ['places.removeDeveloper'],
    summary: 'Delete a developer',
    text: 'Only one that no key has, be it revoked.',
    run: ({ desk, id }) => desk.places.removeDeveloper(id),
  }),
]
