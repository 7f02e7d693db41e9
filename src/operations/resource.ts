import { z } from 'zod'
import type { ActorServices } from '../service/actor-services.ts'
import type { Page } from '../service/ports/lists.ts'
import type { ServiceResult } from '../service/service-result.ts'
import { defineNoContentOperation, defineOperation } from './define.ts'
import { accountFilter, createListSchema, name, pageParameters, readPage } from './fields.ts'

/** A kind of rows that have an account and a name. */
interface PlainResource<Row> {
  readonly group: 'sites' | 'developers' | 'sources' | 'destinations'
  /** As in "Get a site". */
  readonly article: string
  readonly schema: z.ZodType<Row>
  readonly columns: readonly string[]
  readonly newName: string
  /** The rule for deleting a row. */
  readonly deleteText: string
  readonly getService: (services: ActorServices) => {
    list(page: Page & { accountId?: string | undefined }): Promise<Row[]>
    find(id: string): Promise<ServiceResult<Row>>
    rename(id: string, name: string): Promise<ServiceResult<Row>>
    delete(id: string): Promise<ServiceResult<void>>
  }
}

/** Defines the operations that all plain resources have in common. */
export function definePlainOperations<Row extends { readonly id: string }>({
  group,
  article,
  schema,
  columns,
  newName,
  deleteText,
  getService,
}: PlainResource<Row>) {
  return {
    list: defineOperation({
      id: `${group}.list`,
      method: 'get',
      path: `/${group}`,
      serviceMethods: [`${group}.list`],
      summary: `List ${group}, oldest first`,
      query: z.strictObject({ ...pageParameters, ...accountFilter }),
      response: createListSchema(schema),
      columns,
      run: ({ services, query: { accountId, ...page } }) =>
        readPage(page, (pageQuery) => getService(services).list({ ...pageQuery, accountId })),
    }),
    show: defineOperation({
      id: `${group}.show`,
      method: 'get',
      path: `/${group}/{id}`,
      serviceMethods: [`${group}.find`],
      summary: `Get ${article}`,
      response: schema,
      run: ({ services, id }) => getService(services).find(id),
    }),
    rename: defineOperation({
      id: `${group}.rename`,
      method: 'put',
      path: `/${group}/{id}/name`,
      serviceMethods: [`${group}.rename`],
      summary: `Rename ${article}`,
      body: z.strictObject({ name }),
      examples: { 'A new name': { name: newName } },
      response: schema,
      run: ({ services, id, body }) => getService(services).rename(id, body.name),
    }),
    delete: defineNoContentOperation({
      id: `${group}.delete`,
      method: 'delete',
      path: `/${group}/{id}`,
      serviceMethods: [`${group}.delete`],
      summary: `Delete ${article}`,
      text: deleteText,
      isIrreversible: true,
      run: ({ services, id }) => getService(services).delete(id),
    }),
  }
}
