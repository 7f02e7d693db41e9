import { z } from 'zod'
import { ok } from '../domain/failure.ts'
import { PERMISSIONS } from '../domain/role.ts'
import type { Session } from '../service/ports/sign-in.ts'
import { failNotFound } from '../service/service-result.ts'
import {
  defineNoContentOperation,
  defineOperation,
  type Operation,
  type OperationContext,
} from './define.ts'
import { createdAt, createListSchema, id, instant, name, toWholeList } from './fields.ts'
import { user } from './users.ts'

const apiToken = z
  .object({
    id,
    name,
    createdAt,
    seenAt: instant('Time of the last use, to the minute'),
    expiresAt: instant('Time of expiry'),
    current: z.boolean().meta({ description: 'True for the token of this request' }),
  } satisfies Record<Exclude<keyof Session, 'userId' | 'kind'> | 'current', z.ZodType>)
  .meta({ id: 'Token' })

const profile = z
  .object({
    user,
    accountName: z.string(),
    everyAccount: z.boolean().meta({ description: 'True if you see all accounts' }),
    permissions: z.array(z.enum(PERMISSIONS)).meta({ description: 'The permissions of your role' }),
  })
  .meta({ id: 'Me' })

function getSignedIn({ signedIn }: OperationContext) {
  if (signedIn === null) throw new Error('the operator of the machine is no user')
  return signedIn
}

async function listOwnApiTokens(context: OperationContext) {
  const { user, sessions } = getSignedIn(context)
  return (await sessions.list(user)).filter(({ kind }) => kind === 'token')
}

/** A user's own access. A token cannot create a token, because that requires a browser session and the password. */
export const meOperations: readonly Operation[] = [
  defineOperation({
    id: 'me.show',
    method: 'get',
    path: '/me',
    noCommand: 'the command line acts for the operator of the machine, who is no user',
    serviceMethods: [],
    summary: 'Get your user and permissions',
    response: profile,
    run: async (context) => {
      const { user, account } = getSignedIn(context).user
      const { can } = context.services
      return ok({
        user,
        accountName: account.name,
        everyAccount: can('accounts.read'),
        permissions: PERMISSIONS.filter(can),
      })
    },
  }),
  defineOperation({
    id: 'me.tokens',
    method: 'get',
    path: '/me/tokens',
    noCommand: 'the command line acts for the operator of the machine, who is no user',
    serviceMethods: [],
    summary: 'List your API tokens, newest first',
    text: 'Create tokens in the console, under Profile and security.',
    response: createListSchema(apiToken),
    run: async (context) => {
      const current = getSignedIn(context).user.session.id
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
    id: 'me.revokeToken',
    method: 'delete',
    path: '/me/tokens/{id}',
    noCommand: 'the command line acts for the operator of the machine, who is no user',
    serviceMethods: [],
    summary: 'Revoke one of your API tokens',
    text: 'This may be the token of the request itself.',
    run: async (context) => {
      const { caller, id } = context
      const { user, sessions } = getSignedIn(context)
      const isOwnToken = (await listOwnApiTokens(context)).some((token) => token.id === id)
      const hasEnded = isOwnToken && (await sessions.end(user, id, caller)).ok
      return hasEnded ? ok(undefined) : failNotFound(`you have no token ${id}`)
    },
  }),
]
