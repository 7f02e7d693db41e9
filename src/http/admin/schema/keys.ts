import { z } from '@hono/zod-openapi'
import { DIALECT_NAMES } from '../../../domain/dialect.ts'
import type { ListedKey } from '../../../service/ports/lists.ts'
import type { KeySummary } from '../../../service/ports.ts'
import { accountId, createdAt, id, instantOrNull, name } from './common.ts'

export const dialect = z.enum(DIALECT_NAMES)
export const keyStatus = z.enum(['enabled', 'disabled', 'revoked'])
export const access = z.enum(['read', 'standard', 'enterprise']).openapi({
  description: 'What it may do on its surface, and how often: `read` changes nothing',
})

export const key = z
  .object({
    id,
    accountId,
    ownerId: z.string().openapi({ description: 'The user who answers for it' }),
    dialect,
    sourceId: z.string().nullable(),
    siteId: z.string().nullable(),
    developerId: z.string().nullable(),
    name,
    description: z.string(),
    reference: z.string().openapi({ description: 'What it is called elsewhere' }),
    publicId: z
      .string()
      .openapi({ description: 'What is presented beside the secret, or names it' }),
    status: keyStatus,
    disabledBy: z.enum(['developer', 'customer', 'operator']).nullable().openapi({
      description: 'Who alone can enable it again',
    }),
    access,
    createdAt,
    assignedAt: instantOrNull('When an office took it into use'),
    expiresAt: instantOrNull('When it ends by itself'),
    disabledAt: instantOrNull('Since when it is disabled'),
    revokedAt: instantOrNull('When it was revoked, for ever'),
    secretReplacedAt: instantOrNull('When its secret was last replaced'),
    previousSecretEndsAt: instantOrNull('Until when the secret before it works too'),
    lastUsedAt: instantOrNull('When it was last used, to the minute'),
    eventId: z.string().openapi({
      description:
        'Its last change. Send it as `seen` with an edit: what others changed is not overwritten.',
    }),
  } satisfies Record<keyof KeySummary, z.ZodType>)
  .openapi('Key')

const orNull = z.string().nullable()

/** As a list tells it, with the names of what it belongs to. */
export const listedKey = z
  .object({
    ...key.shape,
    accountName: z.string(),
    owner: z.object({
      email: z.string(),
      username: orNull,
      leftAt: instantOrNull('When they left; null for who has not'),
    }),
    siteName: orNull,
    sourceName: orNull,
    developerName: orNull,
  } satisfies Record<keyof ListedKey, z.ZodType>)
  .openapi('ListedKey')

export const revealedKey = z
  .object({
    key,
    secret: z.string().openapi({
      description: 'Shown now. It is not shown again, unless keys of its dialect can be viewed.',
    }),
  })
  .openapi('RevealedKey')

const DAY_MS = 86_400_000

/** Days since 1970, as a date of RFC 3339. */
export const day = z
  .codec(z.iso.date(), z.number(), {
    decode: (text) => Date.parse(text) / DAY_MS,
    encode: (number) => new Date(number * DAY_MS).toISOString().slice(0, 10),
  })
  .openapi({ type: 'string', format: 'date', description: 'In UTC' })

export const usesOfDay = z.object({ day, uses: z.number().int() }).openapi('UsesOfDay')
