/** Only to a page of the console: a link must not send anybody elsewhere by way of us. */
export const safePath = (path: string | null | undefined): string =>
  path != null && CONSOLE_PATH.test(path) && !hasDotSegments(path) ? path : '/console'

const CONSOLE_PATH = /^\/console(\/[\w/.~%-]*)?(\?[\w=&.~%+-]*)?$/

/** Resolves the path as browsers do, for which `/console/%2e%2e/x` is `/x`. */
const hasDotSegments = (path: string): boolean => {
  const { pathname, search } = new URL(path, 'http://console.invalid')
  return pathname + search !== path
}
