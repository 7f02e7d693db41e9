import type { Context } from 'hono'
import { html, raw } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Caller } from '../../service/caller.ts'
import { createRetryAfterHeader, DATABASE_RETRY_SECONDS, REQUEST_ID_HEADER } from '../reply.ts'
import type { Html } from './components/html.ts'
import { addBasePath, getConsolePaths } from './console-paths.ts'
import type { PageContext } from './context.ts'
import { FLASH_PARAMETER, type FlashName } from './flash.ts'
import { type PageHeading, pageLayout } from './layout.ts'
import { CONSOLE_PATH } from './navigation.ts'

/** Allows only files of this origin, nothing inline, and no framing (CSP Level 3). */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

export const PAGE_SECURITY_HEADERS = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
} as const

export async function renderDocument(
  c: Context,
  caller: Caller,
  body: Html | string,
  status: ContentfulStatusCode = 200,
): Promise<Response> {
  const contentType = 'text/html; charset=utf-8'
  const headers = {
    ...PAGE_SECURITY_HEADERS,
    'Content-Type': contentType,
    [REQUEST_ID_HEADER]: caller.requestId,
  }
  // The database or a free slot is expected back within seconds.
  const retryHeaders = status === 503 ? createRetryAfterHeader(DATABASE_RETRY_SECONDS) : {}
  return c.body(addBasePath(c, String(await body)), status, { ...headers, ...retryHeaders })
}

/** Renders a page of a signed-in user. */
export const renderPage = (
  context: PageContext,
  heading: PageHeading,
  body: Html,
  status: ContentfulStatusCode = 200,
): Promise<Response> =>
  renderDocument(context.c, context.caller, pageLayout(context, heading, body), status)

/** Marks the place of the streamed body in its page. */
const BODY_PLACEHOLDER = '<!--here-->'

/**
 * Streams a page while `writeBody` sends its parts. `writeBody` must not throw; its signal aborts when the
 * client disconnects.
 */
export async function streamPage(
  context: PageContext,
  heading: PageHeading,
  writeBody: (send: (piece: Html) => Promise<void>, signal: AbortSignal) => Promise<void>,
): Promise<Response> {
  const shell = String(await pageLayout(context, heading, html`${raw(BODY_PLACEHOLDER)}`))
  const [before = '', after = ''] = shell.split(BODY_PLACEHOLDER)
  const encoder = new TextEncoder()
  const abort = new AbortController()
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const write = (text: string) => {
        if (!abort.signal.aborted) controller.enqueue(encoder.encode(addBasePath(context.c, text)))
      }
      write(before)
      void writeBody(async (piece) => write(String(await piece)), abort.signal).finally(() => {
        write(after)
        if (!abort.signal.aborted) controller.close()
      })
    },
    cancel() {
      abort.abort()
    },
  })
  const contentType = 'text/html; charset=utf-8'
  const headers = {
    ...PAGE_SECURITY_HEADERS,
    'Content-Type': contentType,
    [REQUEST_ID_HEADER]: context.caller.requestId,
  }
  return context.c.body(body, 200, headers)
}

/** Redirects after a form (303), so that a reload does not send the form again. */
export function redirectToPage(c: Context, path: string, flash?: FlashName): Response {
  const query =
    flash === undefined ? '' : `${path.includes('?') ? '&' : '?'}${FLASH_PARAMETER}=${flash}`
  return c.body(null, 303, {
    Location: getConsolePaths(c).basePath + path + query,
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
  })
}

/** Sends a file. `name` must not come from a request, for it is not escaped. */
export const sendFile = ({ c, caller }: PageContext, name: string, bytes: Uint8Array): Response =>
  c.body(Uint8Array.from(bytes), 200, {
    ...PAGE_SECURITY_HEADERS,
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename="${name}"`,
    [REQUEST_ID_HEADER]: caller.requestId,
  })

/** Sends the suggestions that console.js asks for while the user types. */
export const sendSuggestions = (
  { c }: PageContext,
  suggestions: readonly { readonly value: string; readonly text: string }[],
): Response =>
  c.body(JSON.stringify(suggestions), 200, {
    ...PAGE_SECURITY_HEADERS,
    'Content-Type': 'application/json; charset=utf-8',
  })

/** Returns `path` if it is a page of the console, so that a link cannot redirect users elsewhere. */
export const toConsolePath = (path: string | null | undefined): string =>
  path != null && CONSOLE_PATH_PATTERN.test(path) && !hasDotSegments(path) ? path : CONSOLE_PATH

const CONSOLE_PATH_PATTERN = /^\/console(\/[\w/.~%-]*)?(\?[\w=&.~%+-]*)?$/

/** Resolves the path as browsers do, for which `/console/%2e%2e/x` is `/x`. */
const hasDotSegments = (path: string): boolean => {
  const { pathname, search } = new URL(path, 'http://console.invalid')
  return pathname + search !== path
}
