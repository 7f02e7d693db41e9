import type { Context } from 'hono'
import type { Key } from '../../domain/key.ts'
import type { SurfaceDialect } from '../dialect.ts'
import { sayWho } from '../identity.ts'
import { json } from '../reply.ts'
import { createSurfaces, type SurfaceDeps } from '../surface.ts'
import { isApiKey, isKeyIdAlone, readApiKey } from './credential.ts'
import { refuse, refuseBroken, refuseMethod } from './refusals.ts'

export const xdent: SurfaceDialect = {
  name: 'xdent',
  claims: isApiKey,
  mayClaim: isKeyIdAlone,
  read: readApiKey,
  refuse,
  broken: refuseBroken,
}

/** In any case, with or without a last slash: servers with such names ignore both, and their clients rely on it. */
const IDENTITY = /^\/api\/v1\/identity\/?$/i

/** `/api/v1/*`, every method: Identity is answered here, all else by what stands behind. */
export function xdentApi(deps: SurfaceDeps): (c: Context) => Promise<Response> {
  const surfaces = createSurfaces(deps)
  const handOn = surfaces.handOn(xdent, 'xdent')
  const identity = sayWho(surfaces, xdent, { introduce, notGet: refuseMethod })
  return (c) => (IDENTITY.test(c.req.path) ? identity(c) : handOn(c))
}

const introduce = ({ accountId, account, publicId, name }: Key) =>
  json(200, {
    CompanyId: accountId,
    CompanyName: account.name,
    KeyId: publicId,
    KeyName: name,
  })
