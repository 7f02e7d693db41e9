/** Only to a page of the console: a link must not send anybody elsewhere by way of us. */
export const safePath = (path: string | null | undefined): string =>
  path != null && PAGE.test(path) && !hasDotSegments(path) ? path : '/console'

const PAGE = /^\/console(\/[\w/.~%-]*)?(\?[\w=&.~%+-]*)?$/

/** As browsers see them: `/console/%2e%2e/x` is `/x` there. */
const hasDotSegments = (path: string): boolean => {
  const { pathname, search } = new URL(path, 'http://console.invalid')
  return pathname + search !== path
}
