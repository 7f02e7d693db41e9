/** The path of a request's target as it was sent, in origin form or in absolute form (RFC 9112 §3.2). */
export function readPath(target: string): string {
  const [, path = ''] = /^(?:[a-z][a-z\d+.-]*:\/\/[^/\\?#]*)?([^?#]*)/i.exec(target) ?? []
  return path
}

/**
 * Whether resolving this path may lead elsewhere (RFC 3986 §5.2.4, and WHATWG's URL, for which `\` is
 * a slash, `%2e` a dot, and tabs and line ends are nothing).
 */
export const hasDotSegment = (path: string): boolean =>
  /(?:^|[/\\])(?:\.|%2e){1,2}(?:[/\\]|$)/i.test(path.replace(/[\t\n\r]/g, ''))

const MAX_DECODED_LAYERS = 4

/**
 * Whether an upstream could take a segment of this path for `.` or `..` and so serve another path than
 * the one that was judged. Some servers decode a path twice, or find a segment's end at an encoded
 * slash, a path parameter (`/..;/`), a blank or a NUL; a control character in a path is never honest.
 */
export function mayClimb(path: string): boolean {
  let text = path
  for (let layer = 0; layer < MAX_DECODED_LAYERS; layer++) {
    if (hasClimbingSegment(text)) return true
    const decoded = decodeOnce(text)
    if (decoded === text) return false
    text = decoded
  }
  return true
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROL = /[\x00-\x1f\x7f]/

const hasClimbingSegment = (text: string): boolean =>
  CONTROL.test(text) ||
  text.split(/[/\\]/).some((segment) => /^\s*\.\.?(?:[\s;?#]|$)/.test(segment))

/** Byte by byte; `%c0%ae` and its kin are overlong UTF-8 (RFC 3629 §3), `%u002e` is of old servers. */
const decodeOnce = (text: string): string =>
  text
    .replace(/%c0%ae|%e0%80%ae|%f0%80%80%ae/gi, '.')
    .replace(/%c0%af|%e0%80%af|%f0%80%80%af|%c1%9c/gi, '/')
    .replace(/%(?:u00)?([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
