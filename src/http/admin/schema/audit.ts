import { z } from '@hono/zod-openapi'
import type { Decision, Explanation } from '../../../service/explain.ts'
import type { RecordedEvent } from '../../../service/ports.ts'
import type { Break, Verdict } from '../../../service/verify-chain.ts'
import { id, instant, instantOrNull } from './common.ts'

const facts = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
  .openapi({ description: 'As they were sealed: times are milliseconds since 1970' })

export const event = z
  .object({
    id,
    at: instant('When it happened'),
    actor: z
      .string()
      .openapi({ description: '`operator`, or the id of the user or key that acted' }),
    action: z.string().openapi({ example: 'key.revoked' }),
    subject: z.string().openapi({ description: 'The id of what it happened to' }),
    facts,
    requestId: z.string().nullable(),
    accountId: z.string().nullable(),
  } satisfies Record<keyof RecordedEvent, z.ZodType>)
  .openapi('Event')

const broken = z
  .object({
    sequence: z.number().int(),
    eventId: z.string().nullable(),
    message: z.string(),
  } satisfies Record<keyof Break, z.ZodType>)
  .openapi('Break')

export const verdict = z
  .object({
    whole: z.boolean().openapi({ description: 'Whether nothing was changed, put in or taken out' }),
    events: z.number().int(),
    first: z.number().int(),
    last: z.number().int(),
    checkpoints: z.number().int(),
    signedAt: instantOrNull(
      'When the last checkpoint was signed: what came later may be cut off unseen',
    ),
    anchor: z.number().int().nullable().openapi({
      description:
        'The number of the event that was signed last, as kept outside the database; null if there is none',
    }),
    breaks: z.array(broken).readonly(),
    breaksFound: z
      .number()
      .int()
      .openapi({ description: 'All of them: `breaks` has the first ones' }),
  } satisfies Record<keyof Verdict, z.ZodType>)
  .openapi('Verdict')

export const acceptedRestore = z
  .object({
    from: z.number().int().nullable().openapi({
      description: 'The event number of the previous anchor; null if it could not be read',
    }),
    to: z.number().int().openapi({ description: 'The number of the last event in this database' }),
  })
  .openapi('AcceptedRestore')

const decision = z
  .object({
    at: instant('When it was decided'),
    action: z.string(),
    subject: z.string(),
    facts,
    sentence: z.string(),
    advice: z.string().nullable(),
    address: z.string().nullable(),
    path: z.string().nullable(),
    surface: z.string().nullable(),
    key: z
      .object({
        id,
        publicId: z.string(),
        name: z.string(),
        accountId: z.string(),
        accountName: z.string().nullable(),
      })
      .nullable(),
    answer: z
      .object({ status: z.int(), body: z.string() })
      .nullable()
      .openapi({ description: 'The response that the caller received; null if it was not kept' }),
    count: z.number().int().openapi({ description: 'How many like it this one stands for' }),
  } satisfies Record<keyof Decision, z.ZodType>)
  .openapi('Decision')

export const explanation = z
  .object({
    requestId: z.string(),
    decisions: z.array(decision).readonly(),
  } satisfies Record<keyof Explanation, z.ZodType>)
  .openapi('Explanation')
