import {
  fail,
  type InputFailure,
  ok,
  type Result,
  type TokenFailure,
} from '../../domain/failure.ts'
import type { RecordRefusal } from '../../service/audit/record-refusal.ts'
import type { Caller } from '../../service/caller.ts'
import type { ClientFailure } from '../../service/oauth/authenticate-client.ts'
import type {
  IntrospectionCredential,
  IntrospectToken,
  TokenDescription,
} from '../../service/oauth/introspect-token.ts'
import type { RevokeToken } from '../../service/oauth/revoke-token.ts'
import type { Log } from '../../service/ports/runtime.ts'
import {
  createBasicChallenge,
  createBearerChallenge,
  hasScheme,
  parseBearerToken,
} from '../authorization.ts'
import { createJsonReply, type Reply, type ReplyTable, replyToFailure } from '../reply.ts'
import type { HttpDeps, RequestHeaders, ServerRequest } from '../request.ts'
import { createPostRoute, type ServerRoute } from '../server-route.ts'
import { listAudiences, parseClientCredential } from './token.ts'
import { type FormParameters, readFormParameters } from './token-form.ts'
import {
  createErrorReplies,
  STANDARD_REPLIES,
  type TokenEndpointFailure,
  type TokenReplyContext,
} from './token-replies.ts'

export interface TokenManagementDeps extends HttpDeps {
  readonly revokeToken: RevokeToken
  readonly introspectToken: IntrospectToken
  readonly recordRefusal: RecordRefusal
  readonly log: Log
  /** The issuer: the server's public URL. */
  readonly publicUrl: string
  readonly applicationName: string
}

export const REVOCATION_PATH = '/oauth2/revoke'
export const INTROSPECTION_PATH = '/oauth2/introspect'

type ManagementFailure = TokenEndpointFailure | TokenFailure

/** Creates the endpoints at which clients end tokens (RFC 7009), and resource servers look them up (RFC 7662). */
export function createTokenManagementRoutes(deps: TokenManagementDeps): ServerRoute[] {
  const revocationRoute = createManagementRoute(deps, {
    path: REVOCATION_PATH,
    surface: 'revocation',
    parseCredential: parseClientCredential,
    async handle(request, caller) {
      const revoked = await deps.revokeToken(request, caller)
      return revoked.ok ? ok(REVOKED_REPLY) : revoked
    },
    createChallenge: (headers) => (hasScheme(headers, 'basic') ? createBasicChallenge() : null),
  })
  const introspectionRoute = createManagementRoute(deps, {
    path: INTROSPECTION_PATH,
    surface: 'introspection',
    parseCredential: parseIntrospectionCredential,
    async handle(request, caller) {
      const description = await deps.introspectToken(request, caller)
      return description.ok
        ? ok(createIntrospectionReply(description.value, deps.publicUrl))
        : description
    },
    createChallenge: (headers) =>
      hasScheme(headers, 'basic') ? createBasicChallenge() : createBearerChallenge(),
  })
  return [revocationRoute, introspectionRoute]
}

/** An endpoint that takes a token and a client's credential. */
interface ManagementRoute<Credential> {
  readonly path: string
  /** The name of the endpoint in the audit. */
  readonly surface: string
  readonly parseCredential: (
    parameters: FormParameters,
    headers: RequestHeaders,
    profile: 'standard',
    audiences: readonly string[],
  ) => Result<Credential, ManagementFailure>
  readonly handle: (
    request: { readonly credential: Credential; readonly token: string },
    caller: Caller,
  ) => Promise<Result<Reply, ManagementFailure>>
  /** The challenge of a client that is not authenticated; null for a reply without one. */
  readonly createChallenge: (headers: RequestHeaders) => TokenReplyContext['challenge']
}

function createManagementRoute<Credential>(
  deps: TokenManagementDeps,
  route: ManagementRoute<Credential>,
): ServerRoute {
  const audiences = listAudiences(deps.publicUrl, route.path)
  return createPostRoute(route.path, deps, {
    ...createErrorReplies('standard'),
    async handle(request, caller) {
      const parsed = await parseTokenRequest(route, request, audiences)
      if (!parsed.ok) deps.recordRefusal(route.surface, parsed.failure, caller)
      const reply = parsed.ok ? await route.handle(parsed.value, caller) : parsed
      if (reply.ok) return reply.value
      const { applicationName } = deps
      const context = { applicationName, challenge: route.createChallenge(request.headers) }
      const refusal = replyToFailure(REPLIES, reply.failure, context)
      deps.recordRefusal.recordResponse(caller, refusal)
      return refusal
    },
  })
}

async function parseTokenRequest<Credential>(
  { parseCredential }: ManagementRoute<Credential>,
  request: ServerRequest,
  audiences: readonly string[],
): Promise<Result<{ credential: Credential; token: string }, ManagementFailure>> {
  const parameters = await readFormParameters(request)
  if (!parameters.ok) return parameters
  const credential = parseCredential(parameters.value, request.headers, 'standard', audiences)
  if (!credential.ok) return credential
  const token = parameters.value.get('token')
  return token === undefined
    ? fail({ reason: 'field_missing', field: 'token' })
    : ok({ credential: credential.value, token })
}

/** A resource server authenticates as a client, or by an access token of its own. */
function parseIntrospectionCredential(
  parameters: FormParameters,
  headers: RequestHeaders,
  profile: 'standard',
  audiences: readonly string[],
): Result<IntrospectionCredential, InputFailure | ClientFailure> {
  if (!hasScheme(headers, 'bearer')) {
    return parseClientCredential(parameters, headers, profile, audiences)
  }
  if (parameters.has('client_secret') || parameters.has('client_assertion')) {
    return fail({ reason: 'client_authentication_repeated' })
  }
  const token = parseBearerToken(headers.get('authorization'))
  return token.ok ? ok({ accessToken: token.value }) : token
}

/** The body is ignored, whatever the token was (RFC 7009 §2.2). */
const REVOKED_REPLY: Reply = { status: 200, body: '', type: 'text/plain; charset=utf-8' }

/** RFC 7662 §2.2. Without nested values, so that proxies can make headers of them. */
const createIntrospectionReply = (token: TokenDescription | null, publicUrl: string): Reply =>
  createJsonReply(
    200,
    token === null
      ? { active: false }
      : {
          active: true,
          client_id: token.clientId,
          sub: token.subject,
          ...(token.scopes.length > 0 && { scope: token.scopes.join(' ') }),
          exp: token.expiresAt / 1000,
          iat: token.issuedAt / 1000,
          iss: publicUrl,
          aud: token.audience ?? publicUrl,
          token_type: 'Bearer',
        },
  )

/** A resource server whose own access token does not work (RFC 7662 §2.3). */
const refuseAccessToken = (): Reply =>
  createJsonReply(
    401,
    { error: 'invalid_token', error_description: 'The access token does not work here.' },
    createBearerChallenge('invalid_token'),
  )

const REPLIES: ReplyTable<TokenReplyContext, ManagementFailure> = {
  ...STANDARD_REPLIES,
  token_forged: refuseAccessToken,
  token_expired: refuseAccessToken,
  token_from_future: refuseAccessToken,
  token_superseded: refuseAccessToken,
  token_revoked: refuseAccessToken,
  scope_insufficient: ({ scope }) =>
    createJsonReply(
      401,
      { error: 'insufficient_scope', error_description: 'The access token lacks the scope.' },
      createBearerChallenge('insufficient_scope', { scope }),
    ),
  grant_revoked: refuseAccessToken,
  refresh_outdated: refuseAccessToken,
  refresh_reused: refuseAccessToken,
}
