import type { Context } from 'hono'
import type { Key } from '../../domain/key.ts'
import type { SurfaceDialect } from '../dialect.ts'
import { sayWho } from '../identity.ts'
import { json } from '../reply.ts'
import { createSurfaces, type SurfaceDeps } from '../surface.ts'
import { isBasic, readBasic } from './credential.ts'
import { refuse, refuseBroken, refuseMethod } from './refusals.ts'

export const practice: SurfaceDialect = {
  name: 'practice',
  claims: isBasic,
  read: readBasic,
  refuse,
  broken: refuseBroken,
}

/** What a connection is tested with, and named by. */
const ME = '/practice/v1/me'

/** `/practice/v1/*`, every method: who it is is answered here, all else by what stands behind. */
export function practiceApi(deps: SurfaceDeps): (c: Context) => Promise<Response> {
  const surfaces = createSurfaces(deps)
  const handOn = surfaces.handOn(practice, 'practice')
  const me = sayWho(surfaces, practice, { introduce, notGet: refuseMethod })
  return (c) => (c.req.path === ME ? me(c) : handOn(c))
}

/** Names are for people and change; ids stay. */
const introduce = ({ username, accountId, account, publicId, name }: Key) =>
  json(200, {
    username,
    account: { id: accountId, name: account.name },
    key: { id: publicId, name },
  })
