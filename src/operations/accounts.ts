import { z } from 'zod'
import type { Account } from '../service/ports/accounts.ts'
import { defineNoContentOperation, defineOperation, type Operation } from './define.ts'
import {
  createdAt,
  createListSchema,
  EXAMPLE_IDS,
  id,
  name,
  newId,
  pageParameters,
  readPage,
} from './fields.ts'

const accountStatus = z.enum(['open', 'closed'])
const offboardingPolicy = z.enum(['keep', 'disable']).meta({
  title: 'Keys of deactivated users',
  description: 'What happens to the keys of a deactivated owner. They are flagged in either case.',
})
export const account = z
  .object({
    id,
    name,
    region: z.string(),
    status: accountStatus,
    createdAt,
    offboardingPolicy,
    ipAllowlistEnforced: z.boolean().meta({
      title: 'IP allowlist',
      description:
        'True if its keys work only from the listed networks. An empty list restricts nothing.',
    }),
  } satisfies Record<keyof Account, z.ZodType>)
  .meta({ id: 'Account' })

export const accountOperations: readonly Operation[] = [
  defineOperation({
    id: 'accounts.list',
    method: 'get',
    path: '/accounts',
    columns: ['id', 'name', 'region', 'status', 'ipAllowlistEnforced', 'createdAt'],
    commandLines: ['accounts list --json | jq -r .items[].id'],
    serviceMethods: ['accounts.list'],
    summary: 'List accounts, oldest first',
    text: 'Users who are not operators see only their own account.',
    query: z.strictObject(pageParameters),
    response: createListSchema(account),
    run: ({ services, query }) => readPage(query, services.accounts.list),
  }),
  defineOperation({
    id: 'accounts.create',
    method: 'post',
    path: '/accounts',
    serviceMethods: ['accounts.create'],
    summary: 'Create an account',
    text: 'An account is an organization with its users, keys and sites.',
    body: z.strictObject({
      id: newId,
      name,
      region: z.string().optional().meta({
        description:
          'Region in which its keys are accepted; by default the region of this server. It cannot be changed',
      }),
      otherRegion: z.boolean().optional().meta({
        description: 'Create it even if another server serves its region',
      }),
    }),
    examples: { 'An account': { id: EXAMPLE_IDS.fresh, name: 'North Clinic' } },
    response: account,
    creates: true,
    run: ({ services, body }) => services.accounts.create(body),
  }),
  defineOperation({
    id: 'accounts.show',
    method: 'get',
    path: '/accounts/{id}',
    serviceMethods: ['accounts.find'],
    summary: 'Get an account',
    response: account,
    run: ({ services, id }) => services.accounts.find(id),
  }),
  defineOperation({
    id: 'accounts.rename',
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
    id: 'accounts.close',
    method: 'post',
    path: '/accounts/{id}/close',
    serviceMethods: ['accounts.setStatus'],
    summary: 'Close an account',
    text: 'From the next request on, its keys are refused and its users cannot sign in. Nothing is deleted: it can be reopened.',
    response: account,
    run: ({ services, id }) => services.accounts.setStatus(id, 'closed'),
  }),
  defineOperation({
    id: 'accounts.reopen',
    method: 'post',
    path: '/accounts/{id}/reopen',
    serviceMethods: ['accounts.setStatus'],
    summary: 'Reopen an account',
    text: 'Its keys work again, except those that are disabled or revoked, and its users can sign in.',
    response: account,
    run: ({ services, id }) => services.accounts.setStatus(id, 'open'),
  }),
  defineOperation({
    id: 'accounts.setOffboardingPolicy',
    method: 'put',
    path: '/accounts/{id}/offboarding-policy',
    serviceMethods: ['accounts.setOffboardingPolicy'],
    summary: 'Set the offboarding policy of an account',
    text: 'It decides what happens to the keys of users who are deactivated.',
    body: z.strictObject({ offboardingPolicy }),
    examples: { 'Disable them': { offboardingPolicy: 'disable' } },
    response: account,
    run: ({ services, id, body }) =>
      services.accounts.setOffboardingPolicy(id, body.offboardingPolicy),
  }),
  defineNoContentOperation({
    id: 'accounts.delete',
    method: 'delete',
    path: '/accounts/{id}',
    serviceMethods: ['accounts.delete'],
    summary: 'Delete an account',
    text: 'Only a closed account that nothing belongs to can be deleted. The audit keeps its events.',
    isIrreversible: true,
    run: ({ services, id }) => services.accounts.delete(id),
  }),
]
