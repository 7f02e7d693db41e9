import { z } from 'zod'
import { ok } from '../domain/failure.ts'
import { ROLES } from '../domain/role.ts'
import type { ActorServices } from '../service/actor-services.ts'
import type { User } from '../service/ports/accounts.ts'
import type { KeySummary } from '../service/ports/keys.ts'
import { defineNoContentOperation, defineOperation, type Operation } from './define.ts'
import {
  accountFilter,
  accountId,
  createdAt,
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  id,
  instant,
  instantOrNull,
  name,
  newId,
  pageParameters,
  readPage,
  toWholeList,
} from './fields.ts'
import { keyStatus } from './key-fields.ts'

const role = z.enum(ROLES)
const email = z.string().meta({ title: 'E-mail address', format: 'email' })

export const user = z
  .object({
    id,
    accountId,
    email,
    role,
    createdAt,
    username: z.string().nullable().meta({ description: 'Unique on this server' }),
    deactivatedAt: instantOrNull('Time of deactivation; null if the user is active').meta({
      title: 'Deactivated',
    }),
  } satisfies Record<keyof User, z.ZodType>)
  .meta({ id: 'User' })

const username = z.string().meta({
  description: 'The name to sign in with; unique on this server',
})

const oneTimeLink = z
  .object({
    userId: z.string(),
    link: z.string().meta({ description: 'Works once. It is not shown again.' }),
    expiresAt: instant('Time until which it works'),
  })
  .meta({ id: 'Invited' })

const keyOfDeactivatedUser = z
  .object({ id, publicId: z.string(), name, status: keyStatus } satisfies Partial<
    Record<keyof KeySummary, z.ZodType>
  >)
  .meta({ id: 'KeyOfDeactivatedUser' })

async function listLivingKeys({ keys }: ActorServices, ownerId: string): Promise<KeySummary[]> {
  const livingKeys: KeySummary[] = []
  let after: string | undefined
  do {
    const page = await keys.list({ ownerId, after, limit: 1000 })
    livingKeys.push(...page.filter(({ status }) => status !== 'revoked'))
    after = page.at(-1)?.id
  } while (after !== undefined)
  return livingKeys
}

