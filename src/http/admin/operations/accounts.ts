import { z } from '@hono/zod-openapi'
import type { ActorServices } from '../../../service/actor-services.ts'
import type { Account, AllowlistEntry } from '../../../service/ports/accounts.ts'
import {
  defineNoContentOperation,
  defineOperation,
  type Operation,
  type OperationContext,
} from '../operation.ts'
import {
  accountId,
  createdAt,
  createListSchema,
  EXAMPLE_IDS,
  id,
  instant,
  name,
  newId,
  pageParameters,
  readPage,
  toWholeList,
} from './fields.ts'

const accountStatus = z.enum(['open', 'closed'])
const departedKeys = z.enum(['keep', 'disable']).openapi({
  description: 'What happens to the keys of a deactivated owner. They are flagged in either case.',
})
const account = z
  .object({
    id,
    name,
    region: z.string(),
    status: accountStatus,
    createdAt,
    departedKeys,
    addressesEnforced: z.boolean().openapi({
      description:
        'True if its keys work only from the listed networks. An empty list restricts nothing.',
    }),
  } satisfies Record<keyof Account, z.ZodType>)
  .openapi('Account')

const addressRule = z
  .object({
    id,
    accountId,
    network: z
      .string()
      .openapi({ description: 'An IPv4 or IPv6 network', example: '203.0.113.0/24' }),
    note: z.string(),
    createdAt,
  } satisfies Record<keyof AllowlistEntry, z.ZodType>)
  .openapi('AddressRule')

const seenAddress = z
  .object({ address: z.string(), lastAt: instant('Time of the last token request from it') })
  .openapi('SeenAddress')

/** Reads a list of an account; an unknown account is `not_found`, not an empty list. */
async function listForAccount<Item>(
  { services, id }: Pick<OperationContext, 'services' | 'id'>,
  read: (services: ActorServices, accountId: string) => Promise<readonly Item[]>,
) {
  const found = await services.accounts.find(id)
  return found.ok ? toWholeList(await read(services, id)) : found
}

export const accountOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/accounts',
    serviceMethods: ['accounts.list'],
    summary: 'List accounts, oldest first',
    text: 'Users who are not operators see only their own account.',
    query: z.strictObject(pageParameters),
    response: createListSchema(account),
    run: ({ services, query }) => readPage(query, services.accounts.list),
  }),
  defineOperation({
    method: 'post',
    path: '/accounts',
    serviceMethods: ['accounts.create'],
    summary: 'Create an account',
    body: z.strictObject({
      id: newId,
      name,
      region: z.string().optional().openapi({
        description: 'Region in which its keys are accepted; by default the region of this server',
      }),
      otherRegion: z.boolean().optional().openapi({
        description: 'Create it even if another server serves its region',
      }),
    }),
    examples: { 'An account': { id: EXAMPLE_IDS.fresh, name: 'North Clinic' } },
    response: account,
    creates: true,
    run: ({ services, body }) => services.accounts.create(body),
  }),
  defineOperation({
    method: 'get',
    path: '/accounts/{id}',
    serviceMethods: ['accounts.find'],
    summary: 'Get an account',
    response: account,
    run: ({ services, id }) => services.accounts.find(id),
  }),
  defineOperation({
    method: 'put',
    path: '/accounts/{id}/name',
    serviceMethods: ['accounts.rename'],
    summary: 'Rename an account',
    body: z.strictObject({ name }),
    examples: { 'Another name': { name: 'North Clinic and Imaging' } },
    response: account,
    run: ({ services, id, body }) => services.accounts.rename(id, body.name),
  }),
  defineOperation({
    method: 'post',
    path: '/accounts/{id}/close',
    serviceMethods: ['accounts.setStatus'],
    summary: 'Close an account',
    text: 'From the next request on, its keys are refused and its users cannot sign in.',
    response: account,
    run: ({ services, id }) => services.accounts.setStatus(id, 'closed'),
  }),
  defineOperation({
    method: 'post',
    path: '/accounts/{id}/open',
    serviceMethods: ['accounts.setStatus'],
    summary: 'Reopen an account',
    response: account,
    run: ({ services, id }) => services.accounts.setStatus(id, 'open'),
  }),
  defineOperation({
    method: 'put',
    path: '/accounts/{id}/departed-keys',
    serviceMethods: ['accounts.setOffboardingPolicy'],
    summary: 'Set what happens to the keys of deactivated users',
    body: z.strictObject({ departedKeys }),
    examples: { 'Disable them': { departedKeys: 'disable' } },
    response: account,
    run: ({ services, id, body }) => services.accounts.setOffboardingPolicy(id, body.departedKeys),
  }),
  defineOperation({
    method: 'get',
    path: '/accounts/{id}/addresses',
    serviceMethods: ['ipAllowlist.list'],
    summary: 'List the IP allowlist of an account',
    response: createListSchema(addressRule),
    run: (context) => listForAccount(context, ({ ipAllowlist }, id) => ipAllowlist.list(id)),
  }),
  defineOperation({
    method: 'post',
    path: '/accounts/{id}/addresses',
    serviceMethods: ['ipAllowlist.add'],
    summary: 'Add a network to the IP allowlist',
    text: 'Takes effect at the next request.',
    body: z.strictObject({
      id: newId,
      network: z.string().openapi({ description: 'An IPv4 or IPv6 address, or CIDR' }),
      note: z.string().optional().openapi({ description: 'Note: one line' }),
    }),
    examples: {
      'The office': { id: EXAMPLE_IDS.fresh, network: '203.0.113.0/24', note: 'The office' },
    },
    response: addressRule,
    creates: true,
    run: ({ services, id, body }) => services.ipAllowlist.add({ accountId: id, ...body }),
  }),
  defineNoContentOperation({
    method: 'delete',
    path: '/addresses/{id}',
    serviceMethods: ['ipAllowlist.delete'],
    summary: 'Delete a network from the IP allowlist',
    run: ({ services, id }) => services.ipAllowlist.delete(id),
  }),
  defineOperation({
    method: 'put',
    path: '/accounts/{id}/address-enforcement',
    serviceMethods: ['ipAllowlist.setEnforced'],
    summary: 'Enforce the IP allowlist, or stop enforcing it',
    text: 'While the list is empty, keys work from any address.',
    body: z.strictObject({ enforced: z.boolean() }),
    examples: { 'Enforce it': { enforced: true } },
    response: account,
    run: ({ services, id, body }) => services.ipAllowlist.setEnforced(id, body.enforced),
  }),
  defineOperation({
    method: 'get',
    path: '/accounts/{id}/seen-addresses',
    serviceMethods: ['ipAllowlist.listSeenAddresses'],
    summary: 'List the addresses of recent token requests',
    text: 'Of the last 30 days, most recent first. Keys that are presented with every request are counted but not listed.',
    response: createListSchema(seenAddress),
    run: (context) =>
      listForAccount(context, ({ ipAllowlist }, id) => ipAllowlist.listSeenAddresses(id)),
  }),
]
