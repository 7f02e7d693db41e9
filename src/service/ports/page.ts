/**
 * A page of a list: the rows after `after` (a row's id), `limit` at most. Messages and events come
 * newest first, everything else oldest first.
 */
export interface Page {
  readonly after?: string | undefined
  readonly limit: number
}
