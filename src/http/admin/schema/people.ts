import { z } from '@hono/zod-openapi'
import { PERMISSIONS, ROLES } from '../../../domain/role.ts'
import type { Session } from '../../../service/ports/people.ts'
import type { Account, AddressRule, User } from '../../../service/ports.ts'
import { accountId, createdAt, id, instant, instantOrNull, name } from './common.ts'

export const accountStatus = z.enum(['open', 'closed'])
export const departedKeys = z.enum(['keep', 'disable']).openapi({
  description: 'What becomes of the keys of an owner who leaves. They are flagged either way.',
})
export const role = z.enum(ROLES)

export const account = z
  .object({
    id,
    name,
    region: z.string(),
    status: accountStatus,
    createdAt,
    departedKeys,
    addressesEnforced: z.boolean().openapi({
      description:
        'Whether its keys work from the listed addresses only. An empty list enforces nothing.',
    }),
  } satisfies Record<keyof Account, z.ZodType>)
  .openapi('Account')

export const addressRule = z
  .object({
    id,
    accountId,
    network: z
      .string()
      .openapi({ description: 'An IPv4 or IPv6 network', example: '203.0.113.0/24' }),
    note: z.string(),
    createdAt,
  } satisfies Record<keyof AddressRule, z.ZodType>)
  .openapi('AddressRule')

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

export const token = z
  .object({
    id,
    name,
    createdAt,
    seenAt: instant('When it was last used, to the minute'),
    expiresAt: instant('When it ends'),
    current: z.boolean().openapi({ description: 'Whether it is the token of this request' }),
  } satisfies Record<Exclude<keyof Session, 'userId' | 'kind'> | 'current', z.ZodType>)
  .openapi('Token')

export const me = z
  .object({
    user,
    accountName: z.string(),
    everyAccount: z.boolean().openapi({ description: 'Whether you see all accounts, or your own' }),
    permissions: z.array(z.enum(PERMISSIONS)).openapi({ description: 'What your role allows' }),
  })
  .openapi('Me')
