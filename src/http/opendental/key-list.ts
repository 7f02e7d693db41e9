import type { Context } from 'hono'
import { ok, type Result, type SurfaceFailure } from '../../domain/failure.ts'
import { mayManage, type Portal } from '../../domain/portal.ts'
import type { CustomerKeyRefusal, CustomerKeys } from '../../service/customer-keys.ts'
import type { Revealed } from '../../service/keys/find.ts'
import type { Clock } from '../../service/ports.ts'
import { json, type Reply, toResponse } from '../reply.ts'
import { createSurfaces, type SurfaceDeps } from '../surface.ts'
import { opendental } from './dialect.ts'
import { readNoParameters, readParameters } from './parameters.ts'
import { isBelowApiKeys } from './paths.ts'
import { readChange, recordOf } from './record.ts'
import { refuseKey, refuseMethod, refuseResource } from './refusals.ts'

export interface KeyListDeps extends SurfaceDeps {
  readonly customerKeys: CustomerKeys
  readonly clock: Clock
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT']

/** An answer, or why the customer key was left as it is; or what is wrong with the request. */
type Answered = Result<Result<Reply, CustomerKeyRefusal>, SurfaceFailure>

/** `/apikeys`: what a developer does with his customer keys, by his own key. */
export function keyList(deps: KeyListDeps): (c: Context) => Promise<Response> {
  const { customerKeys, authenticate, clock } = deps
  const surfaces = createSurfaces(deps)

  return (c) =>
    surfaces.answer(c, opendental, async (request, caller) => {
      const say = (reply: Reply) => ok(toResponse(reply, caller.requestId))
      if (isBelowApiKeys(c.req.path)) return say(refuseResource())
      if (!METHODS.includes(request.method)) return say(refuseMethod({ Allow: METHODS.join(', ') }))

      const credential = opendental.read(request.headers)
      if (!credential.ok) return credential
      const key = await authenticate(credential.value, caller)
      if (!key.ok) return key
      const portal = mayManage(key.value)
      if (!portal.ok) return portal

      const done = await perform(request, portal.value)
      if (!done.ok) return done
      const answer = done.value
      if (answer.ok) return say(answer.value)
      const refusal = { reason: 'customer_key_refused', why: answer.failure.reason } as const
      return ok(surfaces.refuse(opendental, refusal, refuseKey(answer.failure), caller))
    })

  function perform(request: Request, portal: Portal): Promise<Answered> {
    if (request.method === 'POST') return create(request, portal)
    if (request.method === 'PUT') return update(request, portal)
    return list(portal)
  }

  async function list(portal: Portal): Promise<Answered> {
    const found = await customerKeys.list(portal)
    const now = clock()
    const records = found.map((key) => recordOf(key, now))
    return ok(ok(json(200, records)))
  }

  async function create(request: Request, portal: Portal): Promise<Answered> {
    const nothing = await readNoParameters(request)
    return nothing.ok ? ok(tell(201, await customerKeys.create(portal))) : nothing
  }

  async function update(request: Request, portal: Portal): Promise<Answered> {
    const given = await readParameters(request)
    if (!given.ok) return given
    const wish = readChange(given.value)
    if (!wish.ok) return wish
    const { secret, change } = wish.value
    return ok(tell(200, await customerKeys.update(portal, secret, change)))
  }

  function tell(
    status: number,
    key: Result<Revealed, CustomerKeyRefusal>,
  ): Result<Reply, CustomerKeyRefusal> {
    return key.ok ? ok(json(status, recordOf(key.value, clock()))) : key
  }
}
