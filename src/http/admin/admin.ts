import { type Context, Hono } from 'hono'
import { parseBasePath } from '../../domain/base-path.ts'
import { fail, ok, type Result } from '../../domain/failure.ts'
import { DamagedCursor, toStoredId } from '../../domain/id.ts'
import type { DeskOf } from '../../service/desk.ts'
import { Forbidden } from '../../service/permits.ts'
import type { SignedIn } from '../../service/ports/people.ts'
import { type Log, Unavailable } from '../../service/ports.ts'
import type { Caller } from '../../service/refused.ts'
import { callerOf, type HttpDeps } from '../caller.ts'
import type { Api } from '../openapi.ts'
import { DATABASE_BACK_SECONDS, jsonText, toResponse } from '../reply.ts'
import type { TestBench } from '../test-bench.ts'
import { documentOf } from './document.ts'
import { createGate, type GateDeps } from './gate.ts'
import { readGivenBody, readQuery } from './given.ts'
import type { Operation, Sent } from './operation.ts'
import { GROUPS } from './operations.ts'
import { type Problem, problemReply } from './problem.ts'
import { streamed } from './streamed.ts'
import { permissionOf } from './verbs.ts'

export const ADMIN = '/admin/v1'

export interface AdminDeps extends HttpDeps, GateDeps {
  readonly deskOf: DeskOf
  readonly log: Log
  readonly testBench: TestBench
  /** Public URL that this API is below. */
  readonly consoleUrl: string
  /** The document as a page. */
  readonly showReference: (c: Context, caller: Caller, api: Api) => Promise<Response>
}

/** The desk, for programs. */
export function createAdmin(deps: AdminDeps): Hono {
  const { deskOf, sessions, log, testBench } = deps
  const enter = createGate(deps)
  const basePath = parseBasePath(deps.consoleUrl)
  const refused = (caller: Caller, problem: Problem) =>
    told(problemReply(problem, caller.requestId, basePath), caller)
  const app = new Hono()
  const apiText = JSON.stringify(documentOf(GROUPS, deps.consoleUrl))
  const api: Api = JSON.parse(apiText)

  // Public: it is the same on every server of this release, and tells nothing of this one.
  app.get(`${ADMIN}/openapi.json`, (c) => told(jsonText(200, apiText), callerOf(deps, c)))
  app.get(`${ADMIN}/reference`, (c) => attend(c, (caller) => deps.showReference(c, caller, api)))

  const operations = GROUPS.flatMap((group) => group.operations)
  for (const operation of operations) {
    const path = routeOf(operation.path)
    app.on(operation.method.toUpperCase(), path, (c) =>
      attend(c, (caller) => serve(c, caller, operation)),
    )
  }
  const methods = Map.groupBy(operations, ({ path }) => path)
  for (const [path, its] of methods) {
    const allowed = its.map(({ method }) => method.toUpperCase())
    const Allow = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])].join(', ')
    app.all(routeOf(path), (c) =>
      refused(callerOf(deps, c), {
        kind: 'method_not_allowed',
        detail: `it knows ${Allow}`,
        headers: { Allow },
      }),
    )
  }
  app.all('*', (c) =>
    refused(callerOf(deps, c), {
      kind: 'not_found',
      detail: `${ADMIN}/reference shows every path that there is`,
    }),
  )
  return app

  async function serve(c: Context, caller: Caller, operation: Operation): Promise<Response> {
    const sent = await perform(c, caller, operation)
    return sent.ok ? answered(sent.value, caller) : refused(caller, sent.failure)
  }

  async function perform(
    c: Context,
    caller: Caller,
    operation: Operation,
  ): Promise<Result<Sent, Problem>> {
    const entered = await enter(c.req.raw.headers, caller)
    if (!entered.ok) return entered
    const who = entered.value
    const desk = deskFor(who, caller)
    const [verb] = operation.verbs
    const permission = verb === undefined ? null : permissionOf(verb)
    if (permission !== null && !desk.may(permission)) return fail(notAllowed(permission))
    const query = readQuery(new URL(c.req.url).searchParams)
    if (!query.ok) return query
    const body = ['get', 'delete'].includes(operation.method)
      ? ok({})
      : await readGivenBody(c.req.raw)
    if (!body.ok) return body
    const id = toStoredId(c.req.param('id') ?? '')
    const { signal } = c.req.raw
    const asker = { who, desk, sessions, caller, id, signal, testBench }
    return operation.perform({ ...asker, query: query.value, body: body.value })
  }

  function deskFor({ user, account }: SignedIn, { requestId }: Caller) {
    const accountId = user.role === 'operator' ? null : account.id
    return deskOf({ actor: user.id, role: user.role, accountId, requestId })
  }

  async function attend(
    c: Context,
    work: (caller: Caller) => Promise<Response>,
  ): Promise<Response> {
    const caller = callerOf(deps, c)
    try {
      return await work(caller)
    } catch (error) {
      if (error instanceof DamagedCursor) {
        const errors = [{ parameter: 'after', detail: error.message }]
        return refused(caller, { kind: 'invalid', detail: error.message, errors })
      }
      if (error instanceof Forbidden) return refused(caller, notAllowed(error.permission))
      // Work for an answer that nobody waits for any more was called off: that is no fault.
      const { signal } = c.req.raw
      const isCalledOff = signal.aborted && error === signal.reason
      if (isCalledOff) log.info({ ...caller }, 'a request was called off')
      else log.error({ ...caller, error }, 'a request failed')
      return refused(caller, error instanceof Unavailable ? AWAY : BROKEN)
    }
  }
}

const routeOf = (path: string) => ADMIN + path.replaceAll(/\{(\w+)\}/g, ':$1')

const told = (reply: Parameters<typeof toResponse>[0], { requestId }: Caller) =>
  toResponse(reply, requestId)

function answered({ status, type, body }: Sent, caller: Caller): Response {
  if (body === null) return withoutBody(status, caller)
  return typeof body === 'string'
    ? told({ status, type, body }, caller)
    : streamed(told({ status, type, body: '' }, caller), body)
}

function withoutBody(status: number, caller: Caller): Response {
  const { headers } = told({ status: 200, type: '', body: '' }, caller)
  headers.delete('Content-Type')
  return new Response(null, { status, headers })
}

const notAllowed = (permission: Forbidden['permission']): Problem => ({
  kind: 'forbidden',
  detail: `this needs the permission ${permission}`,
  permission,
})

const AWAY: Problem = {
  kind: 'unavailable',
  detail: 'whether a change was made is in the audit',
  retryAfterSeconds: DATABASE_BACK_SECONDS,
}
const BROKEN: Problem = { kind: 'broken', detail: 'try again, or look into the log' }
