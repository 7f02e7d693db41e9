import type { Context, Hono } from 'hono'

/** What people work with, from its first request on: it is most of the code, and most processes are asked for none of it. */
export function later(begin: () => Promise<Hono>): (c: Context) => Promise<Response> {
  let begun: Promise<Hono> | undefined
  async function part(): Promise<Hono> {
    begun ??= begin()
    try {
      return await begun
    } catch (error) {
      // A file could not be opened, where too many are: the next request tries again.
      begun = undefined
      throw error
    }
  }
  return async (c) => (await part()).fetch(c.req.raw, c.env)
}
