import { z } from 'zod'
import type { Site } from '../service/ports/accounts.ts'
import { defineOperation, type Operation } from './define.ts'
import { accountId, createdAt, EXAMPLE_IDS, existingId, id, name, newId } from './fields.ts'
import { definePlainOperations } from './resource.ts'

const site = z
  .object({ id, accountId, name, createdAt } satisfies Record<keyof Site, z.ZodType>)
  .meta({ id: 'Site' })

const operations = definePlainOperations({
  group: 'sites',
  article: 'a site',
  schema: site,
  columns: ['id', 'accountId', 'name', 'createdAt'],
  newName: 'Main building, first floor',
  deleteText: 'A site with a key, even a revoked one, cannot be deleted.',
  getService: ({ sites }) => sites,
})

export const siteOperations: readonly Operation[] = [
  operations.list,
  defineOperation({
    id: 'sites.create',
    method: 'post',
    path: '/sites',
    serviceMethods: ['sites.add'],
    summary: 'Add a site',
    text: 'A site is a clinic, an office or a hospital. A Xenrad-style key gives access to one site, and an Open Dental-style customer key is assigned to one.',
    body: z.strictObject({
      id: newId,
      accountId: existingId,
      name: name.meta({ description: 'Display name, such as North Clinic or Maple Street' }),
    }),
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
  operations.show,
  operations.rename,
  operations.delete,
]
