import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
import { EXAMPLE } from '../ids.ts'
import { type Operation, operation } from '../operation.ts'
import {
  existingId,
  instant,
  listOf,
  newId,
  ofAccount,
  paged,
  paging,
  whole,
} from '../schema/common.ts'
import { role, user } from '../schema/people.ts'

const username = z.string().openapi({
  description: 'The name to sign in with; one in the whole server',
})

const invited = z
  .object({
    link: z.string().openapi({ description: 'Good once. It is not shown again.' }),
    expiresAt: instant('Until when it is good'),
  })
  .openapi('Invited')

export const users: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/users',
    verbs: ['accounts.listUsers'],
    summary: 'List users, the oldest first',
    query: z.strictObject({ ...paging, ...ofAccount }),
    answer: listOf(user),
    run: ({ desk, query: { accountId, ...page } }) =>
      paged(page, (its) => desk.accounts.listUsers({ ...its, accountId })),
  }),
  operation({
    method: 'get',
    path: '/users/search',
    verbs: ['accounts.searchUsers'],
    summary: 'Find users by a part of their e-mail address or username',
    text: 'Those who have not left; 100 at most.',
    query: z.strictObject({
      ...ofAccount,
      text: z.string().min(1).max(200).openapi({ example: 'mara' }),
    }),
    answer: listOf(user),
    run: async ({ desk, query }) =>
      whole(await desk.accounts.searchUsers({ ...query, limit: 100 })),
  }),
  operation({
    method: 'post',
    path: '/users',
    verbs: ['accounts.addUser'],
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
        id: EXAMPLE.fresh,
        accountId: EXAMPLE.account,
        email: 'mara@north.example',
        role: 'engineer',
        username: 'mara.north',
      },
    },
    answer: user,
    creates: true,
    run: ({ desk, body }) => desk.accounts.addUser(body),
  }),
  operation({
    method: 'get',
    path: '/users/{id}',
    verbs: ['accounts.findUser'],
    summary: 'Look at a user',
    answer: user,
    run: ({ desk, id }) => desk.accounts.findUser(id),
  }),
  operation({
    method: 'put',
    path: '/users/{id}/role',
    verbs: ['accounts.setRole'],
    summary: 'Give a user another role',
    text: 'In force at their next request; a one-time link to a password that was made before is good no longer. Nobody gives a role above their own, or changes who is above them, or themselves.',
    body: z.strictObject({ role }),
    examples: { 'They read only': { role: 'member' } },
    answer: user,
    run: ({ desk, id, body }) => desk.accounts.setRole(id, body.role),
  }),
  operation({
    method: 'put',
    path: '/users/{id}/email',
    verbs: ['accounts.setEmail'],
    summary: 'Give a user another e-mail address',
    text: 'It is what they are called by, once in an account; nobody signs in with it, and nothing is sent to it.',
    body: z.strictObject({ email: z.string() }),
    examples: { 'Another address': { email: 'mara.west@clinic.example' } },
    answer: user,
    run: ({ desk, id, body }) => desk.accounts.setEmail(id, body.email),
  }),
  operation({
    method: 'put',
    path: '/users/{id}/username',
    verbs: ['people.setUsername'],
    summary: 'Give a user another username',
    body: z.strictObject({ username }),
    examples: { 'Another name': { username: 'mara.west' } },
    answer: user,
    run: ({ desk, id, body }) => desk.people.setUsername(id, body.username),
  }),
  operation({
    method: 'post',
    path: '/users/{id}/invite',
    verbs: ['people.invite'],
    summary: 'Make a one-time link to a first password, or to a new one',
    text: 'What was sent before is good no longer.',
    answer: invited,
    creates: true,
    run: async ({ desk, id }) => {
      const made = await desk.people.invite(id)
      if (!made.ok) return made
      const { link, invitation } = made.value
      return ok({ link, expiresAt: invitation.expiresAt })
    },
  }),
  operation({
    method: 'post',
    path: '/users/{id}/sign-out',
    verbs: ['people.signOut'],
    summary: 'End every session and every API token of a user',
    answer: z.object({ ended: z.number().int() }),
    run: ({ desk, id }) => desk.people.signOut(id),
  }),
  operation({
    method: 'post',
    path: '/users/{id}/reset-second-factor',
    verbs: ['people.resetSecondFactor'],
    summary: 'Take away the second factor of who has lost it',
    text: 'The password alone is enough to sign in again.',
    answer: user,
    run: ({ desk, id }) => desk.people.resetSecondFactor(id),
  }),
  operation({
    method: 'post',
    path: '/users/{id}/leave',
    verbs: ['accounts.leave'],
    summary: 'Let a user leave',
    text: 'They cannot sign in any more. Their keys are flagged from now on, or disabled, as the account wants it.',
    answer: user,
    run: ({ desk, id }) => desk.accounts.leave(id),
  }),
]
