import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
import { PERMISSIONS } from '../../../domain/role.ts'
import type { Session } from '../../../service/ports/sign-in.ts'
import { failNotFound } from '../../../service/service-result.ts'
import {
  defineNoContentOperation,
  defineOperation,
  type Operation,
  type OperationContext,
} from '../operation.ts'
import { createdAt, createListSchema, id, instant, name, toWholeList } from './fields.ts'
import { user } from './users.ts'

const apiToken = z
  .object({
    id,
    name,
    createdAt,
    seenAt: instant('When it was last used, to the minute'),
    expiresAt: instant('When it ends'),
    current: z.boolean().openapi({ description: 'Whether it is the token of this request' }),
  } satisfies Record<Exclude<keyof Session, 'userId' | 'kind'> | 'current', z.ZodType>)
  .openapi('Token')

const profile = z
  .object({
    user,
    accountName: z.string(),
    everyAccount: z.boolean().openapi({ description: 'Whether you see all accounts, or your own' }),
    permissions: z.array(z.enum(PERMISSIONS)).openapi({ description: 'What your role allows' }),
  })
  .openapi('Me')

const listOwnApiTokens = async ({ sessions, signedInUser }: OperationContext) =>
  (await sessions.list(signedInUser)).filter(({ kind }) => kind === 'token')

/** A user's own access. A token cannot create a token, because that requires a browser session and the password. */
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
      const hasEnded = isOwnToken && (await sessions.end(signedInUser, id, caller)).ok
      return hasEnded ? ok(undefined) : failNotFound(`you have no token ${id}`)
    },
  }),
]
