import { z } from 'zod'
import { ok } from '../domain/failure.ts'
import { isInNetworkTexts } from '../domain/ip-network.ts'
import type { ActorServices } from '../service/actor-services.ts'
import type { AllowlistEntry } from '../service/ports/accounts.ts'
import { account } from './accounts.ts'
import { defineNoContentOperation, defineOperation, type Operation } from './define.ts'
import {
  accountId,
  createdAt,
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  id,
  instant,
  newId,
  toWholeList,
} from './fields.ts'

const allowlistEntry = z
  .object({
    id,
    accountId,
    network: z.string().meta({ description: 'An IPv4 or IPv6 network', example: '203.0.113.0/24' }),
    note: z.string(),
    createdAt,
  } satisfies Record<keyof AllowlistEntry, z.ZodType>)
  .meta({ id: 'AllowlistEntry' })

const seenAddress = z
  .object({ address: z.string(), lastAt: instant('Time of the last token request from it') })
  .meta({ id: 'SeenAddress' })

const NOT_RECORDED =
  'Addresses of keys that are sent with every request (xenrad, opendental, xdent, practice) are not recorded.'

const accountParameter = z.strictObject({
  accountId: existingId.meta({ example: EXAMPLE_IDS.account }),
})

/** Describes the addresses in use that keys no longer work from; null if there are none. */
async function describeRefusedAddresses(
  { ipAllowlist }: ActorServices,
  accountId: string,
  networks: readonly string[],
): Promise<string | null> {
  if (networks.length === 0) return null
  const seen = await ipAllowlist.listSeenAddresses(accountId)
  const refused = seen.filter(({ address }) => !isInNetworkTexts(networks, address))
  return refused.length === 0
    ? null
    : `this refuses addresses that requested tokens within 30 days: ${refused.map(({ address }) => address).join(', ')}`
}

export const ipAllowlistOperations: readonly Operation[] = [
  defineOperation({
    id: 'ip-allowlist.list',
    method: 'get',
    path: '/ip-allowlist',
    serviceMethods: ['ipAllowlist.list'],
    summary: 'List the IP allowlist of an account',
    text: 'If `enforced` is true and the list is not empty, keys of the account work only from these networks.',
    query: accountParameter,
    response: z.object({ enforced: z.boolean(), ...createListSchema(allowlistEntry).shape }),
    columns: ['id', 'network', 'note', 'createdAt'],
    run: async ({ services, query: { accountId } }) => {
      const found = await services.accounts.find(accountId)
      if (!found.ok) return found
      const items = await services.ipAllowlist.list(accountId)
      return ok({ enforced: found.value.ipAllowlistEnforced, items, next: null })
    },
  }),
  defineOperation({
    id: 'ip-allowlist.add',
    method: 'post',
    path: '/ip-allowlist',
    serviceMethods: ['ipAllowlist.add'],
    summary: 'Add a network to the IP allowlist of an account',
    text: 'Takes effect at the next request, if the list is enforced.',
    body: z.strictObject({
      id: newId,
      accountId: existingId,
      network: z.string().meta({ description: 'An IPv4 or IPv6 address, or CIDR' }),
      note: z.string().optional().meta({ description: 'Note: one line' }),
    }),
    examples: {
      'The office': {
        id: EXAMPLE_IDS.fresh,
        accountId: EXAMPLE_IDS.account,
        network: '203.0.113.0/24',
        note: 'The office',
      },
    },
    response: allowlistEntry,
    creates: true,
    async describeImpact({ services, body: { accountId, network } }) {
      const [account, entries] = await Promise.all([
        services.accounts.find(accountId),
        services.ipAllowlist.list(accountId),
      ])
      const isFirst = account.ok && account.value.ipAllowlistEnforced && entries.length === 0
      return isFirst ? describeRefusedAddresses(services, accountId, [network]) : null
    },
    run: ({ services, body }) => services.ipAllowlist.add(body),
  }),
  defineNoContentOperation({
    id: 'ip-allowlist.delete',
    method: 'delete',
    path: '/ip-allowlist/{id}',
    serviceMethods: ['ipAllowlist.delete'],
    summary: 'Delete a network from the IP allowlist',
    text: 'Takes effect at the next request.',
    run: ({ services, id }) => services.ipAllowlist.delete(id),
  }),
  defineOperation({
    id: 'ip-allowlist.enforce',
    method: 'post',
    path: '/accounts/{id}/enforce-ip-allowlist',
    serviceMethods: ['ipAllowlist.setEnforced'],
    summary: 'Enforce the IP allowlist of an account',
    text: 'Its keys work only from the listed networks. While the list is empty, they work from any address.',
    response: account,
    async describeImpact({ services, id }) {
      const entries = await services.ipAllowlist.list(id)
      const networks = entries.map(({ network }) => network)
      return describeRefusedAddresses(services, id, networks)
    },
    run: ({ services, id }) => services.ipAllowlist.setEnforced(id, true),
  }),
  defineOperation({
    id: 'ip-allowlist.stopEnforcing',
    method: 'post',
    path: '/accounts/{id}/stop-enforcing-ip-allowlist',
    serviceMethods: ['ipAllowlist.setEnforced'],
    summary: 'Stop enforcing the IP allowlist of an account',
    text: 'Its keys work from any address. The list is kept.',
    response: account,
    run: ({ services, id }) => services.ipAllowlist.setEnforced(id, false),
  }),
  defineOperation({
    id: 'ip-allowlist.seen',
    method: 'get',
    path: '/ip-allowlist/seen',
    serviceMethods: ['ipAllowlist.listSeenAddresses'],
    summary: 'List the addresses of recent token requests',
    text: `Of the last 30 days, newest first. ${NOT_RECORDED}`,
    note: () => NOT_RECORDED,
    query: accountParameter,
    columns: ['address', 'lastAt'],
    response: createListSchema(seenAddress),
    run: async ({ services, query: { accountId } }) => {
      const found = await services.accounts.find(accountId)
      return found.ok ? toWholeList(await services.ipAllowlist.listSeenAddresses(accountId)) : found
    },
  }),
]
