import { fail, ok, type Result, type Unreadable } from '../../domain/failure.ts'

/** The request's whole path and query, under the upstream's origin and base path. */
export function targetOf(requestUrl: string, upstream: URL): Result<URL, Unreadable> {
  const { pathname, search } = new URL(requestUrl)
  if (climbs(pathname)) {
    const detail = 'must have no dot segments'
    return fail({ reason: 'field_invalid', field: 'The path', detail })
  }
  const target = new URL(upstream)
  target.pathname = upstream.pathname.replace(/\/+$/, '') + pathname
  target.search = search
  return ok(target)
}

/**
 * Whether an upstream could take a segment for `.` or `..` (RFC 3986 §3.3) and so serve another path
 * than the one that was judged. Plain ones are resolved in any URL; some servers also see them behind
 * an encoded slash, or before a path parameter (`/..;/`).
 */
function climbs(pathname: string): boolean {
  return pathname
    .replace(/%2e/gi, '.')
    .split(/\/|\\|%2f|%5c/i)
    .some((segment) => /^\.\.?(;|%3b|$)/i.test(segment))
}
