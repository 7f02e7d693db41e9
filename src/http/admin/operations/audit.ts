import { z } from '@hono/zod-openapi'
import { REQUEST_ID } from '../../reply.ts'
import { lines, type Operation, operation } from '../operation.ts'
import { acceptedRestore, event, explanation, verdict } from '../schema/audit.ts'
import { instant, isId, listOf, ofAccount, paged, paging } from '../schema/common.ts'

const text = z.string().min(1).max(200).optional()
/** Nobody watches how far it is. */
const unwatched = () => undefined

export const audit: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/audit',
    verbs: ['audit.list'],
    summary: 'List what happened, the newest first',
    query: z.strictObject({
      ...paging,
      ...ofAccount,
      subject: isId.openapi({ description: 'Events of what has this id' }),
      actor: isId.openapi({ description: 'Events that this person or key caused' }),
      action: text.openapi({ example: 'key.revoked' }),
      actionPrefix: text.openapi({
        description: '`key.` for everything that happens to keys',
        example: 'key.',
      }),
      since: instant('From this moment on').optional(),
      until: instant('Before this moment').optional(),
    }),
    answer: listOf(event),
    run: ({ desk, query: { limit, after, ...filter } }) =>
      paged({ limit, after }, (page) => desk.audit.list({ ...page, ...filter })),
  }),
  operation({
    method: 'post',
    path: '/audit/verify',
    verbs: ['audit.verify'],
    summary: 'Prove that nobody has changed the audit',
    text: 'Reads the whole chain of all accounts: minutes, where it has millions of events. One at a time: who asks meanwhile is answered 409.',
    answer: verdict,
    run: ({ desk, signal }) => desk.audit.verify(unwatched, signal),
  }),
  operation({
    method: 'post',
    path: '/audit/accept-restore',
    verbs: ['audit.acceptRestore'],
    summary: 'Accept a restored database, so that sealing resumes',
    text: 'Where the audit ends before an event that was signed, nothing is sealed. This accepts the database as it is, as an event of the audit. 409 if there is nothing to accept.',
    answer: acceptedRestore,
    run: ({ desk }) => desk.audit.acceptRestore(),
  }),
  lines({
    method: 'get',
    path: '/audit/export',
    verbs: ['audit.lines'],
    summary: 'Take the audit of all accounts along',
    text: 'JSON lines, up to the last checkpoint; `latchkey audit verify --file` proves them.',
    run: ({ desk }) => desk.audit.lines(unwatched),
  }),
  operation({
    method: 'get',
    path: '/requests/{id}',
    verbs: ['explain'],
    summary: 'Have each decision about a request explained',
    text: `\`id\` is the \`${REQUEST_ID}\` of its answer.`,
    answer: explanation,
    run: ({ desk, id }) => desk.explain(id),
  }),
]
