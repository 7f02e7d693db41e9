import { html } from 'hono/html'

/** A piece of a page: everything put into it is escaped, but other pieces. */
export type Html = ReturnType<typeof html>

export const nothing: Html = html``
