import type { Context } from 'hono'
import {
  type CredentialFailure,
  type Failure,
  type InputFailure,
  ok,
  type Result,
  type SurfaceFailure,
  type SurfaceRefusal,
} from '../../domain/failure.ts'
import type { Key } from '../../domain/key.ts'
import type { Credential, Surface } from '../../domain/key-type.ts'
import type { RecordRefusal } from '../../service/audit/record-refusal.ts'
import {
  type Authenticate,
  type AuthenticatedKey,
  checkMethods,
} from '../../service/authenticate/authenticate.ts'
import type { Caller } from '../../service/caller.ts'
import type { Log } from '../../service/ports/runtime.ts'
import type { RequestAuthenticator } from '../proxy/forward-auth.ts'
import { toUpstreamIdentity } from '../proxy/headers.ts'
import type { ProxyRequest } from '../proxy/upstream.ts'
import { type Reply, type ReplyTable, toResponse } from '../reply.ts'
import { type HttpDeps, identifyCaller, type RequestHeaders } from '../request.ts'
import { replyToError } from '../server-route.ts'

/** A protocol whose credential comes with every request: how to read it, and how to word a refusal. */
export interface VendorProtocol {
  /** The name of the protocol in the log. */
  readonly name: string
  /** The beginning of the paths whose requests bring this credential. */
  readonly pathPattern: RegExp
  /** Recognizes a credential of this type, valid or not. */
  readonly hasCredential: (headers: RequestHeaders) => boolean
  /** Recognizes a possible part of such a credential, if no other type claims it. */
  readonly hasPartialCredential?: (headers: RequestHeaders) => boolean
  /** Never throws, whatever the headers. */
  readonly parseCredential: (headers: RequestHeaders) => Result<Credential, CredentialFailure>
  /** `path` selects the format, because surfaces of one protocol may differ. */
  readonly refuseRequest: (failure: SurfaceFailure, path: string) => Reply
  /** The reply to a bug or a broken machine: 500. */
  readonly replyServerError: (path: string) => Reply
}

export interface SurfaceDeps extends HttpDeps {
  readonly authenticate: Authenticate
  readonly proxyRequest: ProxyRequest
  readonly recordRefusal: RecordRefusal
  readonly log: Log
}

/** Lets a proxy authenticate requests by the protocol. */
export const createKeyAuthenticator = (
  protocol: VendorProtocol,
  authenticate: Authenticate,
): RequestAuthenticator => ({
  name: protocol.name,
  hasCredential: protocol.hasCredential,
  hasPartialCredential: protocol.hasPartialCredential ?? (() => false),
  authenticate(headers, caller) {
    const credential = protocol.parseCredential(headers)
    return credential.ok ? authenticate(credential.value, caller) : credential
  },
  // It receives only failures that its own `authenticate` returned.
  refuseRequest: (failure, path) => protocol.refuseRequest(failure as SurfaceFailure, path),
  replyServerError: protocol.replyServerError,
})

/** Forwards each authorized request to the upstream of the surface. */
export const createProxyHandler =
  (deps: SurfaceDeps, protocol: VendorProtocol, surface: Surface) =>
  (c: Context): Promise<Response> =>
    handleSurfaceRequest(deps, c, protocol, async (request, caller) => {
      const key = await authorizeRequest(deps, protocol, request, caller)
      return key.ok ? deps.proxyRequest(c, surface, toUpstreamIdentity(key.value), caller) : key
    })

/** A path that this server answers itself, with the owner of the credential. */
interface IdentityRoute {
  readonly createIdentityReply: (key: Key) => Reply
  /** The reply to any method but GET and HEAD: 405 with Allow (RFC 9110 §15.5.6). */
  readonly replyMethodNotAllowed: (headers: Readonly<Record<string, string>>) => Reply
}

/** RFC 9110 §9.1: a server that supports GET supports HEAD. */
const IDENTITY_METHODS = ['GET', 'HEAD']

