export const EXPLAIN = '/console/explain'

/** Where a request is explained. */
export const explainPath = (requestId: string): string =>
  `${EXPLAIN}?request=${encodeURIComponent(requestId)}`
