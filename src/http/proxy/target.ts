import { fail, type InputFailure, ok, type Result } from '../../domain/failure.ts'

/** Extracts the path of a request target as sent, in origin form or absolute form (RFC 9112 §3.2). */
export function parseTargetPath(target: string): string {
  const rest = target.startsWith('/')
    ? target
    : target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/\\?#]*/i, '')
  const end = rest.search(/[?#]/)
  return end === -1 ? rest : rest.slice(0, end)
}

/**
 * Finds dot segments in a path (RFC 3986 §5.2.4, and the WHATWG URL Standard, for which `\` is a
 * slash, `%2e` is a dot, and tabs and line ends are ignored).
 */
export const hasDotSegment = (path: string): boolean =>
  /(?:^|[/\\])(?:\.|%2e){1,2}(?:[/\\]|$)/i.test(path.replace(/[\t\n\r]/g, ''))

const MAX_DECODED_LAYERS = 4

/**
 * Finds segments that an upstream could read as `.` or `..`, and so serve a path that was not authorized.
 * Some servers decode a path twice, or end a segment at an encoded slash, a
 * path parameter (`/..;/`), a blank or a NUL. Every control character is refused.
 */
function hasHiddenDotSegment(path: string): boolean {
  let text = path
  for (let layer = 0; layer < MAX_DECODED_LAYERS; layer++) {
    if (hasDecodedDotSegment(text)) return true
    const decoded = decodeLayer(text)
    if (decoded === text) return false
    text = decoded
  }
  return true
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern must find them.
const CONTROL_CHARACTER = /[\x00-\x1f\x7f]/

const hasDecodedDotSegment = (text: string): boolean =>
  CONTROL_CHARACTER.test(text) ||
  text.split(/[/\\]/).some((segment) => /^\s*\.\.?(?:[\s;?#]|$)/.test(segment))

/** Decodes one layer byte by byte, including overlong UTF-8 such as `%c0%ae` (RFC 3629 §3), and `%u002e`. */
const decodeLayer = (text: string): string =>
  text
    .replace(/%c0%ae|%e0%80%ae|%f0%80%80%ae/gi, '.')
    .replace(/%c0%af|%e0%80%af|%f0%80%80%af|%c1%9c/gi, '/')
    .replace(/%(?:u00)?([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )

/** Puts the request's whole path and query under the upstream's origin and base path. */
export function createTargetUrl(requestUrl: string, upstream: URL): Result<URL, InputFailure> {
  if (hasHiddenDotSegment(parseTargetPath(requestUrl))) {
    const detail = 'must have no dot segments and no control characters'
    return fail({ reason: 'field_invalid', field: 'The path', detail })
  }
  const { pathname, search } = new URL(requestUrl)
  const target = new URL(upstream)
  target.pathname = upstream.pathname.replace(/\/+$/, '') + pathname
  target.search = search
  return ok(target)
}
