import { fail, ok, type Result, type Unreadable } from '../../domain/failure.ts'
import { mayClimb, readPath } from '../target.ts'

/** The request's whole path and query, under the upstream's origin and base path. */
export function targetOf(requestUrl: string, upstream: URL): Result<URL, Unreadable> {
  if (mayClimb(readPath(requestUrl))) {
    const detail = 'must have no dot segments and no control characters'
    return fail({ reason: 'field_invalid', field: 'The path', detail })
  }
  const { pathname, search } = new URL(requestUrl)
  const target = new URL(upstream)
  target.pathname = upstream.pathname.replace(/\/+$/, '') + pathname
  target.search = search
  return ok(target)
}
