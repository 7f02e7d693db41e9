import { z } from '@hono/zod-openapi'
import type { Desk } from '../../../service/desk.ts'
import { EXAMPLE } from '../ids.ts'
import { type Asker, type Operation, operation, silent } from '../operation.ts'
import { instant, listOf, name, newId, paged, paging, whole } from '../schema/common.ts'
import { account, addressRule, departedKeys } from '../schema/people.ts'

const seenAddress = z
  .object({ address: z.string(), lastAt: instant('When a token was last asked for from it') })
  .openapi('SeenAddress')

/** What an account has: one that is not there has no empty list. */
async function allOf<Item>(
  { desk, id }: Pick<Asker, 'desk' | 'id'>,
  read: (desk: Desk, accountId: string) => Promise<readonly Item[]>,
) {
  const found = await desk.accounts.find(id)
  return found.ok ? whole(await read(desk, id)) : found
}

export const accounts: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/accounts',
    verbs: ['accounts.list'],
    summary: 'List accounts, the oldest first',
    text: 'Who is no operator sees one: their own.',
    query: z.strictObject(paging),
    answer: listOf(account),
    run: ({ desk, query }) => paged(query, desk.accounts.list),
  }),
  operation({
    method: 'post',
    path: '/accounts',
    verbs: ['accounts.create'],
    summary: 'Create an account',
    body: z.strictObject({
      id: newId,
      name,
      region: z.string().optional().openapi({
        description: 'Where its keys are accepted; the region of this server where it is left out',
      }),
      otherRegion: z.boolean().optional().openapi({
        description: 'Create it although another server serves its region',
      }),
    }),
    examples: { 'An account': { id: EXAMPLE.fresh, name: 'North Clinic' } },
    answer: account,
    creates: true,
    run: ({ desk, body }) => desk.accounts.create(body),
  }),
  operation({
    method: 'get',
    path: '/accounts/{id}',
    verbs: ['accounts.find'],
    summary: 'Look at an account',
    answer: account,
    run: ({ desk, id }) => desk.accounts.find(id),
  }),
  operation({
    method: 'put',
    path: '/accounts/{id}/name',
    verbs: ['accounts.rename'],
    summary: 'Rename an account',
    body: z.strictObject({ name }),
    examples: { 'Another name': { name: 'North Clinic and Imaging' } },
    answer: account,
    run: ({ desk, id, body }) => desk.accounts.rename(id, body.name),
  }),
  operation({
    method: 'post',
    path: '/accounts/{id}/close',
    verbs: ['accounts.setStatus'],
    summary: 'Close an account',
    text: 'Every key of it is refused from the next request on, and its people cannot sign in.',
    answer: account,
    run: ({ desk, id }) => desk.accounts.setStatus(id, 'closed'),
  }),
  operation({
    method: 'post',
    path: '/accounts/{id}/open',
    verbs: ['accounts.setStatus'],
    summary: 'Open an account again',
    answer: account,
    run: ({ desk, id }) => desk.accounts.setStatus(id, 'open'),
  }),
  operation({
    method: 'put',
    path: '/accounts/{id}/departed-keys',
    verbs: ['accounts.setDepartedKeys'],
    summary: 'Say what becomes of the keys of who leaves',
    body: z.strictObject({ departedKeys }),
    examples: { 'They are disabled when their owner leaves': { departedKeys: 'disable' } },
    answer: account,
    run: ({ desk, id, body }) => desk.accounts.setDepartedKeys(id, body.departedKeys),
  }),
  operation({
    method: 'get',
    path: '/accounts/{id}/addresses',
    verbs: ['places.listAddresses'],
    summary: 'List the addresses from which the keys of an account may be used',
    answer: listOf(addressRule),
    run: (asker) => allOf(asker, ({ places }, id) => places.listAddresses(id)),
  }),
  operation({
    method: 'post',
    path: '/accounts/{id}/addresses',
    verbs: ['places.addAddress'],
    summary: 'Add an address',
    text: 'In force at the next request.',
    body: z.strictObject({
      id: newId,
      network: z.string().openapi({ description: 'An IPv4 or IPv6 address, or CIDR' }),
      note: z.string().optional().openapi({ description: 'Whose it is: one line' }),
    }),
    examples: {
      'The office': { id: EXAMPLE.fresh, network: '203.0.113.0/24', note: 'The office' },
    },
    answer: addressRule,
    creates: true,
    run: ({ desk, id, body }) => desk.places.addAddress({ accountId: id, ...body }),
  }),
  silent({
    method: 'delete',
    path: '/addresses/{id}',
    verbs: ['places.removeAddress'],
    summary: 'Take an address off the list',
    run: ({ desk, id }) => desk.places.removeAddress(id),
  }),
  operation({
    method: 'put',
    path: '/accounts/{id}/address-enforcement',
    verbs: ['places.enforceAddresses'],
    summary: 'Let keys work from the listed addresses only, or from anywhere',
    text: 'While the list is empty they work anywhere.',
    body: z.strictObject({ enforced: z.boolean() }),
    examples: { 'From the listed ones only': { enforced: true } },
    answer: account,
    run: ({ desk, id, body }) => desk.places.enforceAddresses(id, body.enforced),
  }),
  operation({
    method: 'get',
    path: '/accounts/{id}/seen-addresses',
    verbs: ['places.seenAddresses'],
    summary: 'List from where tokens were asked for lately',
    text: 'In the last 30 days, the last one first. Keys that are presented at every request are only counted.',
    answer: listOf(seenAddress),
    run: (asker) => allOf(asker, ({ places }, id) => places.seenAddresses(id)),
  }),
]
