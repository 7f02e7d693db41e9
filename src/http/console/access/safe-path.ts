/** Only to a page of the console: a link must not send anybody elsewhere by way of us. */
export const safePath = (path: string | null | undefined): string =>
  path != null && /^\/console(\/[\w/.~%-]*)?(\?[\w=&.~%+-]*)?$/.test(path) ? path : '/console'
