import { z } from 'zod'
import { ok } from '../domain/failure.ts'
import type { Decision, Explanation } from '../service/audit/explain.ts'
import type { AuditVerdict, ChainBreak } from '../service/audit/verify.ts'
import type { RecordedEvent } from '../service/ports/audit.ts'
import { defineJsonLinesOperation, defineOperation, type Operation } from './define.ts'
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
  .meta({ description: 'As sealed; times are milliseconds since 1970' })

const auditEvent = z
  .object({
    id,
    at: instant('Time of the event'),
    actor: z.string().meta({ description: '`operator`, or the id of the user or key that acted' }),
    action: z.string().meta({ example: 'key.revoked' }),
    subject: z.string().meta({ description: 'Id of the changed resource' }),
    facts,
    requestId: z.string().nullable(),
    accountId: z.string().nullable(),
  } satisfies Record<keyof RecordedEvent, z.ZodType>)
  .meta({ id: 'Event' })

const chainBreak = z
  .object({
    sequence: z.number().int(),
    eventId: z.string().nullable(),
    message: z.string(),
  } satisfies Record<keyof ChainBreak, z.ZodType>)
  .meta({ id: 'Break' })

export const auditVerdict = z
  .object({
    whole: z.boolean().meta({ description: 'True if no event was changed, inserted or removed' }),
    events: z.number().int(),
    first: z.number().int(),
    last: z.number().int(),
    checkpoints: z.number().int(),
    signedAt: instantOrNull(
      'Time of the last signed checkpoint; removal of later events cannot be detected',
    ),
    anchor: z.number().int().nullable().meta({
      description:
        'Number of the last signed event, as stored outside the database; null if there is none',
    }),
    breaks: z.array(chainBreak).readonly(),
    breaksFound: z
      .number()
      .int()
      .meta({ description: 'Number of all breaks; `breaks` lists the first' }),
  } satisfies Record<keyof AuditVerdict, z.ZodType>)
  .meta({ id: 'Verdict' })

const acceptedRestore = z
  .object({
    from: z.number().int().nullable().meta({
      description: 'Event number of the previous anchor; null if it could not be read',
    }),
    to: z.number().int().meta({ description: 'Number of the last event in this database' }),
  })
  .meta({ id: 'AcceptedRestore' })

const decision = z
  .object({
    at: instant('Time of the decision'),
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
      .meta({ description: 'The response that the caller received; null if it was not kept' }),
    count: z
      .number()
      .int()
      .meta({ description: 'Number of similar decisions that this one represents' }),
  } satisfies Record<keyof Decision, z.ZodType>)
  .meta({ id: 'Decision' })

export const explanation = z
  .object({
    requestId: z.string(),
    decisions: z.array(decision).readonly(),
  } satisfies Record<keyof Explanation, z.ZodType>)
  .meta({ id: 'Explanation' })

const filterText = z.string().min(1).max(200).optional()
const ignoreProgress = () => undefined

export const auditOperations: readonly Operation[] = [
  defineOperation({
    id: 'audit.list',
    method: 'get',
    path: '/audit',
    columns: ['at', 'actor', 'action', 'subject', 'requestId', 'facts'],
    commandLines: ['audit list --limit 20', 'audit list --action key.refused --since 2027-01-31'],
    serviceMethods: ['audit.list'],
    summary: 'List audit events, newest first',
    query: z.strictObject({
      ...pageParameters,
      ...accountFilter,
      subject: optionalIdParameter.meta({
        description: 'Only events of the resource with this id',
      }),
      actor: optionalIdParameter.meta({
        description: 'Only events that this user or key caused',
      }),
      action: filterText.meta({ example: 'key.revoked' }),
      actionPrefix: filterText.meta({
        description: '`key.` for all events of keys',
        example: 'key.',
      }),
      since: instant('From this time on').optional(),
      until: instant('Before this time').optional(),
    }),
    response: createListSchema(auditEvent),
    run: ({ services, query: { limit, after, ...filter } }) =>
      readPage({ limit, after }, (page) => services.audit.list({ ...page, ...filter })),
  }),
  defineOperation({
    id: 'audit.verify',
    method: 'post',
    path: '/audit/verify',
    noCommand: '`latchkey audit verify` shows its progress, and reads exported files too',
    serviceMethods: ['audit.verify'],
    summary: 'Verify the audit',
    text: 'Reads the whole chain of all accounts, which takes minutes for millions of events. Only one verification runs at a time; another gets 409.',
    response: auditVerdict,
    run: ({ services, signal }) => services.audit.verify(ignoreProgress, signal),
  }),
  defineOperation({
    id: 'audit.acceptRestore',
    method: 'post',
    path: '/audit/accept-restore',
    noCommand: '`latchkey audit accept-restore` exits with 0 also if there is nothing to accept',
    serviceMethods: ['audit.acceptRestore'],
    summary: 'Accept a restored database, so that sealing resumes',
    text: 'If the audit ends before the last signed event, sealing stops. This accepts the database as it is, and records that in the audit. 409 if there is nothing to accept.',
    response: acceptedRestore,
    run: ({ services }) => services.audit.acceptRestore(),
  }),
  defineJsonLinesOperation({
    id: 'audit.export',
    method: 'get',
    path: '/audit/export',
    noCommand: '`latchkey audit export` writes a file',
    serviceMethods: ['audit.exportLines'],
    summary: 'Export the audit of all accounts',
    text: 'JSON lines up to the last checkpoint. Verify them with `latchkey audit verify --file`.',
    run: async ({ services }) => ok(services.audit.exportLines(ignoreProgress)),
  }),
  defineOperation({
    id: 'requests.explain',
    method: 'get',
    path: '/requests/{id}',
    noCommand: '`latchkey explain` prints sentences',
    serviceMethods: ['audit.explain'],
    summary: 'Explain the decisions about a request',
    text: '`id` is the request id, which the response has in its header.',
    response: explanation,
    run: ({ services, id }) => services.audit.explain(id),
  }),
]
