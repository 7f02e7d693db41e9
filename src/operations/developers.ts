import { z } from 'zod'
import type { Developer } from '../service/ports/accounts.ts'
import { defineOperation, type Operation } from './define.ts'
import { accountId, createdAt, EXAMPLE_IDS, existingId, id, name, newId } from './fields.ts'
import { definePlainOperations } from './resource.ts'

const developerKey = z.string().meta({
  description: 'The vendor’s public id of the developer; not a secret',
})

const developer = z
  .object({ id, accountId, name, developerKey, createdAt } satisfies Record<
    keyof Developer,
    z.ZodType
  >)
  .meta({ id: 'Developer' })

const operations = definePlainOperations({
  group: 'developers',
  article: 'a developer',
  schema: developer,
  columns: ['id', 'accountId', 'name', 'developerKey', 'createdAt'],
  newName: 'Bright Recall Ltd',
  deleteText: 'A developer with a key, even a revoked one, cannot be deleted.',
  getService: ({ developers }) => developers,
})

export const developerOperations: readonly Operation[] = [
  operations.list,
  defineOperation({
    id: 'developers.create',
    method: 'post',
    path: '/developers',
    serviceMethods: ['developers.add'],
    summary: 'Add a developer',
    text: 'An Open Dental developer has a developer key for the program, and a customer key for each office that uses it.',
    body: z.strictObject({
      id: newId,
      accountId: existingId,
      name,
      developerKey: developerKey.optional().meta({
        description:
          'The vendor’s public id of the developer, if another system issued it: 8 to 64 letters and digits. By default one is generated',
      }),
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
  operations.show,
  operations.rename,
  operations.delete,
]
