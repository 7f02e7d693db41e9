import { type Context, Hono } from 'hono'
import type { InputFailure } from '../../domain/failure.ts'
import { InvalidCursorError } from '../../domain/id.ts'
import type { Caller } from '../../service/audit/buffer.ts'
import { PermissionDeniedError } from '../../service/permissions.ts'
import type { Log } from '../../service/ports/runtime.ts'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import { decodeText, type HttpDeps, identifyCaller, readBody } from '../request.ts'
import { type ConsoleError, renderError } from './errors.ts'

export interface PublicRouterDeps extends HttpDeps {
  readonly consoleUrl: string
  readonly log: Log
}

/** Renders a page that needs no session. */
type PublicPageHandler = (c: Context, caller: Caller) => Promise<Response> | Response
type PublicFormHandler = (c: Context, caller: Caller, form: URLSearchParams) => Promise<Response>

/** The router of pages that need no session. Its forms are still checked for their origin. */
export function createPublicRouter(deps: PublicRouterDeps) {
  const app = new Hono()
  return {
    app,
    page: (path: string, handler: PublicPageHandler) => {
      app.get(path, (c) => handleErrors(deps, c, (caller) => handler(c, caller)))
    },
    form: (path: string, handler: PublicFormHandler) => {
      app.post(path, (c) =>
        handleErrors(deps, c, async (caller) => {
          const form = await readForm(deps, c)
          return typeof form === 'string' ? renderError(c, caller, form) : handler(c, caller, form)
        }),
      )
    },
  }
}

/** Runs `handler`, and renders a page for every error that it throws. */
export async function handleErrors(
  deps: PublicRouterDeps,
  c: Context,
  handler: (caller: Caller) => Promise<Response> | Response,
): Promise<Response> {
  const caller = identifyCaller(deps, c)
  try {
    return await handler(caller)
  } catch (error) {
    if (error instanceof InvalidCursorError) return renderError(c, caller, 'cursor_damaged')
    if (error instanceof PermissionDeniedError) return renderError(c, caller, 'not_allowed')
    deps.log.error({ ...caller, error }, 'a request failed')
    return renderError(
      c,
      caller,
      error instanceof StorageUnavailableError ? 'unavailable' : 'broken',
    )
  }
}

/** The longest text field is 2,000 characters; a test message is the largest form. */
const FORM_LIMIT_BYTES = 256 * 1024

/** Reads a form of the console's own pages, or returns why it cannot. */
export async function readForm(
  { consoleUrl }: PublicRouterDeps,
  c: Context,
): Promise<URLSearchParams | ConsoleError> {
  const hosts = [new URL(consoleUrl).host, c.req.header('host') ?? '']
  if (!isSameOrigin(c.req.raw.headers, hosts)) return 'strange_origin'
  const body = await readBody(c.req.raw, FORM_LIMIT_BYTES)
  if (!body.ok) return toConsoleError(body.failure)
  const text = decodeText(body.value)
  if (!text.ok) return toConsoleError(text.failure)
  return isPercentEncodedUtf8(text.value) ? new URLSearchParams(text.value) : 'body_unreadable'
}

/** Checks the percent-encoding: URLSearchParams replaces invalid UTF-8 by U+FFFD without an error. */
function isPercentEncodedUtf8(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

const toConsoleError = ({ reason }: InputFailure): ConsoleError =>
  reason === 'body_too_large' ? reason : 'body_unreadable'

/**
 * Checks that a page of this server sent the form: by Fetch Metadata, and in browsers without it by the
 * Origin header (RFC 6454 §7). Scripts of other sites cannot set either.
 */
function isSameOrigin(headers: Headers, hosts: readonly string[]): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  const origin = headers.get('origin')
  return origin !== null && URL.canParse(origin) && hosts.includes(new URL(origin).host)
}
