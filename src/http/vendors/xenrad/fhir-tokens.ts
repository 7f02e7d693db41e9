import type { Context } from 'hono'
import {
  fail,
  type InputFailure,
  ok,
  type RateLimitFailure,
  type Result,
  type SurfaceFailure,
  type TokenFailure,
} from '../../../domain/failure.ts'
import {
  type FhirRequest,
  formatFhirNeeds,
  listMissingFhirNeeds,
} from '../../../domain/fhir-access.ts'
import { createFhirGrant } from '../../../domain/scope.ts'
import type { KeyRateLimit } from '../../../service/limits/rate-limits.ts'
import type { RecordOAuthUse } from '../../../service/limits/usage-counters.ts'
import type { Guard } from '../../../service/tokens/guard.ts'
import type { Principal } from '../../../service/tokens/verify-token.ts'
import { createBearerChallenge, parseBearerToken } from '../../authorization.ts'
import { toUpstreamIdentity } from '../../proxy/headers.ts'
import { type ReplyTable, replyToFailure } from '../../reply.ts'
import { FetchRequest } from '../../request.ts'
import { decodeText, readBody } from '../../request-body.ts'
import {
  handleSurfaceRequest,
  type SurfaceDeps,
  type SurfaceProtocol,
} from '../surface-handlers.ts'
import {
  replyXenradServerError,
  type WriteRefusal,
  writeFhirRefusal,
  XENRAD_REPLIES,
} from './refusals.ts'

export interface FhirTokenDeps extends SurfaceDeps {
  readonly guard: Guard
  readonly keyRateLimit: KeyRateLimit
  readonly recordOAuthUse: RecordOAuthUse
  /** The URL of the FHIR surface's metadata (RFC 9728 §3.1). */
  readonly resourceMetadataUrl: string
}

/** Those that scopes have letters for. A site's key has fewer, which its vendor documents. */
export const FHIR_TOKEN_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

const FHIR_PATH = '/fhir'

/** Forwards the FHIR requests of an OAuth client that its scopes allow (SMART App Launch 2.2). */
export function createFhirTokenHandler(deps: FhirTokenDeps): (c: Context) => Promise<Response> {
  const protocol = createFhirTokenProtocol(deps.resourceMetadataUrl)
  return (c) =>
    handleSurfaceRequest(deps, c, protocol, async (request, caller) => {
      const token = parseBearerToken(request.headers.get('authorization'))
      const principal = token.ok ? await deps.guard(token.value, caller) : token
      if (!principal.ok) return principal
      const withinRate = deps.keyRateLimit(principal.value.key)
      if (!withinRate.ok) return withinRate
      const form = await readSearchForm(request)
      if (!form.ok) return form
      const allowed = checkFhirAccess(principal.value, request, form.value?.text ?? null)
      if (!allowed.ok) return allowed
      const { ownerId, oauthClient } = principal.value.key
      deps.recordOAuthUse([...(oauthClient?.siteIds ?? []), ownerId])
      return deps.proxyRequest(
        c,
        'fhir',
        toUpstreamIdentity(principal.value),
        caller,
        form.value?.bytes,
      )
    })
}

type FhirTokenFailure = SurfaceFailure | TokenFailure

/** Checks the scopes of everything that the response could contain or depend on. */
function checkFhirAccess(
  { key, scopes }: Principal,
  { method, url, headers }: Request,
  form: string | null,
): Result<void, FhirTokenFailure> {
  const keyId = key.id
  const { pathname, search } = new URL(url)
  const request: FhirRequest = {
    method,
    path: pathname.slice(FHIR_PATH.length),
    query: search.slice(1),
    form,
    getHeader: (name) => headers.get(name),
  }
  const missing = listMissingFhirNeeds(createFhirGrant(scopes ?? []), request)
  if (missing.length > 0) {
    return fail({ reason: 'scope_insufficient', keyId, scope: formatFhirNeeds(missing) })
  }
  // The upstream gives a caller the data of its sites: without one, it could give the data of all.
  return key.oauthClient?.siteIds.length
    ? ok(undefined)
    : fail({ reason: 'permission_missing', keyId, detail: 'it has no site' })
}

const SEARCH_FORM_LIMIT_BYTES = 64 * 1024

/** Reads the form of a search by POST, because its parameters need scopes. Null for any other body. */
async function readSearchForm(
  request: Request,
): Promise<
  Result<
    { readonly bytes: Uint8Array; readonly text: string } | null,
    InputFailure | Extract<RateLimitFailure, { reason: 'busy' }>
  >
> {
  const type = request.headers.get('content-type') ?? ''
  const isSearch = request.method === 'POST' && /\/_search\/?$/.test(new URL(request.url).pathname)
  const isForm = /^\s*application\/x-www-form-urlencoded\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type)
  if (!isSearch || !isForm) return ok(null)
  const body = await readBody(new FetchRequest(request), SEARCH_FORM_LIMIT_BYTES)
  if (!body.ok) return body
  const text = decodeText(body.value)
  return text.ok ? ok({ bytes: body.value, text: text.value }) : text
}

/** Words the refusals of a token on the FHIR surface (RFC 6750 §3; RFC 9728 §5.1). */
function createFhirTokenProtocol(resourceMetadataUrl: string): SurfaceProtocol<FhirTokenFailure> {
  const resource = { resource_metadata: resourceMetadataUrl }
  const refuseToken = (_: FhirTokenFailure, write: WriteRefusal) =>
    write({
      status: 401,
      code: 'login',
      text: 'The access token is missing, invalid or expired.',
      headers: createBearerChallenge('invalid_token', resource),
    })
  const replies: ReplyTable<WriteRefusal, FhirTokenFailure> = {
    ...XENRAD_REPLIES,
    credential_missing: refuseToken,
    credential_malformed: refuseToken,
    key_unknown: refuseToken,
    secret_missing: refuseToken,
    secret_wrong: refuseToken,
    secret_unverifiable: refuseToken,
    region_other: refuseToken,
    key_revoked: refuseToken,
    key_disabled: refuseToken,
    key_expired: refuseToken,
    key_retired: refuseToken,
    key_unassigned: refuseToken,
    account_closed: refuseToken,
    address_refused: refuseToken,
    token_forged: refuseToken,
    token_expired: refuseToken,
    token_from_future: refuseToken,
    token_superseded: refuseToken,
    token_revoked: refuseToken,
    grant_revoked: refuseToken,
    refresh_outdated: refuseToken,
    refresh_reused: refuseToken,
    permission_missing: ({ detail }, write) =>
      write({
        status: 403,
        code: 'forbidden',
        text: `The access token may not do that: ${detail}.`,
      }),
    scope_insufficient: ({ scope }, write) =>
      write({
        status: 403,
        code: 'forbidden',
        text: `The access token lacks a scope that this needs: ${scope}.`,
        headers: createBearerChallenge('insufficient_scope', { scope, ...resource }),
      }),
  }
  return {
    name: 'fhir-token',
    refuseRequest: (failure) => replyToFailure(replies, failure, writeFhirRefusal),
    replyServerError: replyXenradServerError,
  }
}
