import { ok } from '../../../domain/failure.ts'
import { PERMISSIONS } from '../../../domain/role.ts'
import { failNotFound } from '../../../service/service-result.ts'
import {
  defineNoContentOperation,
  defineOperation,
  type Operation,
  type OperationContext,
} from '../operation.ts'
import { apiToken, profile } from './accounts.ts'
import { createListSchema, toWholeList } from './fields.ts'

const listOwnApiTokens = async ({ sessions, signedInUser }: OperationContext) =>
  (await sessions.list(signedInUser)).filter(({ kind }) => kind === 'token')

/** What everybody does with his own. A token makes no further token: that takes the person and his password. */
export const meOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/me',
    serviceMethods: [],
    summary: 'See who you are, and what your role allows',
    response: profile,
    run: async ({ signedInUser: { user, account }, services }) =>
      ok({
        user,
        accountName: account.name,
        everyAccount: services.can('accounts.read'),
        permissions: PERMISSIONS.filter(services.can),
      }),
  }),
  defineOperation({
    method: 'get',
    path: '/me/tokens',
    serviceMethods: [],
    summary: 'List your API tokens, the newest first',
    text: 'New ones are made in the console, under “Your sign-in”.',
    response: createListSchema(apiToken),
    run: async (context) => {
      const current = context.signedInUser.session.id
      const tokens = await listOwnApiTokens(context)
      return toWholeList(
        tokens.map(({ userId: _, kind: __, ...rest }) => ({
          ...rest,
          current: rest.id === current,
        })),
      )
    },
  }),
  defineNoContentOperation({
    method: 'delete',
    path: '/me/tokens/{id}',
    serviceMethods: [],
    summary: 'End one of your API tokens',
    text: 'It may be the one that you ask with.',
    run: async (context) => {
      const { sessions, signedInUser, caller, id } = context
      const isOwnToken = (await listOwnApiTokens(context)).some((token) => token.id === id)
      const ended = isOwnToken && (await sessions.end(signedInUser, id, caller)).ok
      return ended ? ok(undefined) : failNotFound(`you have no token ${id}`)
    },
  }),
]
