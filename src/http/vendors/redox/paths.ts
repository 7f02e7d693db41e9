import { getPath } from 'hono/utils/url'

export const AUTHENTICATE_PATH = '/auth/authenticate'
export const REFRESH_PATH = '/auth/refreshToken'
export const MESSAGE_PATHS = ['/endpoint', '/query'] as const

const CANONICAL_PATHS = new Map(
  [AUTHENTICATE_PATH, REFRESH_PATH, ...MESSAGE_PATHS].map((path) => [path.toLowerCase(), path]),
)
const MAX_MATCHED_LENGTH = Math.max(...[...CANONICAL_PATHS.keys()].map(({ length }) => length)) + 1

/**
 * Returns the path that a request is routed by. The vendor's four paths match in any case and with a trailing
 * slash, as on the vendor's own server (Express); every other path, and the request's URL, stays unchanged.
 */
export function matchRedoxPath(request: Request): string {
  const path = getPath(request)
  if (path.length > MAX_MATCHED_LENGTH) return path
  const bare = path.endsWith('/') ? path.slice(0, -1) : path
  return CANONICAL_PATHS.get(bare.toLowerCase()) ?? path
}
