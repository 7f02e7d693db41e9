import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
import { ROLES } from '../../../domain/role.ts'
import type { User } from '../../../service/ports/accounts.ts'
import { defineOperation, type Operation } from '../operation.ts'
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
  newId,
  pageParameters,
  readPage,
  toWholeList,
} from './fields.ts'

const role = z.enum(ROLES)

export const user = z
  .object({
    id,
    accountId,
    email: z.string(),
    role,
    createdAt,
    username: z.string().nullable().openapi({ description: 'One in the whole server' }),
    leftAt: instantOrNull('When they left; null for who has not'),
  } satisfies Record<keyof User, z.ZodType>)
  .openapi('User')

const username = z.string().openapi({
  description: 'The name to sign in with; one in the whole server',
})

const oneTimeLink = z
  .object({
    link: z.string().openapi({ description: 'Good once. It is not shown again.' }),
    expiresAt: instant('Until when it is good'),
  })
  .openapi('Invited')

export const userOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/users',
    serviceMethods: ['accounts.listUsers'],
    summary: 'List users, the oldest first',
    query: z.strictObject({ ...pageParameters, ...accountFilter }),
    response: createListSchema(user),
    run: ({ services, query: { accountId, ...page } }) =>
      readPage(page, (pageQuery) => services.accounts.listUsers({ ...pageQuery, accountId })),
  }),
  defineOperation({
    method: 'get',
    path: '/users/search',
    serviceMethods: ['accounts.searchUsers'],
    summary: 'Find users by a part of their e-mail address or username',
    text: 'Those who have not left; 100 at most.',
    query: z.strictObject({
      ...accountFilter,
      text: z.string().min(1).max(200).openapi({ example: 'mara' }),
    }),
    response: createListSchema(user),
    run: async ({ services, query }) =>
      toWholeList(await services.accounts.searchUsers({ ...query, limit: 100 })),
  }),
  defineOperation({
    method: 'post',
    path: '/users',
    serviceMethods: ['accounts.addUser'],
    summary: 'Add a user',
    text: 'They sign in once they have followed the link that `invite` makes.',
    body: z.strictObject({
      id: newId,
      accountId: existingId,
      email: z.string(),
      role,
      username: username.optional(),
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
    run: ({ services, body }) => services.accounts.addUser(body),
  }),
  defineOperation({
    method: 'get',
    path: '/users/{id}',
    serviceMethods: ['accounts.findUser'],
    summary: 'Look at a user',
    response: user,
    run: ({ services, id }) => services.accounts.findUser(id),
  }),
  defineOperation({
    method: 'put',
    path: '/users/{id}/role',
    serviceMethods: ['accounts.setRole'],
    summary: 'Give a user another role',
    text: 'In force at their next request; a one-time link to a password that was made before is good no longer. Nobody gives a role above their own, or changes who is above them, or themselves.',
    body: z.strictObject({ role }),
    examples: { 'They read only': { role: 'member' } },
    response: user,
    run: ({ services, id, body }) => services.accounts.setRole(id, body.role),
  }),
  defineOperation({
    method: 'put',
    path: '/users/{id}/email',
    serviceMethods: ['accounts.setEmail'],
    summary: 'Give a user another e-mail address',
    text: 'It is what they are called by, once in an account; nobody signs in with it, and nothing is sent to it.',
    body: z.strictObject({ email: z.string() }),
    examples: { 'Another address': { email: 'mara.west@clinic.example' } },
    response: user,
    run: ({ services, id, body }) => services.accounts.setEmail(id, body.email),
  }),
  defineOperation({
    method: 'put',
    path: '/users/{id}/username',
    serviceMethods: ['users.setUsername'],
    summary: 'Give a user another username',
    body: z.strictObject({ username }),
    examples: { 'Another name': { username: 'mara.west' } },
    response: user,
    run: ({ services, id, body }) => services.users.setUsername(id, body.username),
  }),
  defineOperation({
    method: 'post',
    path: '/users/{id}/invite',
    serviceMethods: ['users.invite'],
    summary: 'Make a one-time link to a first password, or to a new one',
    text: 'What was sent before is good no longer.',
    response: oneTimeLink,
    creates: true,
    run: async ({ services, id }) => {
      const result = await services.users.invite(id)
      if (!result.ok) return result
      const { link, invitation } = result.value
      return ok({ link, expiresAt: invitation.expiresAt })
    },
  }),
  defineOperation({
    method: 'post',
    path: '/users/{id}/sign-out',
    serviceMethods: ['users.signOut'],
    summary: 'End every session and every API token of a user',
    response: z.object({ ended: z.number().int() }),
    run: ({ services, id }) => services.users.signOut(id),
  }),
  defineOperation({
    method: 'post',
    path: '/users/{id}/reset-second-factor',
    serviceMethods: ['users.resetSecondFactor'],
    summary: 'Take away the second factor of who has lost it',
    text: 'The password alone is enough to sign in again.',
    response: user,
    run: ({ services, id }) => services.users.resetSecondFactor(id),
  }),
  defineOperation({
    method: 'post',
    path: '/users/{id}/leave',
    serviceMethods: ['accounts.deactivateUser'],
    summary: 'Let a user leave',
    text: 'They cannot sign in any more. Their keys are flagged from now on, or disabled, as the account wants it.',
    response: user,
    run: ({ services, id }) => services.accounts.deactivateUser(id),
  }),
]
