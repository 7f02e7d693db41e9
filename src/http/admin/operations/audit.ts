import { z } from '@hono/zod-openapi'
import type { Decision, Explanation } from '../../../service/audit/explain.ts'
import type { AuditVerdict, ChainBreak } from '../../../service/audit/verify.ts'
import type { RecordedEvent } from '../../../service/ports/audit.ts'
import { REQUEST_ID_HEADER } from '../../reply.ts'
import { defineJsonLinesOperation, defineOperation, type Operation } from '../operation.ts'
import {
  accountFilter,
  createListSchema,
  id,
  instant,
  instantOrNull,
  optionalIdParameter,
  pageParameters,
  readPage,
} from './fields.ts'

const facts = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
  .openapi({ description: 'As they were sealed: times are milliseconds since 1970' })

export const auditEvent = z
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

const chainBreak = z
  .object({
    sequence: z.number().int(),
    eventId: z.string().nullable(),
    message: z.string(),
  } satisfies Record<keyof ChainBreak, z.ZodType>)
  .openapi('Break')

export const auditVerdict = z
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
    breaks: z.array(chainBreak).readonly(),
    breaksFound: z
      .number()
      .int()
      .openapi({ description: 'All of them: `breaks` has the first ones' }),
  } satisfies Record<keyof AuditVerdict, z.ZodType>)
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

const filterText = z.string().min(1).max(200).optional()
const ignoreProgress = () => undefined

export const auditOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/audit',
    serviceMethods: ['audit.list'],
    summary: 'List what happened, the newest first',
    query: z.strictObject({
      ...pageParameters,
      ...accountFilter,
      subject: optionalIdParameter.openapi({ description: 'Events of what has this id' }),
      actor: optionalIdParameter.openapi({ description: 'Events that this person or key caused' }),
      action: filterText.openapi({ example: 'key.revoked' }),
      actionPrefix: filterText.openapi({
        description: '`key.` for everything that happens to keys',
        example: 'key.',
      }),
      since: instant('From this moment on').optional(),
      until: instant('Before this moment').optional(),
    }),
    response: createListSchema(auditEvent),
    run: ({ services, query: { limit, after, ...filter } }) =>
      readPage({ limit, after }, (page) => services.audit.list({ ...page, ...filter })),
  }),
  defineOperation({
    method: 'post',
    path: '/audit/verify',
    serviceMethods: ['audit.verify'],
    summary: 'Prove that nobody has changed the audit',
    text: 'Reads the whole chain of all accounts: minutes, where it has millions of events. One at a time: who asks meanwhile is answered 409.',
    response: auditVerdict,
    run: ({ services, signal }) => services.audit.verify(ignoreProgress, signal),
  }),
  defineOperation({
    method: 'post',
    path: '/audit/accept-restore',
    serviceMethods: ['audit.acceptRestore'],
    summary: 'Accept a restored database, so that sealing resumes',
    text: 'Where the audit ends before an event that was signed, nothing is sealed. This accepts the database as it is, as an event of the audit. 409 if there is nothing to accept.',
    response: acceptedRestore,
    run: ({ services }) => services.audit.acceptRestore(),
  }),
  defineJsonLinesOperation({
    method: 'get',
    path: '/audit/export',
    serviceMethods: ['audit.exportLines'],
    summary: 'Take the audit of all accounts along',
    text: 'JSON lines, up to the last checkpoint; `latchkey audit verify --file` proves them.',
    run: ({ services }) => services.audit.exportLines(ignoreProgress),
  }),
  defineOperation({
    method: 'get',
    path: '/requests/{id}',
    serviceMethods: ['explain'],
    summary: 'Have each decision about a request explained',
    text: `\`id\` is the \`${REQUEST_ID_HEADER}\` of its answer.`,
    response: explanation,
    run: ({ services, id }) => services.explain(id),
  }),
]
