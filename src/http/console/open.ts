import { type Context, Hono } from 'hono'
import type { Unreadable } from '../../domain/failure.ts'
import { DamagedCursor } from '../../domain/id.ts'
import { Forbidden } from '../../service/permits.ts'
import { type Log, Unavailable } from '../../service/ports.ts'
import type { Caller } from '../../service/refused.ts'
import { decodeText, readBody } from '../body.ts'
import { callerOf, type HttpDeps } from '../caller.ts'
import { isSameOrigin } from './origin.ts'
import { type Problem, problem } from './problem.ts'

export interface OpenDeps extends HttpDeps {
  readonly consoleUrl: string
  readonly log: Log
}

/** A page for who is not signed in. */
export type OpenScreen = (c: Context, caller: Caller) => Promise<Response> | Response
export type OpenAct = (c: Context, caller: Caller, form: URLSearchParams) => Promise<Response>

/** The few pages for who is not signed in. A form of theirs has no session to be stolen, but an origin. */
export function createOpenArea(deps: OpenDeps) {
  const app = new Hono()
  return {
    app,
    show: (path: string, screen: OpenScreen) => {
      app.get(path, (c) => attend(deps, c, (caller) => screen(c, caller)))
    },
    act: (path: string, screen: OpenAct) => {
      app.post(path, (c) =>
        attend(deps, c, async (caller) => {
          const form = await readForm(deps, c)
          return typeof form === 'string' ? problem(c, caller, form) : screen(c, caller, form)
        }),
      )
    },
  }
}

/** An answer in any case: what breaks is told as a page too. */
export async function attend(
  deps: OpenDeps,
  c: Context,
  work: (caller: Caller) => Promise<Response> | Response,
): Promise<Response> {
  const caller = callerOf(deps, c)
  try {
    return await work(caller)
  } catch (error) {
    if (error instanceof DamagedCursor) return problem(c, caller, 'cursor_damaged')
    if (error instanceof Forbidden) return problem(c, caller, 'not_allowed')
    deps.log.error({ ...caller, error }, 'a request failed')
    return problem(c, caller, error instanceof Unavailable ? 'unavailable' : 'broken')
  }
}

/** The longest text field is 2,000 characters; a test message is the largest form. */
const LIMIT_BYTES = 256 * 1024

/** What a page of ours has sent, or why it is not read. */
export async function readForm(
  { consoleUrl }: OpenDeps,
  c: Context,
): Promise<URLSearchParams | Problem> {
  const hosts = [new URL(consoleUrl).host, c.req.header('host') ?? '']
  if (!isSameOrigin(c.req.raw.headers, hosts)) return 'strange_origin'
  const body = await readBody(c.req.raw, LIMIT_BYTES)
  if (!body.ok) return problemOf(body.failure)
  const text = decodeText(body.value)
  if (!text.ok) return problemOf(text.failure)
  return isEscapedText(text.value) ? new URLSearchParams(text.value) : 'body_unreadable'
}

/** What is escaped is UTF-8 too: a parser of forms puts U+FFFD for what is not, and says nothing. */
function isEscapedText(escaped: string): boolean {
  try {
    decodeURIComponent(escaped)
    return true
  } catch {
    return false
  }
}

const problemOf = ({ reason }: Unreadable): Problem =>
  reason === 'body_too_large' ? reason : 'body_unreadable'
