import { z } from '@hono/zod-openapi'
import { ok, type Result } from '../../domain/failure.ts'
import type { Desk } from '../../service/desk.ts'
import type { Done } from '../../service/operator.ts'
import type { Sessions } from '../../service/people/sessions.ts'
import type { SignedIn } from '../../service/ports/people.ts'
import type { Caller } from '../../service/refused.ts'
import { JSON_TYPE } from '../reply.ts'
import type { TestBench } from '../test-bench.ts'
import { fits } from './given.ts'
import { type Problem, refusedBy } from './problem.ts'
import type { VerbName } from './verbs.ts'

/** Who asks, and of what. */
export interface Asker {
  readonly who: SignedIn
  readonly desk: Desk
  readonly sessions: Sessions
  readonly caller: Caller
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal
  readonly testBench: TestBench
  /** The part of the path that names one thing; empty where the path has none. */
  readonly id: string
}

/** A request, before anybody has looked at what it carries. */
export interface Asked extends Asker {
  readonly query: unknown
  readonly body: unknown
}

/** What goes out. */
export interface Sent {
  readonly status: 200 | 201 | 204
  readonly type: string
  readonly body: string | AsyncIterable<string> | null
}

/** One thing that can be asked for: what the document says of it, and how it is done. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** Below /admin/v1; `{id}` names one thing. */
  readonly path: string
  /** The verbs of the desk that do it, all of one permission; none for what everybody does with his own. */
  readonly verbs: readonly VerbName[]
  readonly summary: string
  readonly text: string | undefined
  readonly query: z.ZodObject
  readonly body: z.ZodObject | null
  /** Bodies that work, by what they show. */
  readonly examples: Readonly<Record<string, object>>
  readonly status: Sent['status']
  /** Null where nothing is answered. */
  readonly answer: { readonly type: string; readonly schema: z.ZodType } | null
  readonly perform: (asked: Asked) => Promise<Result<Sent, Problem>>
}

const NOTHING = z.strictObject({})
type Nothing = typeof NOTHING

interface Spec<Query extends z.ZodObject, Body extends z.ZodObject>
  extends Pick<Operation, 'method' | 'path' | 'verbs' | 'summary'> {
  readonly text?: string
  readonly query?: Query
  readonly body?: Body
  readonly examples?: Readonly<Record<string, z.input<Body> & object>>
}

type Given<Query extends z.ZodObject, Body extends z.ZodObject> = Asker & {
  readonly query: z.output<Query>
  readonly body: z.output<Body>
}

/** Answers one JSON value. What the schema of the answer does not name does not go out. */
export function operation<
  Answer extends z.ZodType,
  Query extends z.ZodObject = Nothing,
  Body extends z.ZodObject = Nothing,
>(
  spec: Spec<Query, Body> & {
    readonly answer: Answer
    readonly creates?: true
    readonly run: (given: Given<Query, Body>) => Promise<Done<z.output<Answer>>>
  },
): Operation {
  const status = spec.creates ? 201 : 200
  return {
    ...described(spec),
    status,
    answer: { type: 'application/json', schema: spec.answer },
    perform: attended(spec, async (given) => {
      const done = await spec.run(given)
      if (!done.ok) return done
      const body = JSON.stringify(z.encode(spec.answer, done.value))
      return ok({ status, type: JSON_TYPE, body })
    }),
  }
}

/** Answers nothing: it is done. */
export const silent = <Query extends z.ZodObject = Nothing, Body extends z.ZodObject = Nothing>(
  spec: Spec<Query, Body> & {
    readonly run: (given: Given<Query, Body>) => Promise<Done<void>>
  },
): Operation => ({
  ...described(spec),
  status: 204,
  answer: null,
  perform: attended(spec, async (given) => {
    const done = await spec.run(given)
    return done.ok ? ok({ status: 204, type: '', body: null } as const) : done
  }),
})

const LINES = 'application/jsonl'

/** Answers lines of JSON, as they are read. */
export const lines = (
  spec: Spec<Nothing, Nothing> & { readonly run: (asker: Asker) => AsyncIterable<string> },
): Operation => ({
  ...described(spec),
  status: 200,
  answer: { type: LINES, schema: z.string() },
  perform: attended(spec, async (given) =>
    ok({ status: 200, type: LINES, body: spec.run(given) } as const),
  ),
})

function described<Query extends z.ZodObject, Body extends z.ZodObject>(spec: Spec<Query, Body>) {
  const { method, path, verbs, summary, text, query, body, examples = {} } = spec
  const shown = { method, path, verbs, summary, text, examples }
  return { ...shown, query: query ?? NOTHING, body: body ?? null }
}

/** With what was given as the schemas want it. */
function attended<Query extends z.ZodObject, Body extends z.ZodObject>(
  spec: Spec<Query, Body>,
  work: (given: Given<Query, Body>) => Promise<Done<Sent>>,
): Operation['perform'] {
  // Where a schema is left out, its type is that of NOTHING.
  const querySchema = (spec.query ?? NOTHING) as Query
  const bodySchema = (spec.body ?? NOTHING) as Body
  return async (asked) => {
    const query = fits(querySchema, asked.query, 'query')
    if (!query.ok) return query
    const body = fits(bodySchema, asked.body, 'body')
    if (!body.ok) return body
    const sent = await work({ ...asked, query: query.value, body: body.value })
    return sent.ok ? sent : { ok: false, failure: refusedBy(sent.failure) }
  }
}
