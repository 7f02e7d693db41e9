import type { Context } from 'hono'
import type { SurfaceDialect } from './dialect.ts'

type Handler = (c: Context) => Promise<Response>

/** A path that two vendors' clients call: the credential says whose it is, and `otherwise` has the rest. */
export const byCredential =
  ({ claims }: Pick<SurfaceDialect, 'claims'>, handler: Handler, otherwise: Handler): Handler =>
  (c) =>
    claims(c.req.raw.headers) ? handler(c) : otherwise(c)