export const createIdentityHandler =
  (
    deps: SurfaceDeps,
    protocol: VendorProtocol,
    { createIdentityReply, replyMethodNotAllowed }: IdentityRoute,
  ) =>
  (c: Context): Promise<Response> =>
    handleSurfaceRequest(deps, c, protocol, async (request, caller) => {
      const respond = (reply: Reply) => ok(toResponse(reply, caller))
      if (!IDENTITY_METHODS.includes(request.method))
        return respond(replyMethodNotAllowed({ Allow: IDENTITY_METHODS.join(', ') }))
      const key = await authorizeRequest(deps, protocol, request, caller)
      return key.ok ? respond(createIdentityReply(key.value.key)) : key
    })

/** Finds the key of the request's credential, if it permits the method. */
export async function authorizeRequest(
  { authenticate }: SurfaceDeps,
  protocol: VendorProtocol,
  { headers, method }: Request,
  caller: Caller,
): Promise<Result<AuthenticatedKey, SurfaceFailure>> {
  const credential = protocol.parseCredential(headers)
  if (!credential.ok) return credential
  const authenticated = await authenticate(credential.value, caller)
  return authenticated.ok ? checkMethods(authenticated.value, [method]) : authenticated
}

/** The words of a surface, for the failures that can reach it. */
export interface SurfaceProtocol<F extends Failure>
  extends Pick<VendorProtocol, 'name' | 'replyServerError'> {
  readonly refuseRequest: (failure: F | SurfaceFailure, path: string) => Reply
}

/** Runs `work`, and words its failure, or the error that it throws, in the protocol's format. */
export async function handleSurfaceRequest<F extends Failure = SurfaceFailure>(
  deps: SurfaceDeps,
  c: Context,
  protocol: SurfaceProtocol<F>,
  work: (request: Request, caller: Caller) => Promise<Result<Response, F | SurfaceFailure>>,
): Promise<Response> {
  const caller = identifyCaller(deps, c)
  const { path } = c.req
  try {
    const result = await work(c.req.raw, caller)
    if (result.ok) return result.value
    const reply = protocol.refuseRequest(result.failure, path)
    return refuseAndRecord(deps, protocol, result.failure, reply, caller)
  } catch (error) {
    const reply = replyToError(deps.log, caller, error, {
      replyUnavailable: (retryAfterSeconds) =>
        protocol.refuseRequest({ reason: 'busy', retryAfterSeconds }, path),
      replyServerError: () => protocol.replyServerError(path),
    })
    return toResponse(reply, caller)
  }
}

/** Answers with the refusal, and records it in the audit. */
export function refuseAndRecord(
  { recordRefusal }: SurfaceDeps,
  protocol: Pick<VendorProtocol, 'name'>,
  refusal: Failure | SurfaceRefusal,
  reply: Reply,
  caller: Caller,
): Response {
  recordRefusal(protocol.name, refusal, caller)
  recordRefusal.recordResponse(caller, reply)
  return toResponse(reply, caller)
}

/** Creates the replies to requests that cannot be read, which no vendor documents. `write` has the format. */
export const createInputReplies = <Context>(
  write: (
    refusal: {
      readonly status: 400 | 413
      readonly reason: InputFailure['reason']
      readonly text: string
      readonly headers: Readonly<Record<string, string>>
    },
    context: Context,
  ) => Reply,
): ReplyTable<Context, InputFailure> => {
  const writeBadRequest = (reason: InputFailure['reason'], text: string, context: Context) =>
    write({ status: 400, reason, text, headers: {} }, context)
  return {
    body_too_large: ({ reason, limitBytes }, context) => {
      const text = `The body must not be longer than ${limitBytes} bytes.`
      return write({ status: 413, reason, text, headers: { Connection: 'close' } }, context)
    },
    body_unreadable: ({ reason, detail }, context) =>
      writeBadRequest(reason, `The request cannot be read: ${detail}.`, context),
    member_repeated: ({ reason, member }, context) =>
      writeBadRequest(reason, `The request cannot be read: ${member} is there twice.`, context),
    field_missing: ({ reason, field }, context) =>
      writeBadRequest(reason, `${field} is missing.`, context),
    field_invalid: ({ reason, field, detail }, context) =>
      writeBadRequest(reason, `${field} ${detail}.`, context),
  }
}
