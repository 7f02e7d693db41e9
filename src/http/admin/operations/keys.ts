import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
import { EXAMPLE } from '../ids.ts'
import { type Operation, operation, silent } from '../operation.ts'
import {
  existingId,
  instant,
  instantOrNull,
  listOf,
  name,
  newId,
  paging,
  whole,
} from '../schema/common.ts'
import { COUNTED, order, questions, questionsOf } from '../schema/key-questions.ts'
import { access, day, dialect, key, listedKey, revealedKey, usesOfDay } from '../schema/keys.ts'

const secret = z.string().optional().openapi({
  description: 'One that another system issued; made here where it is left out',
})
const OVERLAP_MAX_SECONDS = 366 * 86_400
const texts = { description: z.string().optional(), reference: z.string().optional() }

export const keys: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/keys',
    verbs: ['keys.search'],
    summary: 'List and search keys of every dialect',
    query: z.strictObject({ ...questions, order, ...paging }),
    answer: listOf(listedKey),
    run: async ({ desk, query: { order = 'newest', limit = 100, after, ...asked } }) => {
      const found = await desk.keys.search({ ...questionsOf(asked), order, limit, after })
      return ok({ items: found.keys, next: found.next })
    },
  }),
  operation({
    method: 'get',
    path: '/keys/count',
    verbs: ['keys.count'],
    summary: 'Count keys',
    text: `Up to ${COUNTED}: that many are \`${COUNTED}\` or more.`,
    query: z.strictObject(questions),
    answer: z.object({ count: z.number().int() }),
    run: async ({ desk, query }) =>
      ok({ count: await desk.keys.count(questionsOf(query), COUNTED) }),
  }),
  operation({
    method: 'post',
    path: '/keys',
    verbs: ['keys.create'],
    summary: 'Create a key, and be shown its secret',
    text:
      'What a key belongs to is its dialect’s: a source for `redox`, a site for `xenrad`, a developer for ' +
      '`opendental` and `opendental-portal`; its owner alone for `xdent` and `practice`.',
    body: z.strictObject({
      id: newId,
      dialect,
      ownerId: existingId,
      name,
      ...texts,
      sourceId: existingId.optional(),
      siteId: existingId.optional(),
      developerId: existingId.optional(),
      access: access.optional(),
      publicId: existingId.optional().openapi({
        description: 'What another system has called it; made here where it is left out',
      }),
      secret,
      expiresAt: instant('When it ends by itself').optional(),
    }),
    examples: {
      'For an imaging site': {
        id: EXAMPLE.fresh,
        dialect: 'xenrad',
        ownerId: EXAMPLE.user,
        siteId: EXAMPLE.site,
        name: 'Nightly report export',
        access: 'read',
      },
      'For a person, until a date': {
        id: EXAMPLE.fresh,
        dialect: 'xdent',
        ownerId: EXAMPLE.user,
        name: 'Recall reminders',
        expiresAt: '2099-12-31T23:59:59.000Z',
      },
    },
    answer: revealedKey,
    creates: true,
    run: ({ desk, body }) => desk.keys.create(body),
  }),
  operation({
    method: 'get',
    path: '/keys/{id}',
    verbs: ['keys.find'],
    summary: 'Look at a key',
    text: 'By its id or its public id, here as below.',
    answer: key,
    run: ({ desk, id }) => desk.keys.find(id),
  }),
  operation({
    method: 'patch',
    path: '/keys/{id}',
    verbs: ['keys.edit'],
    summary: 'Edit a key',
    text: 'What is left out stays as it is.',
    body: z.strictObject({
      name: name.optional(),
      ...texts,
      ownerId: existingId.optional(),
      access: access.optional(),
      expiresAt: instantOrNull('When it ends by itself; null for never').optional(),
      seen: z.string().optional().openapi({
        description:
          '`eventId` of the key as you saw it: if others changed it since, 409, and nothing is changed',
      }),
    }),
    examples: {
      'What it is for': { description: 'Sends reminders', seen: EXAMPLE.keyEvent },
      'It never ends by itself': { expiresAt: null },
    },
    answer: key,
    run: ({ desk, id, body }) => desk.keys.edit(id, body),
  }),
  operation({
    method: 'get',
    path: '/keys/{id}/uses',
    verbs: ['keys.uses'],
    summary: 'Count the uses of a key, a day at a time',
    text: 'Days without a use are left out.',
    query: z.strictObject({
      from: day.openapi({ example: '2026-11-01', description: 'The first day, in UTC' }),
    }),
    answer: listOf(usesOfDay),
    run: async ({ desk, id, query }) => {
      const uses = await desk.keys.uses(id, query.from)
      return uses.ok ? whole(uses.value) : uses
    },
  }),
  operation({
    method: 'post',
    path: '/keys/{id}/view',
    verbs: ['keys.view'],
    summary: 'Be shown the secret of a key again',
    text: 'Where its dialect has it: `opendental` and `practice`. Each view is in the audit.',
    answer: revealedKey,
    run: ({ desk, id }) => desk.keys.view(id),
  }),
  operation({
    method: 'post',
    path: '/keys/{id}/rotate',
    verbs: ['keys.rotateSecret'],
    summary: 'Replace the secret of a key',
    text:
      'Without an overlap the old secret, and every token issued before, end at once; with one, both ' +
      'secrets work until then.',
    body: z.strictObject({
      secret,
      overlapSeconds: z
        .number()
        .int()
        .min(1)
        .max(OVERLAP_MAX_SECONDS)
        .optional()
        .openapi({ description: 'How long the old secret works too' }),
      seen: z.string().optional().openapi({
        description: '`eventId` of the key as you saw it: sent again, the request rotates nothing',
      }),
    }),
    examples: {
      'A day for the change-over': { overlapSeconds: 86_400, seen: EXAMPLE.keyEvent },
      'At once': {},
    },
    answer: revealedKey,
    run: ({ desk, id, body: { secret, overlapSeconds, seen } }) => {
      const overlapMs = overlapSeconds === undefined ? undefined : overlapSeconds * 1000
      return desk.keys.rotateSecret(id, { secret, overlapMs, seen })
    },
  }),
  operation({
    method: 'post',
    path: '/keys/{id}/assign',
    verbs: ['keys.assign'],
    summary: 'Assign a customer key to an office, or take it back',
    text: 'For `opendental`: a key opens nothing before.',
    body: z.strictObject({
      siteId: existingId.nullable().openapi({ description: 'The office; null takes it back' }),
    }),
    examples: { 'To an office': { siteId: EXAMPLE.site }, 'Taken back': { siteId: null } },
    answer: key,
    run: ({ desk, id, body }) => desk.keys.assign(id, body.siteId),
  }),
  operation({
    method: 'post',
    path: '/keys/{id}/disable',
    verbs: ['keys.disable'],
    summary: 'Disable a key',
    text: 'In force at the next request.',
    answer: key,
    run: ({ desk, id }) => desk.keys.disable(id),
  }),
  operation({
    method: 'post',
    path: '/keys/{id}/enable',
    verbs: ['keys.enable'],
    summary: 'Enable a key again',
    text: 'Not one that its developer or customer has disabled: they alone undo that.',
    answer: key,
    run: ({ desk, id }) => desk.keys.enable(id),
  }),
  operation({
    method: 'post',
    path: '/keys/{id}/revoke',
    verbs: ['keys.revoke'],
    summary: 'Revoke a key, for ever',
    text: 'It stays listed.',
    answer: key,
    run: ({ desk, id }) => desk.keys.revoke(id),
  }),
  silent({
    method: 'delete',
    path: '/keys/{id}',
    verbs: ['keys.remove'],
    summary: 'Delete a key',
    text: 'Where its dialect has it: `xdent` and `practice`. The audit keeps what was.',
    run: ({ desk, id }) => desk.keys.remove(id),
  }),
]
