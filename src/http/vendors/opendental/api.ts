import type { Context } from 'hono'
import {
  type CredentialFailure,
  fail,
  ok,
  type Result,
  type SurfaceFailure,
} from '../../../domain/failure.ts'
import { type DeveloperPortal, openDeveloperPortal } from '../../../domain/key.ts'
import type { Credential } from '../../../domain/key-type.ts'
import type { CustomerKeyRefusal, CustomerKeys } from '../../../service/keys/customer-keys.ts'
import type { KeyWithSecret } from '../../../service/keys/input.ts'
import type { Clock } from '../../../service/ports/runtime.ts'
import { createJsonReply, type Reply, toResponse } from '../../reply.ts'
import type { RequestHeaders } from '../../request.ts'
import {
  createProxyHandler,
  handleSurfaceRequest,
  refuseAndRecord,
  type SurfaceDeps,
  type VendorProtocol,
} from '../surface-handlers.ts'
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
  refuseOpenDentalRequest,
  replyNotFound,
  replyOpenDentalMethodNotAllowed,
  replyOpenDentalServerError,
} from './refusals.ts'

/** Also recognizes a malformed credential: no other scheme begins like this. */
export const hasOdfhirScheme = (headers: RequestHeaders): boolean =>
  /^odfhir/i.test(headers.get('Authorization') ?? '')

/**
 * `ODFHIR DeveloperKey/Key` in printable ASCII, without base64. The first slash splits: a developer key has none,
 * an imported key may have one. Blanks around each part are allowed, because pasted keys come with them. Two
 * headers arrive joined by a comma and a blank, which no key contains, so they are refused.
 */
const ODFHIR_PATTERN = /^odfhir[ \t]+([\x21-\x2e\x30-\x7e]+)[ \t]*\/[ \t]*([\x21-\x7e]+)[ \t]*$/i

/** Parses the pair of keys, which are opaque and case-sensitive. */
export function parseOdfhirCredential(
  headers: RequestHeaders,
): Result<Credential, CredentialFailure> {
  const header = headers.get('Authorization')
  if (header === null || header === '') return fail({ reason: 'credential_missing' })
  const [, developerKey, secret] = ODFHIR_PATTERN.exec(header) ?? []
  if (developerKey === undefined || secret === undefined) {
    return fail({ reason: 'credential_malformed', detail: 'not ODFHIR and two keys' })
  }
  return ok({ keyType: 'opendental', developerKey, secret })
}

export const opendentalProtocol: VendorProtocol = {
  name: 'opendental',
  // Its clients also call /api/v1, with XDENT's: `hasCredential` tells them apart.
  pathPattern: /^\/apikeys\b/,
  hasCredential: hasOdfhirScheme,
  parseCredential: parseOdfhirCredential,
  refuseRequest: refuseOpenDentalRequest,
  replyServerError: replyOpenDentalServerError,
}

/** Handles `/api/v1/*` and `/apikeys`: answers the list of keys itself, and forwards everything else. */
export function createOpendentalHandler(deps: CustomerKeyDeps): (c: Context) => Promise<Response> {
  const proxyHandler = createProxyHandler(deps, opendentalProtocol, 'opendental')
  return (c) => (isKeyListPath(c.req.path) ? handleKeyList(deps, c) : proxyHandler(c))
}

export interface CustomerKeyDeps extends SurfaceDeps {
  readonly customerKeys: CustomerKeys
  readonly clock: Clock
}

const KEY_LIST_METHODS = ['GET', 'HEAD', 'POST', 'PUT']

/** A reply or a refused change of a customer key; the outer failure is of the request itself. */
type KeyListResult = Result<Result<Reply, CustomerKeyRefusal>, SurfaceFailure>

/** Handles `/apikeys`: a developer manages customer keys with the developer's portal key. */
const handleKeyList = (deps: CustomerKeyDeps, c: Context): Promise<Response> =>
  handleSurfaceRequest(deps, c, opendentalProtocol, async (request, caller) => {
    const respond = (reply: Reply) => ok(toResponse(reply, caller))
    if (isBelowKeyListPath(c.req.path)) return respond(replyNotFound())
    if (!KEY_LIST_METHODS.includes(request.method))
      return respond(replyOpenDentalMethodNotAllowed({ Allow: KEY_LIST_METHODS.join(', ') }))

    const credential = opendentalProtocol.parseCredential(request.headers)
    if (!credential.ok) return credential
    const key = await deps.authenticate(credential.value, caller)
    if (!key.ok) return key
    const portal = openDeveloperPortal(key.value.key)
    if (!portal.ok) return portal

    const result = await performKeyListMethod(deps, request, portal.value)
    if (!result.ok) return result
    const outcome = result.value
    if (outcome.ok) return respond(outcome.value)
    const refusal = { reason: 'customer_key_refused', why: outcome.failure.reason } as const
    const reply = refuseKeyChange(outcome.failure)
    return ok(refuseAndRecord(deps, opendentalProtocol, refusal, reply, caller))
  })

function performKeyListMethod(
  deps: CustomerKeyDeps,
  request: Request,
  portal: DeveloperPortal,
): Promise<KeyListResult> {
  if (request.method === 'POST') return createKey(deps, request, portal)
  if (request.method === 'PUT') return updateKey(deps, request, portal)
  return listKeys(deps, portal)
}

async function listKeys(
  { customerKeys, clock }: CustomerKeyDeps,
  portal: DeveloperPortal,
): Promise<KeyListResult> {
  const keys = await customerKeys.list(portal)
  const now = clock()
  return ok(
    ok(
      createJsonReply(
        200,
        keys.map((key) => toCustomerKeyRecord(key, now)),
      ),
    ),
  )
}

async function createKey(
  { customerKeys, clock }: CustomerKeyDeps,
  request: Request,
  portal: DeveloperPortal,
): Promise<KeyListResult> {
  const noParameters = await requireNoParameters(request)
  return noParameters.ok
    ? ok(toKeyReply(201, await customerKeys.create(portal), clock()))
    : noParameters
}

async function updateKey(
  { customerKeys, clock }: CustomerKeyDeps,
  request: Request,
  portal: DeveloperPortal,
): Promise<KeyListResult> {
  const parameters = await readParameters(request)
  if (!parameters.ok) return parameters
  const parseResult = parseKeyChange(parameters.value)
  if (!parseResult.ok) return parseResult
  const { secret, change } = parseResult.value
  return ok(toKeyReply(200, await customerKeys.update(portal, secret, change), clock()))
}

const toKeyReply = (
  status: number,
  key: Result<KeyWithSecret, CustomerKeyRefusal>,
  now: number,
): Result<Reply, CustomerKeyRefusal> =>
  key.ok ? ok(createJsonReply(status, toCustomerKeyRecord(key.value, now))) : key
