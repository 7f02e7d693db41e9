import { getPath } from 'hono/utils/url'

export const AUTHENTICATE = '/auth/authenticate'
export const REFRESH = '/auth/refreshToken'
export const ENDPOINTS = ['/endpoint', '/query'] as const

const CANONICAL_PATHS = new Map(
  [AUTHENTICATE, REFRESH, ...ENDPOINTS].map((path) => [path.toLowerCase(), path]),
)
const MAX_MATCHED_LENGTH = Math.max(...[...CANONICAL_PATHS.keys()].map(({ length }) => length)) + 1

/**
 * The path that a request is routed by. The vendor's four paths match in any case and with a trailing
 * slash, as the vendor's own server (Express) matches them; every other path, and the request's URL,
 * stays as it is.
 */
export function matchPath(request: Request): string {
  const path = getPath(request)
  if (path.length > MAX_MATCHED_LENGTH) return path
  const bare = path.endsWith('/') ? path.slice(0, -1) : path
  return CANONICAL_PATHS.get(bare.toLowerCase()) ?? path
}
