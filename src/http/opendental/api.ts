import type { Context } from 'hono'
import { createSurfaces } from '../surface.ts'
import { opendental } from './dialect.ts'
import { type KeyListDeps, keyList } from './key-list.ts'
import { isApiKeys } from './paths.ts'

/** `/api/v1/*` and `/apikeys`, every method: keys are answered here, data by what stands behind. */
export function opendentalApi(deps: KeyListDeps): (c: Context) => Promise<Response> {
  const handOn = createSurfaces(deps).handOn(opendental, 'opendental')
  const keys = keyList(deps)
  return (c) => (isApiKeys(c.req.path) ? keys(c) : handOn(c))
}
