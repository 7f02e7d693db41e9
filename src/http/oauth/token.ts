import type { AssertionProfile } from '../../domain/client-assertion.ts'
import { fail, type InputFailure, ok, type Result } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import type { RecordRefusal } from '../../service/audit/record-refusal.ts'
import type { Caller } from '../../service/caller.ts'
import type { ClientCredential, ClientFailure } from '../../service/oauth/authenticate-client.ts'
import type { ClientToken, RequestToken } from '../../service/oauth/request-token.ts'
import type { Log } from '../../service/ports/runtime.ts'
import { createBasicChallenge, hasScheme } from '../authorization.ts'
import { createJsonReply, type Reply, replyToFailure } from '../reply.ts'
import type { HttpDeps, RequestHeaders, ServerRequest } from '../request.ts'
import { createPostRoute, type ServerRoute } from '../server-route.ts'
import {
  type FormParameters,
  parseBasicReadings,
  readFormParameters,
  toCredential,
} from './token-form.ts'
import {
  createErrorReplies,
  STANDARD_REPLIES,
  type TokenEndpointFailure,
  type TokenReplyContext,
  VENDOR_REPLIES,
} from './token-replies.ts'

export interface TokenEndpointDeps extends HttpDeps {
  readonly requestToken: RequestToken
  readonly recordRefusal: RecordRefusal
  readonly log: Log
  /** The issuer: the server's public URL. */
  readonly publicUrl: string
  /** The product's name in the vendor's texts. */
  readonly applicationName: string
}

export const VENDOR_TOKEN_PATH = '/v2/auth/token'
export const STANDARD_TOKEN_PATH = '/oauth2/token'

/** One endpoint: its path, its rules for assertions, and its words. */
interface TokenEndpoint {
  readonly path: string
  readonly profile: AssertionProfile
  readonly replies: typeof VENDOR_REPLIES
}

const STANDARD_ENDPOINT: TokenEndpoint = {
  path: STANDARD_TOKEN_PATH,
  profile: 'standard',
  replies: STANDARD_REPLIES,
}
const ENDPOINTS: readonly TokenEndpoint[] = [
  { path: VENDOR_TOKEN_PATH, profile: 'vendor', replies: VENDOR_REPLIES },
  STANDARD_ENDPOINT,
]

/** Creates both token endpoints: one implementation, and two tables of words. */
export function createTokenEndpoints(deps: TokenEndpointDeps): ServerRoute[] {
  const { publicUrl, applicationName } = deps
  const audiences = listAudiences(publicUrl)
  return ENDPOINTS.map((endpoint) => {
    const { path, profile, replies } = endpoint
    return createPostRoute(path, deps, {
      ...createErrorReplies(profile),
      async handle(request, caller) {
        const result = await handleTokenRequest(deps, endpoint, audiences, request, caller)
        if (result.ok) return createTokenReply(result.value)
        const challenge = hasScheme(request.headers, 'basic') ? createBasicChallenge() : null
        const context: TokenReplyContext = { applicationName, challenge }
        const reply = replyToFailure(replies, result.failure, context)
        deps.recordRefusal.recordResponse(caller, reply)
        return reply
      },
    })
  })
}

/** Creates a function that words a refusal as the endpoint at the path does, without a challenge. */
export const createTokenRefuser =
  ({ applicationName }: Pick<TokenEndpointDeps, 'applicationName'>) =>
  (failure: TokenEndpointFailure, path: string): Reply => {
    const { replies } = ENDPOINTS.find((endpoint) => endpoint.path === path) ?? STANDARD_ENDPOINT
    return replyToFailure(replies, failure, { applicationName, challenge: null })
  }

/** Lists the `aud` values of assertions for an endpoint: the issuer, the token URLs, and its own. */
export const listAudiences = (publicUrl: string, ownPath?: string): readonly string[] => [
  publicUrl,
  ...ENDPOINTS.map(({ path }) => `${publicUrl}${path}`),
  ...(ownPath === undefined ? [] : [`${publicUrl}${ownPath}`]),
]

async function handleTokenRequest(
  { requestToken, recordRefusal }: TokenEndpointDeps,
  { profile }: TokenEndpoint,
  audiences: readonly string[],
  request: ServerRequest,
  caller: Caller,
): Promise<Result<ClientToken, TokenEndpointFailure>> {
  const parameters = await readFormParameters(request)
  const parsed = parameters.ok
    ? parseTokenRequest(parameters.value, request.headers, profile, audiences)
    : parameters
  if (parsed.ok) return requestToken(parsed.value, caller)
  recordRefusal('token', parsed.failure, caller)
  return parsed
}

function parseTokenRequest(
  parameters: FormParameters,
  headers: RequestHeaders,
  profile: AssertionProfile,
  audiences: readonly string[],
): Result<
  { readonly credential: ClientCredential; readonly scope: string | null },
  InputFailure | ClientFailure
> {
  const grantType = parameters.get('grant_type')
  if (grantType === undefined) return fail({ reason: 'grant_type_missing' })
  if (grantType !== 'client_credentials') return fail({ reason: 'grant_type_unsupported' })
  const credential = parseClientCredential(parameters, headers, profile, audiences)
  return credential.ok
    ? ok({ credential: credential.value, scope: parameters.get('scope') ?? null })
    : credential
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Reads the one proof of the client's identity (RFC 6749 §2.3; RFC 7521 §4.2). */
export function parseClientCredential(
  parameters: FormParameters,
  headers: RequestHeaders,
  profile: AssertionProfile,
  audiences: readonly string[],
): Result<ClientCredential, ClientFailure> {
  const clientId = parameters.get('client_id')
  const secret = parameters.get('client_secret')
  const hasAssertion = parameters.has('client_assertion') || parameters.has('client_assertion_type')
  const isBasic = hasScheme(headers, 'basic')
  if ([secret !== undefined, hasAssertion, isBasic].filter(Boolean).length > 1) {
    return fail({ reason: 'client_authentication_repeated' })
  }
  if (profile === 'standard' && isBasic) {
    const readings = parseBasicReadings(headers.get('authorization') ?? '')
    if (!readings.ok) return readings
    const isOther =
      clientId !== undefined &&
      readings.value.every(({ publicId }) => publicId !== toStoredId(clientId))
    return isOther
      ? fail({ reason: 'client_id_other' })
      : ok({ method: 'client_secret_basic', readings: readings.value })
  }
  if (profile === 'standard' && secret !== undefined) {
    return clientId === undefined
      ? fail({ reason: 'credential_missing' })
      : ok({ method: 'client_secret_post', readings: [toCredential(clientId, secret)] })
  }
  const type = parameters.get('client_assertion_type')
  if (type === undefined) return fail({ reason: 'assertion_type_missing' })
  if (type !== ASSERTION_TYPE) return fail({ reason: 'assertion_type_unsupported' })
  const assertion = parameters.get('client_assertion')
  if (assertion === undefined) return fail({ reason: 'assertion_missing' })
  return ok({
    method: 'private_key_jwt',
    assertion,
    profile,
    audiences,
    clientId: clientId ?? null,
  })
}

/** RFC 6749 §5.1. There is no refresh token: a client asks anew (§4.4.3). */
function createTokenReply({ accessToken, lifetimeSeconds, scopes }: ClientToken): Reply {
  return createJsonReply(200, {
    access_token: accessToken,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    token_type: 'Bearer',
    expires_in: lifetimeSeconds,
  })
}
