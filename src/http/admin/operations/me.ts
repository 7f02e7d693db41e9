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
    seenAt: instant('Time of the last use, to the minute'),
    expiresAt: instant('Time of expiry'),
    current: z.boolean().openapi({ description: 'True for the token of this request' }),
  } satisfies Record<Exclude<keyof Session, 'userId' | 'kind'> | 'current', z.ZodType>)
  .openapi('Token')

const profile = z
  .object({
    user,
    accountName: z.string(),
    everyAccount: z.boolean().openapi({ description: 'True if you see all accounts' }),
    permissions: z
      .array(z.enum(PERMISSIONS))
      .openapi({ description: 'The permissions of your role' }),
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
    summary: 'Get your user and permissions',
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
    summary: 'List your API tokens, newest first',
    text: 'Create tokens in the console, under Profile and security.',
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
    summary: 'Revoke one of your API tokens',
    text: 'This may be the token of the request itself.',
    run: async (context) => {
      const { sessions, signedInUser, caller, id } = context
      const isOwnToken = (await listOwnApiTokens(context)).some((token) => token.id === id)
      const hasEnded = isOwnToken && (await sessions.end(signedInUser, id, caller)).ok
      return hasEnded ? ok(undefined) : failNotFound(`you have no token ${id}`)
    },
  }),
]