export const userOperations: readonly Operation[] = [
  defineOperation({
    id: 'users.list',
    method: 'get',
    path: '/users',
    columns: ['id', 'accountId', 'email', 'username', 'role', 'createdAt', 'deactivatedAt'],
    serviceMethods: ['users.list'],
    summary: 'List users, oldest first',
    query: z.strictObject({ ...pageParameters, ...accountFilter }),
    response: createListSchema(user),
    run: ({ services, query: { accountId, ...page } }) =>
      readPage(page, (pageQuery) => services.users.list({ ...pageQuery, accountId })),
  }),
  defineOperation({
    id: 'users.search',
    method: 'get',
    path: '/users/search',
    columns: ['id', 'accountId', 'email', 'username', 'role'],
    commandLines: ['users search --text mara'],
    serviceMethods: ['users.search'],
    summary: 'Find users by a part of their e-mail address or username',
    text: 'Active users only; at most 100.',
    query: z.strictObject({
      ...accountFilter,
      text: z.string().min(1).max(200).meta({ example: 'mara' }),
    }),
    response: createListSchema(user),
    run: async ({ services, query }) =>
      toWholeList(await services.users.search({ ...query, limit: 100 })),
  }),
  defineOperation({
    id: 'users.create',
    method: 'post',
    path: '/users',
    serviceMethods: ['users.add'],
    summary: 'Add a user',
    text: 'To let the user sign in, create a one-time link to set a password.',
    body: z.strictObject({
      id: newId,
      accountId: existingId,
      email,
      role,
      username: username.optional().meta({
        description: 'The name to sign in with. By default the user chooses it with the password',
      }),
    }),
    examples: {
      'An engineer': {
        id: EXAMPLE_IDS.fresh,
        accountId: EXAMPLE_IDS.account,
        email: 'mara@north.example',
        role: 'engineer',
        username: 'mara.north',
      },
    },
    response: user,
    creates: true,
    run: ({ services, body }) => services.users.add(body),
  }),
  defineOperation({
    id: 'users.show',
    method: 'get',
    path: '/users/{id}',
    serviceMethods: ['users.find'],
    summary: 'Get a user',
    response: user,
    run: ({ services, id }) => services.users.find(id),
  }),
  defineOperation({
    id: 'users.setRole',
    method: 'put',
    path: '/users/{id}/role',
    serviceMethods: ['users.setRole'],
    summary: 'Change the role of a user',
    text: 'Takes effect at the next request, and invalidates existing one-time links. You cannot give a role above your own, or change a user above you, or yourself.',
    body: z.strictObject({ role }),
    examples: { 'Read only': { role: 'member' } },
    response: user,
    run: ({ services, id, body }) => services.users.setRole(id, body.role),
  }),
  defineOperation({
    id: 'users.setEmail',
    method: 'put',
    path: '/users/{id}/email',
    serviceMethods: ['users.setEmail'],
    summary: 'Change the e-mail address of a user',
    text: 'It identifies the user and is unique in an account. It is not used to sign in, and nothing is sent to it.',
    body: z.strictObject({ email }),
    examples: { 'A new address': { email: 'mara.west@clinic.example' } },
    response: user,
    run: ({ services, id, body }) => services.users.setEmail(id, body.email),
  }),
  defineOperation({
    id: 'users.setUsername',
    method: 'put',
    path: '/users/{id}/username',
    serviceMethods: ['users.setUsername'],
    summary: 'Change the username of a user',
    body: z.strictObject({ username }),
    examples: { 'A new name': { username: 'mara.west' } },
    response: user,
    run: ({ services, id, body }) => services.users.setUsername(id, body.username),
  }),
  defineOperation({
    id: 'users.invite',
    method: 'post',
    path: '/users/{id}/invite',
    serviceMethods: ['users.invite'],
    summary: 'Create a one-time link to set a password',
    text: 'Earlier links stop working.',
    response: oneTimeLink,
    creates: true,
    formatRecovery: ({ userId }) => `latchkey users invite ${userId}`,
    run: async ({ services, id }) => {
      const result = await services.users.invite(id)
      if (!result.ok) return result
      const { link, invitation } = result.value
      return ok({ userId: id, link, expiresAt: invitation.expiresAt })
    },
  }),
  defineOperation({
    id: 'users.signOut',
    method: 'post',
    path: '/users/{id}/sign-out',
    serviceMethods: ['users.signOut'],
    summary: 'Sign out a user everywhere',
    text: 'Ends every session and every API token of the user.',
    response: z.object({ ended: z.number().int() }),
    run: ({ services, id }) => services.users.signOut(id),
  }),
  defineOperation({
    id: 'users.resetSecondFactor',
    method: 'post',
    path: '/users/{id}/reset-second-factor',
    note: () => 'Make sure that it is really this user who asks.',
    serviceMethods: ['users.resetSecondFactor'],
    summary: 'Remove the second factor of a user',
    text: 'The user then signs in with the password alone.',
    response: user,
    run: ({ services, id }) => services.users.resetSecondFactor(id),
  }),
  defineOperation({
    id: 'users.deactivate',
    method: 'post',
    path: '/users/{id}/deactivate',
    serviceMethods: ['users.deactivate'],
    summary: 'Deactivate a user',
    isIrreversible: true,
    text: 'The user can never sign in again. Their keys are flagged or disabled, as the offboarding policy of the account says.',
    response: z.object({ user, keys: z.array(keyOfDeactivatedUser).readonly() }),
    run: async ({ services, id }) => {
      const user = await services.users.deactivate(id)
      if (!user.ok) return user
      return ok({ user: user.value, keys: await listLivingKeys(services, id) })
    },
  }),
  defineNoContentOperation({
    id: 'users.delete',
    method: 'delete',
    path: '/users/{id}',
    serviceMethods: ['users.delete'],
    summary: 'Delete a user',
    text: 'An active user, or one who owns a key, even a revoked one, cannot be deleted. The audit keeps their events.',
    isIrreversible: true,
    run: ({ services, id }) => services.users.delete(id),
  }),
]
