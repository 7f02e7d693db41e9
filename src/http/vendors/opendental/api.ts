import type { Context } from 'hono'
import { ok, type Result, type SurfaceFailure } from '../../../domain/failure.ts'
import { type DeveloperPortal, openDeveloperPortal } from '../../../domain/key.ts'
import type { CustomerKeyRefusal, CustomerKeys } from '../../../service/keys/customer-keys.ts'
import type { KeyWithSecret } from '../../../service/keys/input.ts'
import type { Clock } from '../../../service/ports/runtime.ts'
import { createJsonReply, type Reply, toResponse } from '../../reply.ts'
import {
  createSurfaceHandlers,
  type SurfaceDeps,
  type VendorProtocol,
} from '../surface-handlers.ts'
import { hasOdfhirScheme, parseOdfhirCredential } from './credential.ts'
import {
  parseKeyChange,
  readParameters,
  requireNoParameters,
  toCustomerKeyRecord,
} from './key-record.ts'
import {
  isBelowKeyListPath,
  isKeyListPath,
  refuseKeyChange,
  refuseRequest,
  replyMethodNotAllowed,
  replyNotFound,
  replyServerError,
} from './refusals.ts'

export const opendentalProtocol: VendorProtocol = {
  name: 'opendental',
  hasCredential: hasOdfhirScheme,
  parseCredential: parseOdfhirCredential,
  refuseRequest,
  replyServerError: replyServerError,
}

/** `/api/v1/*` and `/apikeys`, every method: keys are answered here, data by what stands behind. */
export function createOpendentalHandler(deps: CustomerKeyDeps): (c: Context) => Promise<Response> {
  const proxyHandler = createSurfaceHandlers(deps).createProxyHandler(
    opendentalProtocol,
    'opendental',
  )
  const keyListHandler = createKeyListHandler(deps)
  return (c) => (isKeyListPath(c.req.path) ? keyListHandler(c) : proxyHandler(c))
}

export interface CustomerKeyDeps extends SurfaceDeps {
  readonly customerKeys: CustomerKeys
  readonly clock: Clock
}

const KEY_LIST_METHODS = ['GET', 'HEAD', 'POST', 'PUT']

/** An answer, or why the customer key was left as it is; or what is wrong with the request. */
type KeyListResult = Result<Result<Reply, CustomerKeyRefusal>, SurfaceFailure>

/** `/apikeys`: what a developer does with his customer keys, by his own key. */
export function createKeyListHandler(deps: CustomerKeyDeps): (c: Context) => Promise<Response> {
  const { customerKeys, authenticate, clock } = deps
  const surfaces = createSurfaceHandlers(deps)

  return (c) =>
    surfaces.handleRequest(c, opendentalProtocol, async (request, caller) => {
      const respond = (reply: Reply) => ok(toResponse(reply, caller.requestId))
      if (isBelowKeyListPath(c.req.path)) return respond(replyNotFound())
      if (!KEY_LIST_METHODS.includes(request.method))
        return respond(replyMethodNotAllowed({ Allow: KEY_LIST_METHODS.join(', ') }))

      const credential = opendentalProtocol.parseCredential(request.headers)
      if (!credential.ok) return credential
      const key = await authenticate(credential.value, caller)
      if (!key.ok) return key
      const portal = openDeveloperPortal(key.value)
      if (!portal.ok) return portal

      const result = await performMethod(request, portal.value)
      if (!result.ok) return result
      const outcome = result.value
      if (outcome.ok) return respond(outcome.value)
      const refusal = { reason: 'customer_key_refused', why: outcome.failure.reason } as const
      return ok(
        surfaces.refuseAndRecord(
          opendentalProtocol,
          refusal,
          refuseKeyChange(outcome.failure),
          caller,
        ),
      )
    })

  function performMethod(request: Request, portal: DeveloperPortal): Promise<KeyListResult> {
    if (request.method === 'POST') return createKey(request, portal)
    if (request.method === 'PUT') return updateKey(request, portal)
    return listKeys(portal)
  }

  async function listKeys(portal: DeveloperPortal): Promise<KeyListResult> {
    const keys = await customerKeys.list(portal)
    const now = clock()
    const records = keys.map((key) => toCustomerKeyRecord(key, now))
    return ok(ok(createJsonReply(200, records)))
  }

  async function createKey(request: Request, portal: DeveloperPortal): Promise<KeyListResult> {
    const noParameters = await requireNoParameters(request)
    return noParameters.ok ? ok(toReply(201, await customerKeys.create(portal))) : noParameters
  }

  async function updateKey(request: Request, portal: DeveloperPortal): Promise<KeyListResult> {
    const parameters = await readParameters(request)
    if (!parameters.ok) return parameters
    const parseResult = parseKeyChange(parameters.value)
    if (!parseResult.ok) return parseResult
    const { secret, change } = parseResult.value
    return ok(toReply(200, await customerKeys.update(portal, secret, change)))
  }

  function toReply(
    status: number,
    key: Result<KeyWithSecret, CustomerKeyRefusal>,
  ): Result<Reply, CustomerKeyRefusal> {
    return key.ok ? ok(createJsonReply(status, toCustomerKeyRecord(key.value, clock()))) : key
  }
}
