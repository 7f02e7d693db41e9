/** A cursor that no list has given out, or that another order has: an empty list would be a lie. */
export class DamagedCursor extends Error {
  override name = 'DamagedCursor'

  constructor() {
    super('`after` is no cursor of this list: begin with its first page')
  }
}

/**
 * A page of a list: the rows after `after` (a row's id), `limit` at most. Messages and events come
 * newest first, everything else oldest first.
 */
export interface Page {
  readonly after?: string | undefined
  readonly limit: number
}
